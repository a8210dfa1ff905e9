"""What each layer of a network sees: its stride, channels and receptive field, found by running it on a `Field`.

A `Field` stands in for a tensor. Every operation that widens the view (convolution, pooling) is answered with the
wider `Field`, so that the network's own code computes its geometry and no number is typed in twice. The arithmetic is
that of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks" (Distill, 2019); we keep
both ends of the interval, because padding need not be symmetric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import torch


@dataclass(frozen=True)
class Field:
    """A layer's view of the picture: position `i` sees the pixels `i·stride + first` to `i·stride + last`.

    Of a layer that sees the `whole` picture from everywhere, `first` and `last` are nominal.

    >>> import torch.nn.functional as F
    >>> F.max_pool2d(Field(channels=3), kernel_size=3, stride=2, padding=1)
    Field(channels=3, stride=2, first=-1, last=1)
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

    def slide(self, kernel: int, stride: int, padding: int) -> Field:
        """The view through a window of `kernel` positions."""
        before, after = padding * self.stride, (kernel - 1 - padding) * self.stride
        return replace(self, stride=self.stride * stride, first=self.first - before, last=self.last + after)

    def skip(self, positions: int) -> Field:
        """The view after the first `positions` are cut away."""
        shift = positions * self.stride
        return replace(self, first=self.first + shift, last=self.last + shift)

    def join(self, other: Field) -> Field:
        """The view of two branches together, whose channels are counted by the caller."""
        whole = self.whole or other.whole
        return replace(self, first=min(self.first, other.first), last=max(self.last, other.last), whole=whole)

    def __getitem__(self, index: tuple[slice, ...]) -> Field:
        return self.skip(index[-1].start or 0)

    def __add__(self, other: object) -> Field:
        return self.join(other) if isinstance(other, Field) else self

    def same(self, *_: object, **__: object) -> Field:
        """The view after an operation that moves nothing."""
        return self

    add_ = __add__
    __mul__ = __sub__ = flip = contiguous = mean = same

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answers torch's functions; what does not move positions leaves the view as it is."""
        rule: Callable[..., Any] = _RULES.get(getattr(function, "__name__", ""), Field.same)
        return rule(*args, **(kwargs or {}))


Side = int | Sequence[int]


def _side(value: Side) -> int:
    return value if isinstance(value, int) else value[0]


def _convolve(
    view: Field, weight: torch.Tensor, bias: object = None, stride: Side = 1, padding: Side = 0, **__: object
) -> Field:
    wide = view.slide(weight.shape[-1], _side(stride), _side(padding))
    return replace(wide, channels=weight.shape[0])


def _pool(
    view: Field, kernel_size: Side, stride: Side | None = None, padding: Side = 0, *_: object, **__: object
) -> Field:
    return view.slide(_side(kernel_size), _side(stride or kernel_size), _side(padding))


def _concatenate(views: Sequence[Field], *_: object, **__: object) -> Field:
    return replace(reduce(Field.join, views), channels=sum(view.channels for view in views))


def _split(view: Field, sizes: Sequence[int], *_: object, **__: object) -> tuple[Field, ...]:
    return tuple(replace(view, channels=size) for size in sizes)


_RULES: dict[str, Callable[..., Any]] = {"conv2d": _convolve, "max_pool2d": _pool, "cat": _concatenate, "split": _split}
