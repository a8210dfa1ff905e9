"""Convolutions there and back, as convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phosphene.backends.runtime import Output, constant, ops, out, whole
from phosphene.backends.symbol import UnknownOperation

Weight = NDArray[np.float32]


@dataclass(frozen=True)
class Filter:
    """A convolution of a kernel: `y[i] = Σ_u w[u] · x[stride · i + u - begin]` on each axis.

    Attributes:
        weight: `[O, I, k, k]`, or `[C, 1, k, k]` where it is depthwise.
        stride: 1 or 2.
        begin: rows above and columns to the left that count as 0.
        end: rows below and columns to the right.
        depthwise: each channel by itself.
    """

    weight: Weight
    stride: int
    begin: int
    end: int
    depthwise: bool

    def __post_init__(self) -> None:
        if self.stride not in (1, 2) or (self.depthwise and self.weight.shape[1] != 1):
            raise UnknownOperation("a convolution of this kind")

    def forth(self, x: Output) -> Output:
        """The convolution."""
        return _convolution(x, self.weight, self.stride, self.begin, self.end, self.depthwise)

    def back(self, g: Output, shape: Sequence[int]) -> Output:
        """The gradient of what was convolved, of that shape, from the gradient of the result."""
        if self.stride == 1:
            return self._turned(g)
        if self.depthwise:
            return self._spread(g, shape)
        return self._by_phases(g, shape)

    def _turned(self, g: Output) -> Output:
        """`dx[n] = Σ_u w[u] · g[n + begin - u]`: the kernel turned round, inputs and outputs exchanged."""
        turned = self.weight[..., ::-1, ::-1]
        far = self.weight.shape[-1] - 1
        weight = turned if self.depthwise else turned.transpose(1, 0, 2, 3)
        return _convolution(g, weight, 1, far - self.begin, far - self.end, self.depthwise)

    def _spread(self, g: Output, shape: Sequence[int]) -> Output:
        """A transposed convolution, channel by channel."""
        covered = [2 * (side - 1) + self.weight.shape[-1] - self.begin for side in tuple(g.get_shape())[-2:]]
        ends = [have - want for have, want in zip(covered, shape[-2:], strict=True)]
        return out(
            ops.group_convolution_backprop_data(
                g,
                constant(self.weight[:, :, None]),
                [2, 2],
                pads_begin=[self.begin] * 2,
                pads_end=[max(0, end) for end in ends],
                output_padding=[max(0, -end) for end in ends],
            )
        )

    def _by_phases(self, g: Output, shape: Sequence[int]) -> Output:
        """`dx[2i + a] = Σ_t w[a + begin - 2t] · g[i + t]`: for each phase `a` of both axes a convolution of stride 1.

        They are computed as one, with four times the channels, and laid between each other: a transposed convolution
        onto three channels would leave most of the processor's width unused.
        """
        height, width = shape[-2:]
        rows, columns = tuple(g.get_shape())[-2:]
        if 2 * rows < height or 2 * columns < width:
            raise UnknownOperation("a strided convolution that leaves out the last pixels")
        kernels, first, last = self._phases()
        found = out(ops.convolution(g, constant(kernels), [1, 1], [-first] * 2, [last] * 2, [1, 1]))
        full = out(ops.depth_to_space(found, "blocks_first", 2))
        if (2 * rows, 2 * columns) == (height, width):
            return full
        return out(ops.slice(full, whole(0, 0), whole(height, width), whole(1, 1), whole(2, 3)))

    def _phases(self) -> tuple[Weight, int, int]:
        """The kernels `[4 · I, O, t, t]` of the phases, and the first and the last `t`."""
        outputs, inputs, kernel, _ = self.weight.shape
        reach = range((self.begin - kernel) // 2, (self.begin + 1) // 2 + 1)
        taps = [(a, t) for a in (0, 1) for t in reach if 0 <= a + self.begin - 2 * t < kernel]
        first, last = min(t for _, t in taps), max(t for _, t in taps)
        kernels = np.zeros((2, 2, inputs, outputs, last - first + 1, last - first + 1), np.float32)
        for a, t in taps:
            for b, s in taps:
                tap = self.weight[:, :, a + self.begin - 2 * t, b + self.begin - 2 * s]
                kernels[a, b, :, :, t - first, s - first] = tap.T
        return kernels.reshape(4 * inputs, outputs, *kernels.shape[-2:]), first, last


def _convolution(x: Output, weight: Weight, stride: int, begin: int, end: int, depthwise: bool) -> Output:
    sides = [stride] * 2, [begin] * 2, [end] * 2, [1, 1]
    if depthwise:
        return out(ops.group_convolution(x, constant(weight[:, :, None]), *sides))
    return out(ops.convolution(x, constant(weight), *sides))
