"""The few operations whose stock versions cost more memory or time than they need."""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary


def fold_batch_norm(
    weight: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, *, epsilon: float
) -> tuple[Tensor, Tensor]:
    """A convolution's weight `[C, …]` and bias `[C]` with the batch norm behind it folded in, in float64.

    At inference a batch norm is an affine map of each channel, so it disappears into the convolution before it.
    """
    gain = scale.double() / torch.sqrt(variance.double() + epsilon)
    return weight.double() * gain[:, None, None, None], shift.double() - mean.double() * gain


class _ReLU6(torch.autograd.Function):
    """Clips to 0..6 in place. Torch's own in-place version keeps a copy of its input for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x.clamp_(0, 6))
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (clipped,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradients[0], clipped, 0, 6)  # type: ignore[no-any-return]


def relu6_(x: Tensor) -> Tensor:
    """Clips `x` to 0..6, in place."""
    if has_torch_function_unary(x):
        return handle_torch_function(relu6_, (x,), x)
    return _ReLU6.apply(x)  # type: ignore[no-any-return, no-untyped-call]


LRN_SIZE, LRN_ALPHA, LRN_BETA = 5, 1e-4, 0.75  # as GoogLeNet has them


class _LocalResponseNorm(torch.autograd.Function):
    """`x · s^-β` with `s = 1 + α/n · Σ x²` over `n` neighbouring channels (Krizhevsky et al. 2012, section 3.3).

    The sum over neighbours is a 1×1 convolution with a banded matrix, which also adds the 1: one pass where
    `torch.nn.LocalResponseNorm` goes through a three-dimensional pooling.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        s = torch.conv2d(x * x, *lrn_band(x.shape[1], x.dtype, x.device))
        ctx.save_for_backward(x, s)
        return x * _power(s)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x, s = ctx.saved_tensors
        scaled = gradients[0] * _power(s)
        band, _ = lrn_band(x.shape[1], x.dtype, x.device)
        around = torch.conv2d((scaled * x).div_(s), band)
        return scaled.sub_(around.mul_(x), alpha=2 * LRN_BETA)


def _power(s: Tensor) -> Tensor:
    """`s^-3/4` by two square roots, several times faster than a general power."""
    root = s.sqrt()
    return root.mul_(root.sqrt()).reciprocal_()


@cache
def lrn_band(
    channels: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device = torch.device("cpu"),  # noqa: B008
) -> tuple[Tensor, Tensor]:
    """Weight `[C, C, 1, 1]` and bias `[C]` of the 1×1 convolution from squares to `s`."""
    index = torch.arange(channels, device=device)
    near = (index[:, None] - index[None, :]).abs() <= LRN_SIZE // 2
    return near.to(dtype)[:, :, None, None] * (LRN_ALPHA / LRN_SIZE), torch.ones(channels, dtype=dtype, device=device)


def local_response_norm(x: Tensor) -> Tensor:
    """Each activation `[N, C, H, W]` divided by the energy of its five neighbouring channels, as in GoogLeNet."""
    if has_torch_function_unary(x):
        return handle_torch_function(local_response_norm, (x,), x)
    return _LocalResponseNorm.apply(x)  # type: ignore[no-any-return, no-untyped-call]
