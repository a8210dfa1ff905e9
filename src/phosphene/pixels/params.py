"""Parameterisations: variables, which an optimiser moves, to pixels.

The same picture can be written as pixels, as the bands of a Laplacian pyramid, or as waves. Which of them an optimiser
moves decides which pictures it finds first: a step on waves, scaled as natural pictures are, moves broad forms as
readily as fine ones (Mordvintsev, Pezzotti, Schubert and Olah, "Differentiable Image Parameterizations", 2018).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from phosphene.errors import UnknownNameError, nearest

# Columns are brightness, blue against yellow, and green against purple, each as large as it is in photographs: a root
# of the covariance of ImageNet's colours, as printed in Lucid (Olah et al. 2017, `color_correlation_svd_sqrt`).
NATURAL_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
DARKEST, BRIGHTEST = 1e-3, 1 - 1e-3  # pixels nearer to black or white than this have no finite variable
WAVE_SCALE = 0.25  # so that steps of one length do as much on waves as on bands
PYRAMID_LEVELS = 5  # of the Laplacian pyramid; its smooth rest has pixels 32 wide

Variables = tuple[Tensor, ...]


@dataclass(frozen=True)
class Basis:
    """A way to write a plane `[1, 3, H, W]` of numbers as variables."""

    write: Callable[[Tensor], Variables]  # plane to variables; a way back from `read`
    read: Callable[[Variables, int, int], Tensor]  # variables, and height and width, to plane; linear


@dataclass(frozen=True)
class Painting:
    """Variables, and the pixels that they are."""

    variables: Variables  # leaves that ask for a gradient, for an optimiser
    size: tuple[int, int]  # height and width, in pixels
    basis: Basis  # how they are written
    colours: Tensor  # `[3, 3]`, decorrelated colours to red, green and blue
    bounded: bool = True  # whether pixels are kept within 0..1, or are what the variables say

    def pixels(self) -> Tensor:
        """`[1, 3, H, W]`, sRGB; differentiable."""
        plane = self.basis.read(self.variables, *self.size)
        pixels: Tensor = torch.einsum("rc,nchw->nrhw", self.colours, plane)
        return pixels.sigmoid() if self.bounded else pixels


def noise(
    height: int, width: int, *, generator: Generator, contrast: float = 0.04, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Soft noise with the colours of photographs to begin with, `[1, 3, H, W]`, around mid-grey; it repeats seamlessly.

    One seed of the generator gives one picture, in whichever dtype; `contrast` is its pixels' standard deviation, 0..1.
    """
    white = torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64)
    waves = torch.fft.rfft2(white) * _falling(height, width, torch.float64)
    waves[..., 0, 0] = 0
    plane = torch.einsum("rc,nchw->nrhw", _colours(True, torch.float64), torch.fft.irfft2(waves, s=(height, width)))
    return (0.5 + plane * (contrast / plane.std())).clamp(0, 1).to(dtype)


class Adam:
    """Moves variables in place against their gradients, by about `step_size` (Kingma and Ba 2014, algorithm 1).

    Numbers are those of torch's own, to the last bit; but that one loads torch's compiler, which takes two seconds.
    """

    BETAS, EPSILON = (0.9, 0.999), 1e-8

    def __init__(self, variables: Sequence[Tensor], step_size: float) -> None:
        self.variables, self.step_size, self.count = variables, step_size, 0
        self.means = [torch.zeros_like(each) for each in variables]
        self.squares = [torch.zeros_like(each) for each in variables]

    @torch.no_grad()
    def descend(self, gradients: Sequence[Tensor]) -> None:
        """Takes a step."""
        self.count += 1
        first, second = self.BETAS
        length = self.step_size / (1 - first**self.count)
        for variable, gradient, mean, square in zip(self.variables, gradients, self.means, self.squares, strict=True):
            mean.lerp_(gradient, 1 - first)
            square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
            spread = (square.sqrt() / (1 - second**self.count) ** 0.5).add_(self.EPSILON)
            variable.addcdiv_(mean, spread, value=-length)


def painting(name: str, pixels: Tensor, *, decorrelate: bool = True, bounded: bool = True) -> Painting:
    """The variables of given pixels `[1, 3, H, W]`, 0..1, in their dtype.

    Bounded, the pixels of black and white places hardly move; unbounded, the caller clips them.

    Raises:
        UnknownNameError: there is no such parameterisation.
    """
    if name not in BASES:
        raise UnknownNameError(f"Unknown parameterisation {name!r}.{nearest(name, BASES)} Allowed: {', '.join(BASES)}.")
    basis, colours = BASES[name], _colours(decorrelate, pixels.dtype)
    given = pixels.clamp(DARKEST, BRIGHTEST).logit() if bounded else pixels
    plane = torch.einsum("cr,nrhw->nchw", torch.linalg.inv(colours), given)
    variables = tuple(each.detach().clone().requires_grad_() for each in basis.write(plane))
    return Painting(variables, (pixels.shape[-2], pixels.shape[-1]), basis, colours, bounded)


def _colours(decorrelate: bool, dtype: torch.dtype) -> Tensor:
    if not decorrelate:
        return torch.eye(3, dtype=dtype)
    natural = torch.tensor(NATURAL_COLOURS, dtype=dtype)
    return natural.div(natural.norm(dim=0).max())


# Waves


def _to_waves(plane: Tensor) -> Variables:
    height, width = plane.shape[-2:]
    waves = torch.fft.rfft2(plane, norm="ortho") / _falling(height, width, plane.dtype)
    return (torch.view_as_real(waves),)


def _from_waves(variables: Variables, height: int, width: int) -> Tensor:
    (waves,) = variables
    spectrum = torch.view_as_complex(waves) * _falling(height, width, waves.dtype)
    plane: Tensor = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
    return plane


def _falling(height: int, width: int, dtype: torch.dtype) -> Tensor:
    """`[H, W // 2 + 1]`: 1 over each wave's frequency, as amplitudes fall in natural pictures; see `WAVE_SCALE`."""
    down = torch.fft.fftfreq(height, dtype=dtype)[:, None]
    right = torch.fft.rfftfreq(width, dtype=dtype)
    frequency = (down.square() + right.square()).sqrt().clamp(min=1 / max(height, width))
    falling: Tensor = WAVE_SCALE / frequency
    return falling


# The Laplacian pyramid


def _to_bands(plane: Tensor) -> Variables:
    bands = []
    levels = max(0, math.floor(math.log2(min(plane.shape[-2:]))) - 1)
    for _ in range(min(PYRAMID_LEVELS, levels)):
        low = F.avg_pool2d(plane, 2, ceil_mode=True, count_include_pad=False)
        bands.append(plane - _enlarged(low, *plane.shape[-2:]))
        plane = low
    return (*bands, plane)


def _from_bands(variables: Variables, height: int, width: int) -> Tensor:
    plane = variables[-1]
    for band in variables[-2::-1]:
        plane = band + _enlarged(plane, *band.shape[-2:])
    return plane


def _enlarged(low: Tensor, height: int, width: int) -> Tensor:
    """Twice the size, linearly, as if the plane repeated."""
    around = F.pad(low, (1, 1, 1, 1), mode="circular")
    doubled: Tensor = F.interpolate(around, scale_factor=2, mode="bilinear")
    return doubled[..., 2 : 2 + height, 2 : 2 + width]


BASES: Mapping[str, Basis] = {
    "pixel": Basis(lambda plane: (plane,), lambda variables, height, width: variables[0]),
    "laplacian": Basis(_to_bands, _from_bands),
    "fourier": Basis(_to_waves, _from_waves),
}
"""The parameterisations by name."""
