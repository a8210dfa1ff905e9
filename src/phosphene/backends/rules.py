"""What a symbol answers torch's functions: each with its way back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from phosphene.backends import pooling
from phosphene.backends.filters import Filter
from phosphene.backends.runtime import Output, constant, ops, out
from phosphene.backends.symbol import RULES, Symbol, UnknownOperation
from phosphene.networks.operations import LRN_BETA, lrn_band

CHANNELS = 1  # axis


def convolve(
    x: Symbol,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    *,
    groups: int = 1,
    skip: int = 0,
) -> Symbol:
    """`torch.conv2d` on equal sides; the first `skip` rows and columns of the result are not computed."""
    kernel = Filter(weight.numpy(), stride, padding - stride * skip, padding, depthwise=groups > 1)
    found = kernel.forth(x.output)
    if bias is not None:
        found = out(ops.add(found, constant(bias[None, :, None, None])))
    shorter = partial(convolve, x, weight, bias, stride, padding, groups=groups, skip=skip + 1)
    return x.then(found, lambda g: [kernel.back(g, x.shape)], shorter=shorter)


def relu(x: Symbol, **_: Any) -> Symbol:
    """Clips below 0; the gradient passes where the result is above."""
    y = out(ops.relu(x.output))
    return x.then(y, lambda g: [_kept(g, ops.greater(y, constant(0.0)))])


def relu6(x: Symbol, **_: Any) -> Symbol:
    """Clips to 0..6; the gradient passes where the result is between."""
    y = out(ops.clamp(x.output, 0.0, 6.0))
    return x.then(y, lambda g: [_kept(g, ops.logical_and(ops.greater(y, constant(0.0)), ops.less(y, constant(6.0))))])


def _kept(g: Output, where: Any) -> Output:
    return out(ops.select(where, g, constant(0.0)))


def max_pool(
    x: Symbol, kernel_size: int, stride: int | None = None, padding: int = 0, *, ceil_mode: bool = False, **_: Any
) -> Symbol:
    """The maximum of 3×3 positions, at each position or at every other one."""
    match kernel_size, stride, padding, ceil_mode:
        case 3, 1, 1, _:
            kind: type[pooling.Around] | type[pooling.Halved] = pooling.Around
        case 3, 2, 0, True:
            kind = pooling.Halved
        case _:
            raise UnknownOperation("max_pool2d with these settings")
    for axis in (pooling.COLUMNS, pooling.ROWS):
        line = kind(x.output, axis)
        x = x.then(line.maximum, lambda g, line=line: [line.back(g)])
    return x


def local_response_norm(x: Symbol) -> Symbol:
    """`x · s^-β` with `s = 1 + α/n · Σ x²` over neighbouring channels; the sum is a 1×1 convolution, as in torch."""
    weight, bias = lrn_band(x.shape[CHANNELS])
    band = constant(weight)

    def near(of: Output) -> Output:
        return out(ops.convolution(of, band, [1, 1], [0, 0], [0, 0], [1, 1]))

    s = out(ops.add(near(out(ops.multiply(x.output, x.output))), constant(bias[None, :, None, None])))
    root = ops.sqrt(s)
    power = out(ops.divide(constant(1.0), ops.multiply(root, ops.sqrt(root))))  # s^-3/4

    def back(g: Output) -> list[Output]:
        scaled = out(ops.multiply(g, power))
        around = near(out(ops.divide(ops.multiply(scaled, x.output), s)))
        return [out(ops.subtract(scaled, ops.multiply(ops.multiply(x.output, around), constant(2 * LRN_BETA))))]

    return x.then(out(ops.multiply(x.output, power)), back)


def split(x: Symbol, sizes: Sequence[int], dim: int = 0) -> tuple[Symbol, ...]:
    """Some channels for each."""
    parts = tuple(Symbol(x.tape, part) for part in _divided(x.output, sizes))
    x.tape.entries.append((parts, (x,), lambda *gradients: [out(ops.concat(list(gradients), CHANNELS))]))
    return parts


def concatenate(symbols: Sequence[Symbol], dim: int = 0) -> Symbol:
    """All channels one after the other."""
    first, *others = symbols
    sizes = [each.shape[CHANNELS] for each in symbols]
    joined = out(ops.concat([each.output for each in symbols], CHANNELS))
    return first.then(joined, lambda g: _divided(g, sizes), *others)


def _divided(x: Output, sizes: Sequence[int]) -> list[Output]:
    parts = ops.variadic_split(x, ops.constant(np.int64(CHANNELS)), np.array(sizes, np.int64))
    return [parts.output(index) for index in range(len(sizes))]


def einsum(formula: str, x: Symbol, towards: Tensor) -> Symbol:
    """The product with a direction at each position: a convolution with one 1×1 kernel."""
    if formula != "chw,c->hw":
        raise UnknownOperation(f"einsum {formula}")
    kernel = Filter(towards[None, :, None, None].numpy(), 1, 0, 0, depthwise=False)
    return x.then(kernel.forth(x.output), lambda g: [kernel.back(g, x.shape)], axes=2)


RULES.update(
    {
        "conv2d": convolve,
        "relu": relu,
        "relu6": relu6,
        "relu6_": relu6,
        "max_pool2d": max_pool,
        "local_response_norm": local_response_norm,
        "split": split,
        "cat": concatenate,
        "einsum": einsum,
    }
)
