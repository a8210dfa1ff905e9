"""Pure functions from tensor to tensor."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = 32  # pixels a side: below this, a network's deep layers have no position left
LEVELS = 4  # Laplacian bands, beside the smooth rest
CHANNELS_TOGETHER_UP_TO = 200_000  # pixels of a band; a larger one is worked on channel by channel

Size = tuple[int, int]  # height and width, in pixels


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """`x` `[N, C, H, W]` at another size, linearly; corners stay corners, as in Google's notebook (scipy's `zoom`)."""
    if x.shape[-2:] == (height, width):
        return x
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=True)


def rows_for(rows: slice, source: int, height: int, dtype: torch.dtype) -> slice:
    """The rows of a picture `source` high that `resize_rows` needs for some of those of the one `height` high."""
    above, below, _ = _between(rows, source, height, dtype)
    return slice(int(above[0]), int(below[-1]) + 1)


def resize_window(
    x: Tensor, window: tuple[slice, slice], *, corner: tuple[int, int], source: Size, size: Size
) -> Tensor:
    """A window of what `resize` would make of a picture, of which `x` `[N, C, h, w]` holds the part from a corner on.

    `window` is rows and columns of the result, `corner` the first row and column of `x` in the picture; `source` and
    `size` are the heights and widths of the picture and of what it becomes. `x` must hold the rows of `rows_for`, and
    the columns likewise.
    """
    above, below, share = _between(window[0], source[0], size[0], x.dtype)
    lines = torch.lerp(x.index_select(2, above - corner[0]), x.index_select(2, below - corner[0]), share[:, None])
    left, right, share = _between(window[1], source[1], size[1], x.dtype)
    return torch.lerp(lines.index_select(3, left - corner[1]), lines.index_select(3, right - corner[1]), share)


def resize_rows(x: Tensor, rows: slice, *, top: int, source: Size, size: Size) -> Tensor:
    """As `resize_window`, for whole rows of the result, of which `x` holds the rows from `top` on."""
    return resize_window(x, (rows, slice(0, size[1])), corner=(top, 0), source=source, size=size)


def _between(places: slice, source: int, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """The two neighbours in the source that each place lies between, and how near it is to the second."""
    step = torch.tensor((source - 1) / max(1, length - 1), dtype=dtype)
    exact = torch.arange(places.start, places.stop, dtype=dtype) * step
    first = exact.long().clamp_(max=source - 1)
    return first, (first + 1).clamp_(max=source - 1), exact - first


def shrink(x: Tensor, scale: float) -> Tensor:
    """`x` `[N, C, H, W]` at `scale` times its size; made smaller, it is smoothed first."""
    size = [max(1, round(side * scale)) for side in x.shape[-2:]]
    if list(x.shape[-2:]) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=scale < 1)


def at(x: Tensor, height: int, width: int) -> Tensor:
    """`x` `[N, C, H, W]` at another size: smoothed first where it is made smaller, smooth (bicubic) where larger."""
    if x.shape[-2:] == (height, width):
        return x
    if height < x.shape[-2] or width < x.shape[-1]:
        return F.interpolate(x, size=(height, width), mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(x, size=(height, width), mode="bicubic", align_corners=False)


def shrunk(x: Tensor, height: int, width: int) -> Tensor:
    """A picture `[N, C, H, W]` in 0..1 at a smaller size, smoothed (bicubic)."""
    return smoothed(x, height, width).clamp_(0, 1)


def smoothed(x: Tensor, height: int, width: int) -> Tensor:
    """As `shrunk`, before what the smoothing took out of range is brought back; rows may be smoothed by themselves."""
    return F.interpolate(x, size=(height, width), mode="bicubic", antialias=True, align_corners=False)


def within(x: Tensor, side: int) -> Tensor:
    """`x` `[N, C, H, W]` no higher and no wider than `side` pixels, smoothed first; what is smaller stays as it is.

    >>> within(torch.zeros(1, 3, 40, 100), 50).shape
    torch.Size([1, 3, 20, 50])
    """
    share = min(1.0, side / max(x.shape[-2:]))
    return at(x, *(max(1, round(length * share)) for length in x.shape[-2:]))


def roll(x: Tensor, down: int, right: int) -> Tensor:
    """`x` `[N, C, H, W]` shifted; what leaves at one edge comes in at the other."""
    return torch.roll(x, (down, right), (-2, -1))


def fill(x: Tensor, side: int) -> Tensor:
    """`x` `[N, C, H, W]` at least `side` high and wide, continued by its lower and right edge where it is smaller."""
    down, right = (max(0, side - length) for length in x.shape[-2:])
    return F.pad(x, (0, right, 0, down), mode="replicate") if down or right else x


LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue are, of sRGB's values as they are; ITU-R BT.601


def luma(pixels: Tensor) -> Tensor:
    """How bright pixels `[N, 3, H, W]` are, `[N, 1, H, W]`, on their own scale."""
    return (pixels * pixels.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def scale_chroma_(x: Tensor, colour: float) -> Tensor:
    """`x` `[N, 3, H, W]` with the difference between its channels scaled in place: 0 makes it grey, 1 leaves it."""
    if colour == 1:
        return x
    grey = x.mean(1, keepdim=True)
    return x.mul_(colour).add_(grey, alpha=1 - colour)


def turn(
    x: Tensor, degrees: float, scale: float, shift: tuple[float, float] = (0.0, 0.0), *, beyond: str = "circular"
) -> Tensor:
    """`x` `[N, C, H, W]` turned clockwise about its middle, enlarged and shifted, at the same size; differentiable.

    A scale above 1 enlarges; the shift is down and right, in pixels, perhaps parts of one. `beyond` is how the picture
    goes on past its edges: `circular` repeats it, `reflect` mirrors it.
    """
    height, width = x.shape[-2:]
    rows = torch.arange(height, dtype=x.dtype)[:, None] - (height - 1) / 2 - shift[0]
    columns = torch.arange(width, dtype=x.dtype)[None, :] - (width - 1) / 2 - shift[1]
    cosine, sine = (part(math.radians(degrees)) / scale for part in (math.cos, math.sin))
    return _sampled(x, cosine * rows - sine * columns, cosine * columns + sine * rows, "bilinear", beyond)


def enlarge(x: Tensor, height: int, width: int, *, beyond: str = "circular") -> Tensor:
    """`x` `[N, C, h, w]` smoothly (bicubic) at a larger size; a picture that repeats without a seam stays one.

    `beyond` is as for `turn`.
    """
    rows, columns = (
        ((torch.arange(wanted, dtype=x.dtype) + 0.5) / wanted - 0.5) * given
        for wanted, given in ((height, x.shape[-2]), (width, x.shape[-1]))
    )
    return _sampled(x, rows[:, None].expand(-1, width), columns[None].expand(height, -1), "bicubic", beyond)


def _sampled(x: Tensor, rows: Tensor, columns: Tensor, mode: str, beyond: str) -> Tensor:
    """`x` at places `[h, w]`, in pixels from its middle; those outside see it continued, but no farther than once."""
    margins = [
        min(math.ceil(max(0.0, float(places.abs().max()) - (side - 1) / 2)) + 2, side - 1)
        for places, side in ((rows, x.shape[-2]), (columns, x.shape[-1]))
    ]
    around = F.pad(x, (margins[1], margins[1], margins[0], margins[0]), mode=beyond)
    grid = torch.stack((columns * (2 / around.shape[-1]), rows * (2 / around.shape[-2])), -1)
    places = grid.expand(len(x), -1, -1, -1)
    return F.grid_sample(around, places, mode=mode, padding_mode="border", align_corners=False)


# Octaves of a picture, and Laplacian bands of a gradient


def octaves(pixels: Tensor, count: int, scale: float, base: int = 0) -> list[Tensor]:
    """The picture `[1, 3, H, W]` at the sizes that `sizes` gives, smallest first; the last is the picture itself.

    Each is shrunk from the next larger one, as in Google's notebook; but the one of the base size from the picture, so
    that it is the one that a picture has which is shrunk before it is dreamt.
    """
    full = pixels.shape[-2], pixels.shape[-1]
    start, bases = base_size(*full, scale, base), [pixels]
    for size in reversed(sizes(*full, count, scale, base)[:-1]):
        bases.append(shrunk(pixels, *size) if size == start else resize(bases[-1], *size))
    return bases[::-1]


def sizes(height: int, width: int, count: int, scale: float, base: int = 0) -> list[Size]:
    """The heights and widths of a picture's octaves, smallest first.

    Up to the base size there are `count`, each `1/scale` of the next, without those of less than 32 pixels a side,
    where a network sees nothing. A larger picture has more, up to its own size.

    >>> sizes(480, 640, 3, 2)
    [(120, 160), (240, 320), (480, 640)]
    >>> sizes(960, 1280, 2, 2, base=640)
    [(240, 320), (480, 640), (960, 1280)]
    """
    start = base_size(height, width, scale, base)
    found = [start]
    while len(found) < count:
        smaller = round(found[-1][0] / scale), round(found[-1][1] / scale)
        if min(smaller) < SMALLEST:
            break
        found.append(smaller)
    return found[::-1] + sizes_above(start, (height, width), scale)


def base_size(height: int, width: int, scale: float, base: int) -> Size:
    """The base size of a picture: at a long side of `base` pixels, or its own if it is hardly larger or `base` is 0.

    >>> base_size(3000, 4000, 1.4, 800), base_size(690, 920, 1.4, 800)
    ((600, 800), (690, 920))
    """
    longest = max(height, width)
    if not base or longest < base * math.sqrt(scale):
        return height, width
    least = math.ceil(longest * min(1.0, SMALLEST / min(height, width)))  # a panorama's short side is to be seen, too
    return at_long_side(height, width, max(base, least))


def at_long_side(height: int, width: int, side: int) -> Size:
    """The height and width of a picture whose long side becomes so many pixels."""
    longest = max(height, width)
    return max(1, round(height * side / longest)), max(1, round(width * side / longest))


def sizes_above(size: Size, full: Size, scale: float) -> list[Size]:
    """Heights and widths above a size, up to the full one, in equal steps of about `scale`.

    >>> sizes_above((512, 768), (2048, 3072), 2)
    [(1024, 1536), (2048, 3072)]
    """
    ratio = max(full) / max(size)
    count = max(round(math.log(ratio, scale)), int(ratio > 1))
    factors = [ratio ** (number / count) for number in range(1, count)]
    return [(round(size[0] * factor), round(size[1] * factor)) for factor in factors] + [full] * (ratio > 1)


def laplacian_(x: Tensor, levels: int = LEVELS) -> list[Tensor]:
    """`x` `[N, C, H, W]` as frequency bands, finest first, the last one the smooth rest (Burt and Adelson 1983).

    The finest takes the place of `x`.
    """
    bands = []
    for _ in range(levels):
        low = _shrink(x)
        for fine, smooth in _channels(x, low):
            fine.sub_(_grow(smooth, fine.shape))
        bands.append(x)
        x = low
    return [*bands, x]


def levels(x: Tensor, count: int) -> list[Tensor]:
    """`x` `[N, C, H, W]` at the sizes of `count` Laplacian bands."""
    found = [x]
    while len(found) < count:
        found.append(_shrink(found[-1]))
    return found


def merge_(bands: list[Tensor]) -> Tensor:
    """The inverse of `laplacian_`, in place of the finest band."""
    smooth = bands[-1]
    for band in bands[-2::-1]:
        for fine, low in _channels(band, smooth):
            fine.add_(_grow(low, fine.shape))
        smooth = band
    return smooth


def _channels(x: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The channels of `x` and the same ones of others, one after the other; of a small picture all at once.

    One channel of a large picture takes less room and stays in the processor's cache; in a small one calls take longer
    than what they do.
    """
    each = 1 if x.shape[-2] * x.shape[-1] > CHANNELS_TOGETHER_UP_TO else x.shape[1]
    return zip(*(torch.split(of, each, 1) for of in (x, *others)), strict=True)


# Both ways smooth with 1 4 6 4 1, first along columns, then along rows, and continue the picture by its edge. They are
# sums of shifted pictures, because a convolution would take several times the picture's memory.


def _shrink(x: Tensor) -> Tensor:
    """Half the size."""
    return torch.cat([_shrink_along(_shrink_along(part, 2), 3) for (part,) in _channels(x)], 1)


def _grow(low: Tensor, shape: torch.Size) -> Tensor:
    """Twice the size."""
    return _grow_along(_grow_along(low, 2, shape[2]), 3, shape[3])


def _shrink_along(x: Tensor, axis: int) -> Tensor:
    around = _continued(x, axis, 2)
    low = _every_second(x, axis).mul(6 / 16)
    for first, weight in ((0, 1 / 16), (1, 4 / 16), (3, 4 / 16), (4, 1 / 16)):
        low.add_(_every_second(around.narrow(axis, first, x.shape[axis]), axis), alpha=weight)
    return low


def _grow_along(low: Tensor, axis: int, length: int) -> Tensor:
    around, count = _continued(low, axis, 1), low.shape[axis]
    before, after = around.narrow(axis, 0, count), around.narrow(axis, 2, count)
    size = [*low.shape]
    size[axis] = length
    grown = low.new_empty(size)
    torch.add(before, after, out=_every_second(grown, axis)).add_(low, alpha=6).div_(8)
    odd = _every_second(grown.narrow(axis, 1, length - 1), axis)
    torch.add(after.narrow(axis, 0, length // 2), low.narrow(axis, 0, length // 2), out=odd).div_(2)
    return grown


def _continued(x: Tensor, axis: int, margin: int) -> Tensor:
    """`x` with `margin` copies of its first and last row (axis 2) or column (axis 3)."""
    first, last = x.narrow(axis, 0, 1), x.narrow(axis, x.shape[axis] - 1, 1)
    return torch.cat([*[first] * margin, x, *[last] * margin], axis)


def _every_second(x: Tensor, axis: int) -> Tensor:
    """Rows (axis 2) or columns (axis 3) 0, 2, 4 and so on, as a view."""
    return x[:, :, ::2] if axis == 2 else x[..., ::2]
