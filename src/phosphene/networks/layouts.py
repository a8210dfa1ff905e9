"""How a strange network's outputs become maps `[1, C, h, w]`, and how it takes pictures of any size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MethodType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 224  # pixels: the patches and windows that are in use, of 7, 8, 14, 16 and 32, divide it


@dataclass(frozen=True)
class Layout:
    """How a layer's output becomes a map `[1, C, h, w]`."""

    order: str  # `first` for channels first, `last` for channels last, `tokens` for `[1, tokens, C]`
    stride: int  # pixels from one position to the next
    channels: int  # of the map
    extra: int = 0  # tokens before those of the patches: class, registers
    multiple: int = 1  # the picture's sides must be multiples of it, or positions get lost or move
    shift: int = 0  # positions to leave free above and to the left, so that each lies where it looks
    least: int = 1  # pixels a side that the network bears

    def spread(self, output: Tensor, height: int, width: int) -> Tensor:
        """The output for a picture of that size as `[1, C, h, w]`, with the positions that the network gives."""
        if self.order == "first":
            return output
        if self.order == "last":
            return output.permute(0, 3, 1, 2)
        grid = (height // self.stride, width // self.stride)
        return output[:, self.extra :].transpose(1, 2).reshape(1, -1, *grid)

    def place(self, spread: Tensor, height: int, width: int) -> Tensor:
        """The map with one position for each stride that begins in a picture of that size; 0 where there was none."""
        rows, columns = -(-height // self.stride), -(-width // self.stride)
        missing = (rows - self.shift - spread.shape[2], columns - self.shift - spread.shape[3])
        if not self.shift and missing == (0, 0):
            return spread
        return F.pad(spread, (self.shift, missing[1], self.shift, missing[0]))


def layout(small: tuple[int, ...], wide: tuple[int, ...]) -> Layout | None:
    """How an output is laid out, by its shapes for a square picture and one twice as wide; `None` without positions.

    >>> layout((1, 64, 56, 56), (1, 64, 56, 112))
    Layout(order='first', stride=4, channels=64, extra=0, multiple=1, shift=0, least=1)
    >>> layout((1, 197, 384), (1, 393, 384)).extra
    1
    """
    if len(small) != len(wide) or (small[:1], wide[:1]) != ((1,), (1,)):
        return None
    if len(small) == 3 and small[2] == wide[2]:
        patches = wide[1] - small[1]
        side = math.isqrt(max(patches, 0))
        if side and side**2 == patches and SIDE % side == 0 and small[1] >= patches:
            return Layout("tokens", SIDE // side, small[2], small[1] - patches)
    if len(small) == 4:
        for order, (channel, row, column) in {"first": (1, 2, 3), "last": (3, 1, 2)}.items():
            more = wide[column] - small[column]
            even = small[channel] == wide[channel] and small[row] == wide[row] == small[column]
            if even and more > 0 and SIDE % more == 0:
                return Layout(order, SIDE // more, small[channel])
    return None


# Learned positions of vision transformers, resized to the picture (Dosovitskiy et al. 2020, section 3.2)

NAMES = ("pos_embed", "pos_embedding", "position_embedding", "position_embeddings", "positional_embedding")


@dataclass(frozen=True)
class Embedding:
    """What is added to the tokens `[1, N, C]` of a square picture cut into `side`×`side` patches."""

    tokens: Tensor
    patch: int
    side: int

    def fitted(self, grid: tuple[int, int]) -> Tensor:
        """The same for a picture cut into so many rows and columns of patches."""
        extra = self.tokens.shape[1] - self.side**2  # tokens before the patches': class, registers
        before, after = self.tokens[:, :extra], self.tokens[:, extra:]
        square = after.transpose(1, 2).reshape(1, -1, self.side, self.side)
        resized = F.interpolate(square, size=grid, mode="bicubic", antialias=True, align_corners=False)
        return torch.cat([before, resized.flatten(2).transpose(1, 2)], 1)


def embeddings(module: nn.Module) -> dict[str, Embedding]:
    """The embeddings that fit pictures of one size only, by name; none if the network resizes them itself."""
    if getattr(module, "dynamic_img_size", False):
        return {}
    if type(module).__name__ == "VisionTransformer" and hasattr(module, "_process_input"):
        # Lifts the size check of torchvision's transformer, which alone keeps it from other sizes.
        module._process_input = MethodType(_tokens, module)  # type: ignore[assignment]
    patch = _patch(module)
    if patch is None:
        return {}
    return {
        name: Embedding(tensor, patch, math.isqrt(tensor.shape[1]))
        for name, tensor in module.named_parameters()
        if name.rpartition(".")[2] in NAMES and tensor.ndim == 3 and len(tensor) == 1
    }


def _patch(module: nn.Module) -> int | None:
    """The side of a patch: the window of a first convolution that does not overlap."""
    first = next((each for each in module.modules() if isinstance(each, nn.Conv2d)), None)
    if first is None or first.kernel_size != first.stride or len(set(first.stride)) > 1:
        return None
    return first.stride[0]


def resized(known: Mapping[str, Embedding], height: int, width: int) -> dict[str, Tensor]:
    """The embeddings for a picture of that size; those that fit it as they are are left out."""
    grids = {name: (height // each.patch, width // each.patch) for name, each in known.items()}
    return {name: each.fitted(grids[name]) for name, each in known.items() if grids[name] != (each.side, each.side)}


def _tokens(module: nn.Module, x: Tensor) -> Tensor:
    patches: Tensor = module.conv_proj(x)  # type: ignore[operator]
    return patches.flatten(2).transpose(1, 2)
