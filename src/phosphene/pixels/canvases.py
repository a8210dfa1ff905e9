"""Built-in canvases: pictures to start from where there is no file.

The clouds are a small volume of air in which light is followed: heaps with flat bases stand on a plane, overlapping
bumps roughen them, and every ray from the eye gathers the sunlight that reaches it. Only proportions are fixed, so the
same sky appears in any size.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeGuard

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from phosphene.errors import SettingsError, UnknownNameError, nearest
from phosphene.names import CANVASES
from phosphene.pixels.motifs import motif


def is_canvas(source: object) -> TypeGuard[str]:
    """Whether a source is a canvas's name, and no file's."""
    return isinstance(source, str) and source in CANVASES and not Path(source).exists()


def canvas(name: str, height: int, width: int, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Paints one of `CANVASES`: `[1, 3, height, width]`, 0..1, sRGB; always the same for the same arguments.

    Another seed gives another sky, other noise or other flowers. The painting is done in float32, whatever the
    result's dtype.

    Raises:
        UnknownNameError: If there is no such canvas.
        SettingsError: If the size is impossible.

    >>> canvas("grey", 2, 3).mean().item()
    0.5
    """
    if name not in CANVASES:
        raise UnknownNameError(f"Unknown canvas {name!r}.{nearest(name, CANVASES)} Allowed: {', '.join(CANVASES)}.")
    if height < 1 or width < 1:
        raise SettingsError(f"A canvas of {width}×{height} pixels is not possible. Allowed: 1×1 or more.")
    painters: dict[str, Callable[[int, int, Generator], Tensor]] = {"clouds": _clouds, "noise": _noise, "grey": _grey}
    generator = torch.Generator().manual_seed(seed + _CHOSEN)
    paint = painters.get(name, partial(motif, name))
    return paint(height, width, generator).to(dtype)


def _grey(height: int, width: int, generator: Generator) -> Tensor:
    return torch.full((1, 3, height, width), 0.5, dtype=torch.float32)


def _noise(height: int, width: int, generator: Generator) -> Tensor:
    """Mostly grey grain, with a little of its own in each channel."""
    grain = torch.randn(1, 1, height, width, generator=generator, dtype=torch.float32) * 0.08
    colour = torch.randn(1, 3, height, width, generator=generator, dtype=torch.float32) * 0.05
    return (0.5 + grain + colour).clamp(0, 1)


# The sky. Lengths are in kilometres or thereabouts; x points right, y up, z away.

_EYE = 1.0  # how far the clouds' bases are above the eye
_TALLEST = 0.85  # how far a cloud can rise above its base
_FAR, _HAZE = 20.0, 11.0  # where the world ends, and how far one sees before haze takes most of it
_PERIOD, _PUFF_PERIOD = 9.0, 1.6  # after which the clouds and their bumps repeat, unnoticed
_COVER, _STEEP = 0.47, 1.1  # how much stays blue, in standard deviations, and how quickly clouds rise from there
_BOIL, _WARP = 0.25, 0.25  # how far bumps lift a cloud's top and push its sides
_THICKNESS = 9.0  # how quickly cloud dims light, per length
_FIELD_OF_VIEW = 62.0  # degrees across the longer side
_HORIZON = 0.97  # its place in the picture, from the top
_STEPS = 110  # along each ray
_FINEST = 1280  # pixels of the longer side that are painted; a larger sky is a magnified one
_OPAQUE = 0.02  # light left behind a cloud that is as good as none
_CHOSEN = 2  # added to the seed, so that seed 0 shows a sky picked by eye
_SIDEWAYS = torch.tensor([0.8, 0.0, 0.6], dtype=torch.float32)
_SUN = F.normalize(torch.tensor([-0.62, 0.50, -0.30], dtype=torch.float32), dim=0)  # over the left shoulder
_SUNLIGHT, _SHADE, _SKYLIGHT = (0.86, 0.795, 0.69), (0.28, 0.34, 0.44), (0.38, 0.44, 0.54)
_DUSK, _GLOW = 1.5, (1.0, 0.86, 0.66)  # how much darker evening is, and the colour of its light
_ZENITH, _MIDDLE, _LOW = (0.07, 0.21, 0.50), (0.26, 0.50, 0.80), (0.80, 0.87, 0.92)


@dataclass(frozen=True)
class _Air:
    """Where cloud is."""

    # Both end with their first samples once more, so that values between the last and the first can be interpolated.
    tops: Tensor  # `[1, 1, n, n]`, height of the clouds over their base, repeating every `_PERIOD`
    puffs: Tensor  # `[1, 1, m, m, m]`, bumps around 0, repeating every `_PUFF_PERIOD`

    def density(self, points: Tensor, softness: Tensor) -> Tensor:
        """`[N]` in 0..1 at points `[3, N]`; edges are as wide as `softness` `[N]`, so that steps do not miss them."""
        depth = self._depth(points)
        near = (depth > -0.3).nonzero()[:, 0]  # no bump reaches further out
        inside = points[:, near]
        bumps = _at(self.puffs, inside / _PUFF_PERIOD)
        height = (inside[1] / 0.3).clamp(0, 1)
        # Bases are smooth, and tops boil.
        bulge = (0.05 + _BOIL * height) * bumps
        depth[near] = self._depth(inside + _WARP * height * bumps * _SIDEWAYS[:, None]) + bulge
        return torch.zeros_like(depth).index_copy(0, near, _ramp(depth[near], softness[near]))

    def _depth(self, points: Tensor) -> Tensor:
        """How deep in the smooth cloud the points lie; negative outside."""
        top = _at(self.tops, points[[0, 2]] / _PERIOD)
        return torch.minimum(top - points[1], 3 * points[1] + 0.06)


def _clouds(height: int, width: int, generator: Generator) -> Tensor:
    scale = min(1.0, _FINEST / max(height, width))
    small = max(1, round(height * scale)), max(1, round(width * scale))
    air = _heaps(generator)
    rays = _rays(*small)
    picture = _gather(air, rays, _blue(rays), generator).reshape(1, 3, *small)
    if small != (height, width):
        picture = F.interpolate(picture, (height, width), mode="bicubic", align_corners=False)
    return _evening(picture.clamp(0, 1))


def _evening(day: Tensor) -> Tensor:
    """The same sky with a low sun: darker, with warm lights.

    Bright clouds leave a dream no room to become brighter, and a blue sky alone gives it few colours.
    """
    dusk = day**_DUSK
    lit = (1.6 * (dusk.mean(1, keepdim=True) - 0.35)).clamp(0, 1)
    return torch.lerp(dusk, dusk * torch.tensor(_GLOW, dtype=torch.float32)[:, None, None], lit)


def _heaps(generator: Generator) -> _Air:
    """Clouds on a plane: large ones with smaller ones beside them, all with the same kind of bumps."""
    cover = 0.8 * _waves((256, 256), 2, 9, generator) + 0.22 * _waves((256, 256), 8, 40, generator)
    # Levels off towards the tallest, and falls on below the base, where nothing grows.
    tops = -_TALLEST * F.elu(-_STEEP * (cover - _COVER))
    # |waves| is round above and creased below, as cauliflower is.
    bands = ((2, 4, 1.0), (5, 9, 0.5), (11, 18, 0.27), (22, 32, 0.14))
    puffs = torch.stack([size * _waves((96,) * 3, low, high, generator).abs() for low, high, size in bands]).sum(0)
    return _Air(_closed(tops), _closed(puffs - puffs.mean()))


def _closed(texture: Tensor) -> Tensor:
    """A repeating texture `[n, ...]` as `[1, 1, n + 1, ...]`: its first samples follow its last ones."""
    return F.pad(texture[None, None], (0, 1) * texture.dim(), mode="circular")


def _waves(shape: tuple[int, ...], low: int, high: int, generator: Generator) -> Tensor:
    """Noise of standard deviation 1 that repeats without a seam, of `low` to `high` waves across."""
    axes = [torch.fft.fftfreq(n, 1 / n, dtype=torch.float32) for n in shape[:-1]]
    axes.append(torch.fft.rfftfreq(shape[-1], 1 / shape[-1], dtype=torch.float32))
    waves = torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(0).sqrt()
    slope = -0.9 if len(shape) == 2 else 0.0
    weight = waves.clamp(min=1).pow(slope) * ((waves >= low) & (waves <= high))
    noise: Tensor = torch.fft.irfftn(
        torch.fft.rfftn(torch.randn(shape, generator=generator, dtype=torch.float32)) * weight, s=shape
    )
    return noise / noise.std()


def _at(texture: Tensor, places: Tensor) -> Tensor:
    """`[N]` values of a closed texture at places `[D, N]`, counted in its periods, the last axis first."""
    # From 0..1 to the centres of the first and the last sample, which are the same.
    grid = (places - places.floor()).T * 2 - 1
    flat = grid.reshape(1, *(1,) * (len(places) - 1), -1, len(places))
    values: Tensor = F.grid_sample(texture, flat, mode="bilinear", align_corners=True)
    return values.flatten()


def _rays(height: int, width: int) -> Tensor:
    """`[3, N]` unit directions from the eye through the pixels."""
    distance = max(height, width) / 2 / math.tan(math.radians(_FIELD_OF_VIEW / 2))
    rows, columns = torch.meshgrid(
        *(torch.arange(side, dtype=torch.float32) + 0.5 for side in (height, width)), indexing="ij"
    )
    ahead = torch.full_like(rows, distance)
    return F.normalize(torch.stack([columns - width / 2, height * _HORIZON - rows, ahead]).flatten(1), dim=0)


def _blue(rays: Tensor) -> Tensor:
    """`[3, N]`, the sky without clouds: deep above, pale at the horizon."""
    up = rays[1].clamp(min=0)
    zenith, middle, low = (torch.tensor(colour, dtype=torch.float32)[:, None] for colour in (_ZENITH, _MIDDLE, _LOW))
    return zenith + (middle - zenith) * torch.exp(-1.6 * up) + (low - middle) * torch.exp(-6 * up)


def _gather(air: _Air, rays: Tensor, blue: Tensor, generator: Generator) -> Tensor:
    """`[3, N]`, what the eye sees: from near to far, each bit of cloud covers what is behind it."""
    up = rays[1].clamp(min=0.004)
    start, end = (_EYE - 0.05) / up, (_EYE + _TALLEST + 0.25) / up
    stride = (end - start) / _STEPS
    # Steps that begin anywhere turn bands into grain.
    along = start + stride * torch.rand(up.shape, generator=generator, dtype=torch.float32)
    left, light = torch.ones_like(up), torch.zeros_like(rays)
    for _ in range(_STEPS):
        here = ((left > _OPAQUE) & (along < _FAR)).nonzero()[:, 0]
        points = rays[:, here] * along[here] - torch.tensor([[0.0], [_EYE], [0.0]], dtype=torch.float32)
        softness = 0.06 + 1.6 * stride[here]
        density = air.density(points, softness)
        cloudy = (density > 0.001).nonzero()[:, 0]
        here, points, density = here[cloudy], points[:, cloudy], density[cloudy]
        share = left[here] * (1 - torch.exp(-2 * _THICKNESS * density * stride[here]))
        haze = torch.exp(-((along[here] / _HAZE) ** 1.5))
        light[:, here] += share * torch.lerp(blue[:, here], _lit(air, points), haze)
        left[here] -= share
        along += stride
    return light + left * blue


def _lit(air: _Air, points: Tensor) -> Tensor:
    """`[3, N]`, the colour of cloud at these points: sunlight that has come so far, and light from the sky."""
    passed, before = torch.zeros_like(points[0]), 0.0
    for ahead in (0.04, 0.11, 0.24, 0.5):
        softness = torch.full_like(passed, 0.1 + 0.5 * ahead)
        passed += (ahead - before) * air.density(points + ahead * _SUN[:, None], softness)
        before = ahead
    # Light that was scattered on its way reaches further than light that was not.
    sun = 0.75 * torch.exp(-0.55 * _THICKNESS * passed) + 0.25 * torch.exp(-0.12 * _THICKNESS * passed)
    sunlight, shade, skylight = (
        torch.tensor(colour, dtype=torch.float32)[:, None] for colour in (_SUNLIGHT, _SHADE, _SKYLIGHT)
    )
    return (sun * sunlight + torch.lerp(shade, skylight, (points[1] / _TALLEST).clamp(0, 1))).clamp(max=1)


def _ramp(values: Tensor, width: Tensor) -> Tensor:
    """0 below 0, 1 above `width`, smooth between."""
    part = (values / width).clamp(0, 1)
    return part * part * (3 - 2 * part)
