"""A symbol stands in for a tensor while a network is walked, and writes the graph of the gradient.

As a `Field` computes what each layer sees, a `Symbol` writes down what each layer does: the network's own code, and the
objective's, become a graph of OpenVINO's. Each operation also says how a gradient comes back through it, as operations
of the same graph, so that the way back is a convolution like the way there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phosphene.backends.runtime import Output, constant, ops, out

Back = Callable[..., Sequence[Output]]
"""The gradients of an operation's results to those of its inputs."""

RULES: dict[str, Callable[..., Any]] = {}
"""What a symbol answers torch's functions, by their names; `rules` fills it."""


class UnknownOperation(Exception):  # noqa: N818 - it is an answer
    """The walk or the objective does something that has no rule here."""


@dataclass
class Tape:
    """The operations in their order: results, inputs, and the way back."""

    entries: list[tuple[Sequence[Symbol], Sequence[Symbol], Back]] = field(default_factory=list)

    def gradient(self, sums: Sequence[Symbol], of: Symbol) -> Output:
        """The gradient of the sum over all positions of `sums`, by reverse accumulation."""
        found: dict[int, Output] = {}
        for each in sums:
            _add(found, each, constant(np.ones(each.shape)))
        for results, inputs, back in reversed(self.entries):
            gradients = [found.pop(id(result), None) for result in results]
            if any(g is not None for g in gradients):
                known = [_zeros(result) if g is None else g for result, g in zip(results, gradients, strict=True)]
                for each, g in zip(inputs, back(*known), strict=True):
                    _add(found, each, g)
        return found[id(of)]


def _add(found: dict[int, Output], symbol: Symbol, g: Output) -> None:
    before = found.get(id(symbol))
    found[id(symbol)] = g if before is None else out(ops.add(before, g))


def _zeros(symbol: Symbol) -> Output:
    return constant(np.zeros(symbol.shape))


@dataclass(frozen=True, eq=False)
class Symbol:
    """A tensor of the graph, `[1, C, h, w]`, that answers torch's functions and operators.

    Attributes:
        tape: where its operations are written.
        output: of the graph.
        axes: how many axes torch would see: 4; 3 behind `a[0]`; 2 for values at positions.
        shorter: makes the same without the first row and column, which then need not be computed.
    """

    tape: Tape
    output: Output
    axes: int = 4
    shorter: Callable[[], Symbol] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """In the graph, always of four sides."""
        return tuple(self.output.get_shape())

    def then(self, output: Output, back: Back, *others: Symbol, **changes: Any) -> Symbol:
        """The result of an operation on this symbol, and `others`."""
        made = Symbol(self.tape, output, **{"axes": self.axes, **changes})
        self.tape.entries.append(((made,), (self, *others), back))
        return made

    def __mul__(self, factor: Any) -> Symbol:
        by = constant(factor)
        return self.then(out(ops.multiply(self.output, by)), lambda g: [out(ops.multiply(g, by))])

    def __truediv__(self, divisor: float) -> Symbol:
        return self * (1 / divisor)

    def __add__(self, other: Any) -> Symbol:
        if isinstance(other, Symbol):
            return self.then(out(ops.add(self.output, other.output)), lambda g: [g, g], other)
        return self.then(out(ops.add(self.output, constant(other))), lambda g: [g])

    def __sub__(self, other: Any) -> Symbol:
        return self.then(out(ops.subtract(self.output, constant(other))), lambda g: [g])

    __rmul__, __radd__, add_ = __mul__, __add__, __add__

    def contiguous(self, **_: Any) -> Symbol:
        """Itself: OpenVINO lays memory out as it likes."""
        return self

    def flip(self, axis: int) -> Symbol:
        """Its channels in reverse order."""
        order = ops.constant(np.arange(self.shape[axis])[::-1].astype(np.int32)), ops.constant(np.int32(axis))
        return self.then(out(ops.gather(self.output, *order)), lambda g: [out(ops.gather(g, *order))])

    def square(self) -> Symbol:
        """Its square; a half of the slope is its own value."""
        twice = out(ops.multiply(self.output, constant(2.0)))
        return self.then(out(ops.multiply(self.output, self.output)), lambda g: [out(ops.multiply(twice, g))])

    def sum(self, axis: int) -> Symbol:
        """The sum over the channels of `a[0]`."""
        if (self.axes, axis) != (3, 0):
            raise UnknownOperation(f"sum over axis {axis} of {self.axes}")
        channels = np.array([1], np.int64)
        return self.then(
            out(ops.reduce_sum(self.output, channels, keep_dims=True)),
            lambda g: [out(ops.broadcast(g, np.array(self.shape, np.int64)))],
            axes=2,
        )

    def __getitem__(self, index: Any) -> Symbol:
        match index:
            case 0 if self.axes == 4:
                return self.then(self.output, lambda g: [g], axes=3)
            case (0, int(channel)) if self.axes == 4:
                return self._channel(channel)
            case (_, _, slice(start=1, stop=None), slice(start=1, stop=None)) if self.shorter:
                return self.shorter()
        raise UnknownOperation(f"[{index}]")

    def _channel(self, channel: int) -> Symbol:
        only = np.zeros((1, self.shape[1], 1, 1))
        only[0, channel] = 1
        one, mask = ops.constant(np.array([channel], np.int64)), constant(only)
        chosen = ops.gather(self.output, one, ops.constant(np.int32(1)))
        return self.then(out(chosen), lambda g: [out(ops.multiply(g, mask))], axes=2)

    def __getattr__(self, name: str) -> Any:
        raise UnknownOperation(name)

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answers torch's functions."""
        name = getattr(function, "__name__", str(function))
        if name not in RULES:
            raise UnknownOperation(name)
        return RULES[name](*args, **(kwargs or {}))
