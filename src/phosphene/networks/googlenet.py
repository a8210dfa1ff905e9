"""BVLC GoogLeNet, the network of Google's own DeepDream pictures.

Architecture: Szegedy et al., "Going Deeper with Convolutions" (2014), as in Caffe's model zoo, whose layer names are
kept; a name ending in `_pre_relu` is the same layer before its ReLU.
"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.errors import WeightsError
from phosphene.networks.efficientnet import LayerIterator, local_response_norm

MEAN_BGR = (104.0, 116.0, 122.0)  # of 255: the notebook's figures; Caffe's training file has 104, 117, 123
MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
POOLED = ("3a", "4a", "5a")  # the modules that a stride-2 pooling stands before
DEFAULT_LAYER = "inception_4c/output"
SHOWS = {
    "conv1/7x7_s2": "edges and flat colours",
    "conv2/3x3": "strokes, ripples, herringbone",
    "inception_3a/output": "bands, spirals, first eyes",
    "inception_3b/output": "fur and eyes everywhere",
    "inception_3b/5x5_reduce": "swelling strokes and arches, as in Google's second example",
    "inception_4a/output": "small heads, snouts, eyes",
    "inception_4b/output": "dogs' faces, buildings, ears",
    "inception_4c/output": "animals, pagodas, fountains: Google's first choice",
    "inception_4d/output": "animals, birds, spotted coats, towers",
    "inception_4e/output": "whole animals, coats, vehicles",
    "inception_5a/output": "large creatures, scales, feathers",
    "inception_5b/output": "loose parts of many things, woven together",
}

Weights = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Inception:
    """Four branches side by side: 1×1; 1×1 then 3×3; 1×1 then 5×5; pooling then 1×1."""

    narrow: Weights  # the three 1×1 convolutions that read the module's input, as one
    widths: tuple[int, int, int]  # how many of its channels belong to each
    three: Weights
    five: Weights
    pool: Weights


class GoogLeNet:
    """The network, which gives its layers from the pixels inward."""

    def __init__(self, blobs: Mapping[str, Sequence[Tensor]], *, dtype: torch.dtype = torch.float32) -> None:
        self.mean = torch.tensor(MEAN_BGR, dtype=dtype)[None, :, None, None]
        self.conv1 = _weights(blobs, "conv1/7x7_s2", dtype)
        self.reduce2 = _weights(blobs, "conv2/3x3_reduce", dtype)
        self.conv2 = _weights(blobs, "conv2/3x3", dtype)
        self.modules = {module: _inception(blobs, f"inception_{module}", dtype) for module in MODULES}
        weight, bias = _weights(blobs, "loss3/classifier", dtype)
        self.classifier = weight.reshape(1000, 1024), bias

    def iter_layers(self, pixels: Tensor, wanted: Collection[str] = ()) -> Iterator[tuple[str, Tensor]]:
        """Yields each layer's name and activations; stop listening where you have heard enough.

        Layers are computed in place over the ones before them; those in `wanted` are left whole.
        """
        x = (pixels.flip(1) * 255 - self.mean).contiguous(memory_format=torch.channels_last)
        x = yield from _activate("conv1/7x7_s2", F.conv2d(x, *self.conv1, stride=2, padding=3), wanted)
        x = local_response_norm(_halve(x))
        yield "pool1/norm1", x
        x = yield from _activate("conv2/3x3_reduce", F.conv2d(x, *self.reduce2), wanted)
        x = yield from _activate("conv2/3x3", F.conv2d(x, *self.conv2, padding=1), wanted)
        x = local_response_norm(x)
        yield "conv2/norm2", x
        for module in MODULES:
            x = _halve(x) if module in POOLED else x
            x = yield from _branches(f"inception_{module}", self.modules[module], x, wanted)
            yield f"inception_{module}/output", x
        yield "logits", F.linear(x.mean((2, 3)), *self.classifier)


def _branches(name: str, module: Inception, x: Tensor, wanted: Collection[str]) -> LayerIterator:
    narrow = F.conv2d(x, *module.narrow)
    heads = [f"{name}/{branch}" for branch in ("1x1", "3x3_reduce", "5x5_reduce")]
    ones, threes, fives = yield from _activate_together(heads, narrow, module.widths, wanted)
    threes = yield from _activate(f"{name}/3x3", F.conv2d(threes, *module.three, padding=1), wanted)
    fives = yield from _activate(f"{name}/5x5", F.conv2d(fives, *module.five, padding=2), wanted)
    pooled = F.conv2d(F.max_pool2d(x, 3, stride=1, padding=1), *module.pool)
    pooled = yield from _activate(f"{name}/pool_proj", pooled, wanted)
    return torch.cat([ones, threes, fives, pooled], 1)


def _halve(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=2, ceil_mode=True)


def _activate(name: str, x: Tensor, wanted: Collection[str]) -> LayerIterator:
    before = f"{name}_pre_relu"
    yield before, x
    x = F.relu(x, inplace=before not in wanted)
    yield name, x
    return x


def _activate_together(
    names: Sequence[str], x: Tensor, widths: Sequence[int], wanted: Collection[str]
) -> Generator[tuple[str, Tensor], None, tuple[Tensor, ...]]:
    before = [f"{name}_pre_relu" for name in names]
    yield from zip(before, torch.split(x, list(widths), 1), strict=True)
    parts = torch.split(F.relu(x, inplace=not any(name in wanted for name in before)), list(widths), 1)
    yield from zip(names, parts, strict=True)
    return parts


def _inception(blobs: Mapping[str, Sequence[Tensor]], name: str, dtype: torch.dtype) -> Inception:
    heads = [_weights(blobs, f"{name}/{branch}", dtype) for branch in ("1x1", "3x3_reduce", "5x5_reduce")]
    ones, threes, fives = (weight.shape[0] for weight, _ in heads)
    return Inception(
        narrow=(torch.cat([weight for weight, _ in heads]), torch.cat([bias for _, bias in heads])),
        widths=(ones, threes, fives),
        three=_weights(blobs, f"{name}/3x3", dtype),
        five=_weights(blobs, f"{name}/5x5", dtype),
        pool=_weights(blobs, f"{name}/pool_proj", dtype),
    )


def _weights(blobs: Mapping[str, Sequence[Tensor]], name: str, dtype: torch.dtype) -> Weights:
    if len(blobs.get(name, ())) != 2:
        raise WeightsError(f"The file holds no weights for GoogLeNet's layer {name!r}: is it another network's?")
    weight, bias = blobs[name]
    weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
    return weight, bias.to(dtype).reshape(-1)
