"""What each layer of a network sees, its stride, channels and receptive field, by running it on a `ReceptiveField`.

That stands in for a tensor. Every operation that widens the view (convolution, pooling) is answered with the wider
one, so that the network's own code computes its geometry and no number is typed in twice. The arithmetic is that of
Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks" (Distill, 2019); we keep both
ends of the interval, because padding need not be symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor

from phosphene.networks.layouts import SIDE, Layout, layout


@dataclass(frozen=True)
class ReceptiveField:
    """A layer's view of the picture: position `i` sees the pixels `i·stride + first` to `i·stride + last`.

    Of a layer that sees the `whole` picture from everywhere, `first` and `last` are nominal.

    >>> import torch.nn.functional as F
    >>> F.max_pool2d(ReceptiveField(channels=3), kernel_size=3, stride=2, padding=1)
    ReceptiveField(channels=3, stride=2, first=-1, last=1)
    """

    channels: int
    stride: int = 1
    first: int = 0
    last: int = 0
    whole: bool = field(default=False, repr=False)

    @property
    def size(self) -> int:
        """The receptive field's side in pixels."""
        return self.last - self.first + 1

    def slide(self, kernel: int, stride: int, padding: int) -> ReceptiveField:
        """The view through a window of `kernel` positions."""
        before, after = padding * self.stride, (kernel - 1 - padding) * self.stride
        return replace(self, stride=self.stride * stride, first=self.first - before, last=self.last + after)

    def skip(self, positions: int) -> ReceptiveField:
        """The view after the first `positions` are cut away."""
        shift = positions * self.stride
        return replace(self, first=self.first + shift, last=self.last + shift)

    def join(self, other: ReceptiveField) -> ReceptiveField:
        """The view of two branches together, whose channels are counted by the caller."""
        whole = self.whole or other.whole
        return replace(self, first=min(self.first, other.first), last=max(self.last, other.last), whole=whole)

    def __getitem__(self, index: tuple[slice, ...]) -> ReceptiveField:
        return self.skip(index[-1].start or 0)

    def __add__(self, other: object) -> ReceptiveField:
        return self.join(other) if isinstance(other, ReceptiveField) else self

    def same(self, *_: object, **__: object) -> ReceptiveField:
        """The view after an operation that moves nothing."""
        return self

    add_ = __add__
    __mul__ = __sub__ = flip = contiguous = mean = same

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., object],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> Any:
        """Answers torch's functions; what does not move positions leaves the view as it is."""
        rule: Callable[..., object] = _RULES.get(getattr(function, "__name__", ""), ReceptiveField.same)
        return rule(*args, **(kwargs or {}))


Side = int | Sequence[int]


def _side(value: Side) -> int:
    return value if isinstance(value, int) else value[0]


def _convolve(
    view: ReceptiveField, weight: torch.Tensor, bias: object = None, stride: Side = 1, padding: Side = 0, **__: object
) -> ReceptiveField:
    wide = view.slide(weight.shape[-1], _side(stride), _side(padding))
    return replace(wide, channels=weight.shape[0])


def _pool(
    view: ReceptiveField, kernel_size: Side, stride: Side | None = None, padding: Side = 0, *_: object, **__: object
) -> ReceptiveField:
    return view.slide(_side(kernel_size), _side(stride or kernel_size), _side(padding))


def _concatenate(views: Sequence[ReceptiveField], *_: object, **__: object) -> ReceptiveField:
    return replace(reduce(ReceptiveField.join, views), channels=sum(view.channels for view in views))


def _split(view: ReceptiveField, sizes: Sequence[int], *_: object, **__: object) -> tuple[ReceptiveField, ...]:
    return tuple(replace(view, channels=size) for size in sizes)


_RULES: dict[str, Callable[..., object]] = {
    "conv2d": _convolve,
    "max_pool2d": _pool,
    "cat": _concatenate,
    "split": _split,
}


# What the layers of a network that nobody described see, found by running it


Keep = Callable[[str, Tensor], object]
"""A layer's name and output, to what is kept of it."""

Run = Callable[[Tensor, Keep], dict[str, Any]]
"""Pixels, and what to keep of each layer's output, to what was kept, as far as the network came."""

MULTIPLES = (1, 2, 4, 7, 8, 14, 16, 28, 32, 56, 64)  # that a network may ask of a picture's sides
HEIGHTS = (32, 64, 96, 128, 224)  # tried in turn: some networks have nothing left of low pictures
LENGTHS = (1024, 2048)  # of the picture whose columns become NaN; who sees more counts as seeing all
FARTHEST = 512  # pixels: networks whose patches and strides repeat only after more are not tried for standing still
MARGIN = 128  # columns that are NaN at the least
ROUNDS = 24
NOMINAL = 32  # strides: what counts as the receptive field of a layer that sees the whole picture


def probe(run: Run, *, square: bool) -> dict[str, tuple[Layout, ReceptiveField]]:
    """Each layer with positions, its layout and its field, in the order of the run.

    The network is `square` if no window of its is wider than high, or higher than wide.
    """
    layouts = _layouts(run)
    if not layouts:
        return {}
    # What the network asks of the picture's sides is the least that it bears.
    multiple = next((each for each in MULTIPLES if _passes(run, layouts, SIDE, SIDE + each)), SIDE)
    *heights, highest = (-(-height // multiple) * multiple for height in HEIGHTS)
    least = next((height for height in heights if _passes(run, layouts, height, highest)), highest)
    layouts = {name: replace(known, multiple=multiple, least=least) for name, known in layouts.items()}
    views = [_views(run, layouts, upright) for upright in ((False,) if square else (False, True))]
    return {name: _placed(known, [view[name] for view in views]) for name, known in layouts.items()}


def _layouts(run: Run) -> dict[str, Layout]:
    small, wide = (
        run(torch.rand(1, 3, SIDE, width, dtype=torch.float32), lambda _, x: tuple(x.shape))
        for width in (SIDE, 2 * SIDE)
    )
    found = {name: layout(shape, wide[name]) for name, shape in small.items() if name in wide}
    return {name: known for name, known in found.items() if known is not None}


def _passes(run: Run, layouts: Mapping[str, Layout], height: int, width: int) -> bool:
    """Whether a picture of that size passes through all layers."""
    return layouts.keys() <= run(torch.rand(1, 3, height, width, dtype=torch.float32), lambda *_: None).keys()


def _views(run: Run, layouts: Mapping[str, Layout], upright: bool) -> dict[str, tuple[ReceptiveField, bool]]:
    """Each layer's field along one side of the picture, and whether its positions stay when that side grows by one."""
    multiple, least = next((known.multiple, known.least) for known in layouts.values())
    for length in LENGTHS:
        probe = _Probe(run, layouts, least, -(-length // multiple) * multiple, upright)
        doubts = {name: _Doubt(known) for name, known in layouts.items()}
        for _ in range(ROUNDS):
            if not probe.narrow(doubts):
                break
        if not any(doubt.whole for doubt in doubts.values()):
            break
    probe.shift(doubts)
    steady = probe.steady() if multiple == 1 else {}
    return {name: (doubt.field(), steady.get(name, False)) for name, doubt in doubts.items()}


def _placed(known: Layout, views: list[tuple[ReceptiveField, bool]]) -> tuple[Layout, ReceptiveField]:
    """The layout that puts positions where they look, and the field as it is then."""
    field, stride = reduce(ReceptiveField.join, (field for field, _ in views)), known.stride
    steady = all(steady for _, steady in views) and not field.whole
    shift = 0 if field.whole else round((field.first + field.last - stride + 1) / 2 / stride)
    multiple = known.multiple if steady else math.lcm(stride, known.multiple)
    return replace(known, multiple=multiple, shift=shift), field.skip(-shift)


class _Doubt:
    """What is known of a layer's field: `first` lies in one range, `last` in another."""

    def __init__(self, known: Layout) -> None:
        self.known, self.whole = known, False
        self.first, self.last = (-LENGTHS[-1], LENGTHS[-1]), (-LENGTHS[-1], LENGTHS[-1])

    def learn(self, touched: Tensor, left: int, right: int) -> None:
        """Takes in which positions `[n]` saw the columns up to `left`, or from `right` on."""
        free, stride = (~touched).nonzero().flatten().tolist(), self.known.stride
        if not free:
            self.whole = True
            return
        low, high = left - free[0] * stride + 1, right - (free[-1] + 1) * stride
        self.first = (max(self.first[0], low), min(self.first[1], low + stride - 1))
        self.last = (max(self.last[0], high), min(self.last[1], high + stride - 1))

    def width(self, end: str) -> int:
        """How many pixels it may still be wrong by."""
        low, high = getattr(self, end)
        return 0 if self.whole else int(high - low)

    def field(self) -> ReceptiveField:
        """The narrowest field that is certainly not too narrow."""
        known = self.known
        if self.whole:
            half = NOMINAL * known.stride // 2
            return ReceptiveField(known.channels, known.stride, -half, half - 1, whole=True)
        return ReceptiveField(known.channels, known.stride, self.first[0], self.last[1])


class _Probe:
    """A long, low picture, or a high, narrow one, whose ends become NaN."""

    def __init__(self, run: Run, layouts: Mapping[str, Layout], height: int, length: int, upright: bool) -> None:
        self.run, self.layouts, self.length, self.upright = run, layouts, length, upright
        self.picture = torch.rand(
            1, 3, height, length + FARTHEST, generator=torch.Generator().manual_seed(0), dtype=torch.float32
        )
        self.before = self._seen(length, lambda _, spread: spread.clone())

    def narrow(self, doubts: Mapping[str, _Doubt]) -> bool:
        """Runs once more where the doubt is greatest; false if there is none."""
        widest = [max(doubts.values(), key=lambda doubt: doubt.width(end)) for end in ("first", "last")]
        if not widest[0].width("first") and not widest[1].width("last"):
            return False
        (low, high), stride = widest[0].first, widest[0].known.stride
        left = MARGIN + ((low + high) // 2 - MARGIN) % stride
        (low, high), stride, start = widest[1].last, widest[1].known.stride, self.length - 2 * MARGIN
        right = start + ((low + high + 1) // 2 - start) % stride

        def touched_by_nan(name: str, spread: Tensor) -> Tensor:
            differs: Tensor = spread != self.before[name]
            return differs.any(2).any(1)[0]

        after = self._seen(self.length, touched_by_nan, left=left, right=right)
        for name, touched in after.items():
            doubts[name].learn(touched, left, right)
        return True

    def shift(self, doubts: Mapping[str, _Doubt]) -> None:
        """Looks who sees the same when the picture moves by whole strides; windows that stand still do not."""
        known = [self.layouts[name] for name, doubt in doubts.items() if not doubt.whole]
        by = math.lcm(*(each for layout in known for each in (layout.stride, layout.multiple)))
        same = self._seen(self.length, partial(self._same, by), start=by) if by <= FARTHEST else {}
        for name, doubt in doubts.items():
            doubt.whole |= not same.get(name, False)

    def steady(self) -> dict[str, bool]:
        """Whether a picture longer by one has all its positions, and where they were."""
        length = self.length + 1

        def stays(name: str, longer: Tensor) -> bool:
            return longer.shape[-1] == -(-length // self.layouts[name].stride) and self._same(0, name, longer)

        return self._seen(length, stays)

    def _same(self, by: int, name: str, moved: Tensor) -> bool:
        """Whether the middle of a map is as before, when the picture moved to the left."""
        before, skipped = self.before[name], by // self.layouts[name].stride
        start, count = (before.shape[-1] - skipped) // 2, max(1, before.shape[-1] // 16)
        was, now = before[..., start + skipped :][..., :count], moved[..., start:][..., :count]
        near = 1e-3 * float(before.abs().max())
        return was.shape == now.shape and torch.allclose(was, now, rtol=1e-3, atol=near)

    def _seen(
        self, length: int, keep: Keep, *, start: int = 0, left: int = -1, right: int | None = None
    ) -> dict[str, Any]:
        """What is kept of each layer's map, lying on its side if the picture stands upright."""
        picture = self.picture[..., start : start + length].clone()
        picture[..., : left + 1] = torch.nan
        picture[..., length if right is None else right :] = torch.nan
        pixels = picture.mT if self.upright else picture

        def look(name: str, output: Tensor) -> Any:
            if name not in self.layouts:
                return None
            spread = self.layouts[name].spread(output, *pixels.shape[-2:])
            return keep(name, spread.mT if self.upright else spread)

        return {name: kept for name, kept in self.run(pixels, look).items() if name in self.layouts}
