"""Faithfulness: how much of the photograph's structure is still there, from fine to coarse."""

import math
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.errors import SettingsError
from phosphene.pixels import transforms

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of scales, finest first, as people weigh them: Wang 2003, §3.2
_SIDE, _SIGMA = 11, 1.5  # pixels: the window that is compared
_STRIP = 256  # rows at a time, for memory
_FLOOR = (0.03**2, 0.01**2)  # where contrasts and brightnesses are too small to count: Wang 2004


def faithfulness(light: Tensor, photograph: Tensor) -> float:
    """The multi-scale structural similarity of two brightnesses `[H, W]`, 0..1; 1 is the same picture.

    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", 2003. Pictures too
    small for five scales have fewer.
    """
    windows = sum(min(light.shape) >> scale >= _SIDE for scale in range(len(_WEIGHTS)))
    found, weights = 1.0, _WEIGHTS[: max(1, windows)]
    for scale, weight in enumerate(weights):
        if scale:
            light, photograph = (F.avg_pool2d(each[None, None], 2)[0, 0] for each in (light, photograph))
        brightness, structure = _likeness(light, photograph)
        likeness = brightness if scale + 1 == len(weights) else structure
        found *= max(0.0, likeness) ** (weight / sum(weights))
    return found


def _likeness(x: Tensor, y: Tensor) -> tuple[float, float]:
    """How alike two pictures are on average: in brightness, contrast and structure, and without brightness."""
    side, total, count = min(_SIDE, len(x)), x.new_zeros(2, dtype=torch.float64), 0
    for top in range(0, len(x) - side + 1, _STRIP):
        strips = (each[top : top + _STRIP + side - 1] for each in (x, y))
        brightness, structure = _compare(*strips)
        total += torch.stack([(brightness * structure).sum(), structure.sum()])
        count += structure.numel()
    both, structure = (total / count).tolist()
    return both, structure


def _compare(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """How alike two pictures are in brightness, and in contrast and structure, at each place."""
    contrast, bright = _FLOOR
    mean_x, mean_y = _blur(x), _blur(y)
    both = _blur(x * y) - mean_x * mean_y
    squares = _blur(x * x) - mean_x.square() + _blur(y * y) - mean_y.square()
    brightness = (2 * mean_x * mean_y + bright) / (mean_x.square() + mean_y.square() + bright)
    return brightness, (2 * both + contrast) / (squares + contrast)


def _blur(x: Tensor) -> Tensor:
    """Weighted means over windows that lie inside of the picture, or over all of a smaller one."""
    for axis in (0, 1):
        side = min(_SIDE, x.shape[axis])
        places = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
        window = torch.exp(-places.square() / (2 * _SIGMA**2))
        length, blurred = x.shape[axis] - side + 1, torch.zeros(())
        for offset, weight in enumerate((window / window.sum()).tolist()):
            blurred = x.narrow(axis, offset, length) * weight + blurred
        x = blurred
    return x


# How bright a picture is, and what a dream changed of it


def luma(pixels: Tensor) -> Tensor:
    """Brightness `[H, W]` of `pixels` `[1, 3, H, W]`, on their own scale, in float32 or finer."""
    wide = pixels if pixels.dtype == torch.float64 else pixels.float()
    return transforms.luma(wide)[0, 0]


def change(pixels: Tensor, photograph: Tensor | None) -> Tensor:
    """The brightness that was added to the photograph, `[H, W]`; without a photograph, the picture's own.

    Raises:
        SettingsError: a photograph of another size.
    """
    if photograph is None:
        return luma(pixels)
    if photograph.shape != pixels.shape:
        sizes = [f"{one.shape[-1]}×{one.shape[-2]}" for one in (pixels, photograph)]
        raise SettingsError(f"The picture has {sizes[0]} pixels and its photograph {sizes[1]}; they must be equal.")
    return luma(pixels) - luma(photograph)


# How coarse a picture's structure is: its variance by octaves of the period


def spectrum(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The brightness of `pixels` `[1, 3, H, W]`, of any range, by octave of the period.

    Returns:
        Periods `[B]` in pixels, the middles of bands an octave wide (2√2 for 2 to 4 pixels, …), and the variance in
        each `[B]`. Patterns finer than 2 pixels, which only diagonals have, count for the first; those
        longer than the picture's longer side are left out.
    """
    return bands(luma(pixels))


def bands(light: Tensor) -> tuple[Tensor, Tensor]:
    """`spectrum` of a brightness `[H, W]`, or of a change of one."""
    height, width = light.shape
    count = max(1, math.ceil(math.log2(max(height, width))) - 1)
    power = _power(light)
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width))  # in any direction
    octave = (-torch.log2(frequency)).floor().clamp_(min=1) - 1
    inside = (frequency > 0) & (octave < count)
    energy = torch.zeros(count, dtype=torch.float64)
    energy.index_add_(0, octave[inside].long(), power[inside].double())
    return 2 ** (torch.arange(count, dtype=torch.float32) + 1.5), energy


def centre(light: Tensor) -> float:
    """The middle of the variance on a scale of octaves, as a period in pixels; 0 where nothing varies."""
    periods, energy = bands(light)
    total = energy.sum()
    if total < 1e-12:
        return 0.0
    return float(2 ** ((periods.double().log2() * energy).sum() / total))


def _power(light: Tensor) -> Tensor:
    """Variance by frequency, `[H, W // 2 + 1]`; the picture fades to its mean at the edges (Hann), lest it jump."""
    height, width = light.shape
    window = torch.hann_window(height, dtype=light.dtype)[:, None] * torch.hann_window(width, dtype=light.dtype)
    mean = (light * window).sum() / window.sum().clamp(min=1e-12)
    power: Tensor = torch.fft.rfft2((light - mean) * window).abs().square_()
    power[:, 1 : (width + 1) // 2] *= 2  # the half of the plane that is not computed
    return power / (height * width * window.square().sum().clamp(min=1e-12))


# Repetition: the same motif again and again

_MOTIF = 24  # pixels: a motif
_EVEN = 32  # pixels: a side of a multiple of this is quick to transform
_WINDOW = 512  # pixels a side that are looked through, in the middle of the picture
_ACROSS = 8  # patches along each side, evenly spread


def repetition(light: Tensor) -> float:
    """How much better patches are found again elsewhere in `light` `[H, W]` than chance would have it, 0..1.

    Chance is a picture with the same spectrum and no motifs: the same Fourier amplitudes with random phases.
    """
    height, width = (min(side, _WINDOW) // _EVEN * _EVEN for side in light.shape)
    if min(height, width) < 4 * _MOTIF:
        return 0.0
    top, left = (light.shape[0] - height) // 2, (light.shape[1] - width) // 2
    detail = _detail(light[top : top + height, left : left + width])
    generator = torch.Generator().manual_seed(0)
    return max(0.0, _found_again(detail) - _found_again(_shuffled(detail, generator)))


def _detail(light: Tensor) -> Tensor:
    """What is smaller than a motif, everywhere of about the same contrast."""
    low = _smooth(light)
    detail = light - low
    return detail / (_smooth(detail.square()).sqrt() + 0.01)


def _smooth(x: Tensor) -> Tensor:
    half = _MOTIF // 2
    padded = F.pad(x[None, None], (half,) * 4, mode="reflect")
    return F.avg_pool2d(padded, 2 * half + 1, stride=1)[0, 0]


def _shuffled(x: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.fft.rfft2(torch.randn(x.shape, generator=generator, dtype=x.dtype))
    turned = torch.fft.rfft2(x).abs() * noise / noise.abs().clamp(min=1e-12)
    shuffled: Tensor = torch.fft.irfft2(turned, s=x.shape)
    return shuffled


def _found_again(x: Tensor) -> float:
    """How well patches correlate with a patch that does not overlap them: the best, for the quarter found best."""
    tops, lefts = (torch.linspace(0, side - _MOTIF, _ACROSS).long().tolist() for side in x.shape)
    transformed, size = torch.fft.rfft2(x), _sizes(x)
    best = torch.tensor([_best(x, transformed, size, *place) for place in product(tops, lefts)])
    return float(best.topk(_ACROSS**2 // 4).values.mean())


def _sizes(x: Tensor) -> Tensor:
    """The spread of every patch about its mean, `[H − side + 1, W − side + 1]`."""
    mean, square = (F.avg_pool2d(each[None, None], _MOTIF, stride=1)[0, 0] for each in (x, x.square()))
    return (square - mean.square()).clamp(min=1e-6).sqrt()


def _best(x: Tensor, transformed: Tensor, size: Tensor, top: int, left: int) -> float:
    patch = x[top : top + _MOTIF, left : left + _MOTIF]
    patch = patch - patch.mean()
    product = torch.fft.irfft2(transformed * torch.fft.rfft2(patch, s=x.shape).conj(), s=x.shape)
    match = product[: size.shape[0], : size.shape[1]] / (size * size[top, left] * _MOTIF**2)
    match[max(0, top - _MOTIF + 1) : top + _MOTIF, max(0, left - _MOTIF + 1) : left + _MOTIF] = -1
    return float(match.max())


# Noise: fine grain without structure

_BLOCK = 16  # pixels a side
_CALM = 0.25  # of the blocks: those with least grain say how much there is everywhere
_NORMAL = 1.4826  # a normal distribution's standard deviation over its median absolute value
_LIMIT = 1 / 255  # nearer to black or white than this, grain has been cut off


def noise(light: Tensor) -> float:
    """The standard deviation of the grain in `light` `[H, W]`, of a scale of 255.

    The second difference along both axes (Immerkær 1996) leaves no flat, sloping or straight-edged structure; its
    median size is not moved by what is strong (Donoho and Johnstone 1994); and as grain is everywhere and
    patterns are not, a calm quarter of the blocks speaks for the picture. It takes 3 pixels a side; less have 0.
    """
    if min(light.shape) < 3:
        return 0.0
    rows = light[2:] - 2 * light[1:-1] + light[:-2]
    both = (rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2]) / 6
    grain = _blocks(both.abs()).median(0).values * _NORMAL
    lit = _blocks(light[1:-1, 1:-1])
    free = (lit.amin(0) > _LIMIT) & (lit.amax(0) < 1 - _LIMIT)
    calm = grain[free] if free.any() else grain
    return float(calm.quantile(_CALM)) * 255


def _blocks(x: Tensor) -> Tensor:
    """Values by block, `[pixels, blocks]`."""
    side = min(_BLOCK, *x.shape)
    return F.unfold(x[None, None], side, stride=side)[0]
