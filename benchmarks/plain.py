"""Both networks as textbooks write them: modules with batch norms, contiguous memory, one whole picture at a time.

They are the measure for `speed.py`. Parameters are frozen, so that nobody pays for gradients that nobody uses.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phosphene.networks import SOURCES, caffe, find
from phosphene.networks.efficientnet import STAGES


def same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's padding."""
    down, right = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
    return F.pad(x, [right // 2, right - right // 2, down // 2, down - down // 2])


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(inputs, width, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(width, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(width, width, kernel, stride, groups=width, bias=False)
        self._bn1 = nn.BatchNorm2d(width, eps=1e-3)
        self._project_conv = nn.Conv2d(width, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=1e-3)
        self.kernel, self.stride, self.expansion = kernel, stride, expansion
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = x
        if self.expansion > 1:
            inner = F.relu6(self._bn0(self._expand_conv(inner)))
        inner = F.relu6(self._bn1(self._depthwise_conv(same(inner, self.kernel, self.stride))))
        inner = self._bn2(self._project_conv(inner))
        return x + inner if self.residual else inner


class EfficientNetLite0(nn.Module):
    def __init__(self, deepest: int) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, inputs = [], 32
        for stage in STAGES:
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(Block(inputs, stage.channels, stage.kernel, stride, stage.expansion))
                inputs = stage.channels
        self._blocks = nn.ModuleList(blocks[: deepest + 1])
        self.load_state_dict(torch.load(find(SOURCES["efficientnet-lite0"]), weights_only=True), strict=False)
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels * 255 - 127) / 128
        x = F.relu6(self._bn0(self._conv_stem(same(x, 3, 2))))
        for block in self._blocks:
            x = block(x)
        return x


class GoogLeNet(nn.Module):
    MODULES = ("3a", "3b", "4a", "4b", "4c")

    def __init__(self, path: object) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict()
        for name, (weight, bias) in caffe.read(path).items():
            if weight.ndim == 4 and weight.shape[0] != 1:
                outputs, inputs, kernel, _ = weight.shape
                conv = nn.Conv2d(inputs, outputs, kernel, 2 if kernel == 7 else 1, kernel // 2)
                conv.load_state_dict({"weight": weight, "bias": bias.flatten()})
                self.convolutions[name] = conv
        self.norm = nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)
        self.eval().requires_grad_(False)

    def conv(self, x: Tensor, name: str) -> Tensor:
        return F.relu(self.convolutions[name](x))

    def inception(self, x: Tensor, name: str) -> Tensor:
        branches = (
            self.conv(x, f"{name}/1x1"),
            self.conv(self.conv(x, f"{name}/3x3_reduce"), f"{name}/3x3"),
            self.conv(self.conv(x, f"{name}/5x5_reduce"), f"{name}/5x5"),
            self.conv(F.max_pool2d(x, 3, 1, 1), f"{name}/pool_proj"),
        )
        return torch.cat(branches, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels.flip(1) * 255 - torch.tensor([104.0, 116.0, 122.0])[:, None, None]
        x = self.norm(F.max_pool2d(self.conv(x, "conv1/7x7_s2"), 3, 2, ceil_mode=True))
        x = self.norm(self.conv(self.conv(x, "conv2/3x3_reduce"), "conv2/3x3"))
        for name in self.MODULES:
            x = F.max_pool2d(x, 3, 2, ceil_mode=True) if name in ("3a", "4a") else x
            x = self.inception(x, f"inception_{name}")
        return x
