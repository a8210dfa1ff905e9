"""Learned positions of vision transformers, resized to the picture (Dosovitskiy et al. 2020, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MethodType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NAMES = ("pos_embed", "pos_embedding", "position_embedding", "position_embeddings", "positional_embedding")


@dataclass(frozen=True)
class Embedding:
    """What is added to the tokens `[1, N, C]` of a square picture cut into `side`×`side` patches."""

    tokens: Tensor
    patch: int
    side: int

    @property
    def extra(self) -> int:
        """Tokens before the patches': class, registers."""
        return self.tokens.shape[1] - self.side**2


def embeddings(module: nn.Module) -> dict[str, Embedding]:
    """The embeddings that fit pictures of one size only, by name; none if the network resizes them itself."""
    if getattr(module, "dynamic_img_size", False):
        return {}
    _free_(module)
    patch = _patch(module)
    if patch is None:
        return {}
    found = {}
    for name, tensor in module.named_parameters():
        if name.rpartition(".")[2] in NAMES and tensor.ndim == 3 and len(tensor) == 1:
            found[name] = Embedding(tensor, patch, math.isqrt(tensor.shape[1]))
    return found


def _patch(module: nn.Module) -> int | None:
    """The side of a patch: the window of a first convolution that does not overlap."""
    first = next((each for each in module.modules() if isinstance(each, nn.Conv2d)), None)
    if first is None or first.kernel_size != first.stride or len(set(first.stride)) > 1:
        return None
    return first.stride[0]


def resized(known: Mapping[str, Embedding], height: int, width: int) -> dict[str, Tensor]:
    """The embeddings for a picture of that size; those that fit it as they are are left out."""
    found = {}
    for name, each in known.items():
        grid = (height // each.patch, width // each.patch)
        if grid != (each.side, each.side):
            found[name] = _resized(each, grid)
    return found


def _resized(each: Embedding, grid: tuple[int, int]) -> Tensor:
    before, after = each.tokens[:, : each.extra], each.tokens[:, each.extra :]
    square = after.transpose(1, 2).reshape(1, -1, each.side, each.side)
    fitted = F.interpolate(square, size=grid, mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([before, fitted.flatten(2).transpose(1, 2)], 1)


def _free_(module: nn.Module) -> None:
    """Lifts the size check of torchvision's transformer, which alone keeps it from other sizes."""
    if type(module).__name__ == "VisionTransformer" and hasattr(module, "_process_input"):
        module._process_input = MethodType(_tokens, module)  # type: ignore[assignment]


def _tokens(module: nn.Module, x: Tensor) -> Tensor:
    patches: Tensor = module.conv_proj(x)  # type: ignore[operator]
    return patches.flatten(2).transpose(1, 2)
