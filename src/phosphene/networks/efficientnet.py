"""EfficientNet-Lite0, the default network: small, quick, and its trained weights come by `pip`.

Architecture: Tan and Le, "EfficientNet" (2019), in the Lite variant that Google published in 2020: no squeeze and
excitation, ReLU6 instead of swish, stem and head of fixed width.
"""

from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import handle_torch_function, has_torch_function_unary

# The few operations whose stock versions cost more memory or time than they need


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
def lrn_band(channels: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Weight `[C, C, 1, 1]` and bias `[C]` of the 1×1 convolution from squares to `s`."""
    index = torch.arange(channels, device=device)
    near = (index[:, None] - index[None, :]).abs() <= LRN_SIZE // 2
    return near.to(dtype)[:, :, None, None] * (LRN_ALPHA / LRN_SIZE), torch.ones(channels, dtype=dtype, device=device)


def local_response_norm(x: Tensor) -> Tensor:
    """Each activation `[N, C, H, W]` divided by the energy of its five neighbouring channels, as in GoogLeNet."""
    if has_torch_function_unary(x):
        return handle_torch_function(local_response_norm, (x,), x)
    return _LocalResponseNorm.apply(x)  # type: ignore[no-any-return, no-untyped-call]


EPSILON = 1e-3  # TensorFlow's batch norm
MEAN, DEVIATION = 127.0, 128.0  # of 255: the Lite models' own preprocessing
DEFAULT_LAYER = "block11"

LayerIterator = Generator[tuple[str, Tensor], None, Tensor]


class Stage(NamedTuple):
    """A row of the paper's table 1."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class Convolution:
    """A convolution with its batch norm folded in, padded as TensorFlow pads pictures of even size.

    TensorFlow's padding depends on whether the size is odd; here the phase is fixed, so that a tile and the whole
    picture are sampled at the same pixels. Computing one row and column more and dropping them costs less than
    padding the larger input.
    """

    weight: Tensor
    bias: Tensor
    stride: int = 1
    groups: int = 1

    def __call__(self, x: Tensor) -> Tensor:
        """`x` `[1, C, H, W]` filtered, `[1, C', ⌈H/stride⌉, ⌈W/stride⌉]`."""
        half = self.weight.shape[-1] // 2
        if self.stride == 1:
            return F.conv2d(x, self.weight, self.bias, padding=half, groups=self.groups)
        return F.conv2d(x, self.weight, self.bias, stride=2, padding=half + 1, groups=self.groups)[:, :, 1:, 1:]


@dataclass(frozen=True)
class Block:
    """An inverted residual: expand by 1×1, filter each channel, project back by 1×1 (Sandler et al. 2018)."""

    expand: Convolution | None
    depthwise: Convolution
    project: Convolution
    residual: bool


class EfficientNetLite0:
    """The network, which gives its layers from the pixels inward."""

    def __init__(self, weights: Mapping[str, Tensor], *, dtype: torch.dtype = torch.float32) -> None:
        self._weights, self._dtype = weights, dtype
        self.stem = self._convolution("_conv_stem", "_bn0", stride=2)
        self.blocks: list[Block] = []
        inputs = 32
        for stage in STAGES:
            for repeat in range(stage.repeats):
                self.blocks.append(self._block(stage, stage.stride if repeat == 0 else 1, inputs))
                inputs = stage.channels
        self.head = self._convolution("_conv_head", "_bn1")
        self.classifier = weights["_fc.weight"].to(dtype), weights["_fc.bias"].to(dtype)
        del self._weights

    def iter_layers(self, pixels: Tensor, wanted: Collection[str] = ()) -> Iterator[tuple[str, Tensor]]:
        """Yields each layer's name and activations; stop listening where you have heard enough.

        Layers are computed in place over the ones before them; those in `wanted` are left whole.
        """
        x = (pixels * (255 / DEVIATION) - MEAN / DEVIATION).contiguous(memory_format=torch.channels_last)
        x = yield from self._activate("stem", self.stem(x), wanted)
        for index, block in enumerate(self.blocks):
            x = yield from self._through(f"block{index}", block, x, wanted)
            yield f"block{index}", x
        x = yield from self._activate("head", self.head(x), wanted)
        yield "logits", F.linear(x.mean((2, 3)), *self.classifier)

    def _through(self, name: str, block: Block, x: Tensor, wanted: Collection[str]) -> LayerIterator:
        inner = x
        if block.expand:
            inner = yield from self._activate(f"{name}/expand", block.expand(inner), wanted)
        inner = yield from self._activate(f"{name}/depthwise", block.depthwise(inner), wanted)
        out = block.project(inner)
        return out.add_(x) if block.residual else out

    def _activate(self, name: str, x: Tensor, wanted: Collection[str]) -> LayerIterator:
        before = f"{name}_pre_relu"
        yield before, x
        x = F.relu6(x) if before in wanted else relu6_(x)
        yield name, x
        return x

    def _block(self, stage: Stage, stride: int, inputs: int) -> Block:
        name, width = f"_blocks.{len(self.blocks)}.", inputs * stage.expansion
        return Block(
            expand=self._convolution(f"{name}_expand_conv", f"{name}_bn0") if stage.expansion > 1 else None,
            depthwise=self._convolution(f"{name}_depthwise_conv", f"{name}_bn1", stride=stride, groups=width),
            project=self._convolution(f"{name}_project_conv", f"{name}_bn2"),
            residual=stride == 1 and inputs == stage.channels,
        )

    def _convolution(self, name: str, norm: str, *, stride: int = 1, groups: int = 1) -> Convolution:
        parts = (f"{name}.weight", *(f"{norm}.{part}" for part in ("running_mean", "running_var", "weight", "bias")))
        weight, mean, variance, scale, shift = (self._weights[part].double() for part in parts)
        # At inference a batch norm is an affine map of each channel, so it disappears into the convolution before it.
        weight, bias = fuse_conv_bn_weights(weight, None, mean, variance, EPSILON, scale, shift)
        weight = weight.to(self._dtype).contiguous(memory_format=torch.channels_last)
        return Convolution(weight, bias.to(self._dtype), stride, groups)
