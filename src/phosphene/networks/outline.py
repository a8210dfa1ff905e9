"""Which of a strange network's modules are worth a look: its blocks, and not the steps inside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from torch import nn

from phosphene.networks.network import Layer

MIDDLE = 0.7  # of the depth: where a dream begins if all layers have one stride
STRIDE = 16  # the last layer of this stride sees parts of things: eyes, heads, windows

_LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_NOTHING = (nn.Identity, nn.Dropout)


def shown(module: nn.Module, layers: Collection[str]) -> dict[str, str]:
    """The layers that are blocks, or stand beside blocks, and what each is: its class."""
    blocks = {name: type(child).__name__ for name, child in _blocks(module, "") if name in layers}
    if len(blocks) > 2:
        return blocks
    return {name: type(module.get_submodule(name.partition("/")[0])).__name__ for name in layers}


def _blocks(parent: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    for name, child in parent.named_children():
        if type(child) in _LISTS:
            yield from _blocks(child, f"{prefix}{name}.")
            continue
        for inner, each in child.named_children():
            if _has_blocks(each):
                yield from _blocks(each, f"{prefix}{name}.{inner}.")
        if type(child) not in _NOTHING:
            yield f"{prefix}{name}", child


def _has_blocks(module: nn.Module) -> bool:
    """Whether it is a list of several modules of one class, whose parts have parts: the blocks of a stage."""
    kinds = Counter(type(each) for each in module.children() if any(map(_has_parts, each.children())))
    return type(module) in _LISTS and max(kinds.values(), default=0) > 1


def _has_parts(module: nn.Module) -> bool:
    return any(True for _ in module.children())


def middle(layers: Mapping[str, Layer]) -> str:
    """A layer somewhat past the middle: the last block of stride 16, or at 70 % of the depth."""
    blocks = [layer for layer in layers.values() if layer.shows] or list(layers.values())
    strided = [layer.name for layer in blocks if layer.stride == STRIDE]
    if strided and max(layer.stride for layer in blocks) > STRIDE:
        return strided[-1]
    return blocks[int(MIDDLE * (len(blocks) - 1))].name


def is_square(module: nn.Module) -> bool:
    """Whether every window of the module's, of convolution or pooling, is as wide as it is high."""
    windows = (getattr(each, "kernel_size", 1) for each in module.modules())
    return all(not isinstance(window, tuple) or len(set(window)) == 1 for window in windows)
