"""Makes a `Network` of any module of torch's: layers are its modules by name, heard by forward hooks."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phosphene.errors import SettingsError, UnknownNameError, nearest
from phosphene.networks import field, inspection
from phosphene.networks.body import LOGITS, About, Body
from phosphene.networks.fitting import NoClassifier
from phosphene.networks.layouts import SIDE, Layout
from phosphene.networks.network import Classifier, Layer, Network, class_names
from phosphene.pixels.modes import seeded

# Which of a strange network's modules are worth a look: its blocks, and not the steps inside them

MIDDLE = 0.7  # of the depth: where a dream begins if all layers have one stride
STRIDE = 16  # the last layer of this stride sees parts of things: eyes, heads, windows

_LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_NOTHING = (nn.Identity, nn.Dropout)


def outlined(module: nn.Module, layers: Collection[str]) -> dict[str, str]:
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
    parted = [each for each in module.children() if any(list(part.children()) for part in each.children())]
    return type(module) in _LISTS and max(Counter(map(type, parted)).values(), default=0) > 1


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


def adapt(module: nn.Module, about: About, *, dtype: torch.dtype = torch.float32) -> Network:
    """A network of a module that takes `[1, 3, H, W]`; its layers are found by running it a few times.

    The module itself is left as it is.

    Raises:
        SettingsError: it cannot be run, or no output of its modules has positions.
        UnknownNameError: the default layer is none of its layers.
    """
    module = inspection.copied(module, about.name)
    sha256 = about.sha256 or _sha256(module)
    module = module.to(dtype).eval().requires_grad_(False)
    with inspection.blamed(f"{about.name} cannot dream"), torch.no_grad(), seeded():
        body = Body(module, about, dtype)
        found = field.probe(body.probe, square=is_square(module))
        if not found:
            raise SettingsError(body.why_not())
        of_layers = {name: layout for name, (layout, _) in found.items()}
        classifier = _classifier(body, of_layers, about.classes)
    shown = outlined(module, of_layers)
    layers = {name: Layer(name, sees, shown.get(name, "")) for name, (_, sees) in found.items()}
    return Network(
        name=about.name,
        iter_layers=_IterLayers(body, of_layers),
        layers=layers,
        default_layer=_default(about, layers, body),
        dtype=dtype,
        file=about.file,
        sha256=sha256,
        classifier=classifier,
        notes=about.notes + _notes(about, layers, body),
        silent={name: why for name, why in body.reach.silent.items() if name not in layers},
        probes=(256, 512),  # smaller pictures are continued to what such networks need
    )


def _default(about: About, layers: Mapping[str, Layer], body: Body) -> str:
    name = about.default_layer
    if name is None:
        return middle(layers)
    if name in body.reach.silent:
        raise SettingsError(f"{about.name} cannot dream at {name}: it {body.reach.silent[name]}.")
    if name not in layers:
        raise UnknownNameError(f"{about.name} has no layer {name!r} to dream at.{nearest(name, layers)}")
    return name


def _notes(about: About, layers: Mapping[str, Layer], body: Body) -> tuple[str, ...]:
    notes = []
    if about.mean is None:
        notes.append(f"nobody said which mean and deviation {about.name} was trained with: ImageNet's are taken")
    whole = [name for name, layer in layers.items() if not layer.exact]
    if whole:
        notes.append(
            f"from {whole[0]} on, {about.name} looks at the whole picture, or through windows that stand still:"
            " tiles are an approximation there"
        )
    if body.reach.cut:
        notes.append(f"{about.name} cannot dream everywhere: {body.reach.cut}")
    elif body.strict:
        notes.append(f"{about.name} fails where a gradient is wanted: {body.reach.cause}; no layer past it dreams")
    if body.narrow:
        notes.append(
            f"past {list(layers)[-1]}, {about.name} takes only pictures of one size: what lies there cannot dream"
        )
    return tuple(notes)


class _IterLayers:
    """Runs a body: pads the picture as the layers ask, and makes maps of their outputs."""

    def __init__(self, body: Body, of_layers: Mapping[str, Layout]) -> None:
        self._body, self._of_layers = body, of_layers
        self._classes = not any(isinstance(each, NoClassifier) for each in body.module.modules())

    def __call__(self, pixels: Tensor, wanted: Collection[str] = ()) -> Iterator[tuple[str, Tensor]]:
        """Yields the wanted layers, or all, in the order of the run; nothing past the last of them is computed."""
        known = (*self._of_layers, LOGITS) if self._classes else tuple(self._of_layers)
        names = [name for name in known if not wanted or name in wanted]
        size = (pixels.shape[-2], pixels.shape[-1])
        x = self._padded(pixels, [name for name in names if name != LOGITS] or list(self._of_layers)[-1:])
        found, whole = self._run(x, names)
        for name in list(found):
            layout = self._of_layers[name]
            if pixels.requires_grad and not found[name].requires_grad and torch.is_grad_enabled():
                raise SettingsError(f"{self._body.name} cannot dream at {name}: no gradient reaches the picture there.")
            yield name, layout.place(layout.spread(found.pop(name), *x.shape[-2:]), *size)
        if LOGITS in names and isinstance(whole, Tensor) and whole.ndim == 2:
            yield LOGITS, whole

    def _padded(self, pixels: Tensor, names: Sequence[str]) -> Tensor:
        multiple = math.lcm(*(self._of_layers[name].multiple for name in names))
        sides = (max(length, self._of_layers[names[0]].least) for length in pixels.shape[-2:])
        whole = (-(-side // multiple) * multiple for side in sides)
        down, right = (side - length for side, length in zip(whole, pixels.shape[-2:], strict=True))
        return F.pad(pixels, (0, right, 0, down), mode="replicate") if down or right else pixels

    def _run(self, x: Tensor, names: Sequence[str]) -> tuple[dict[str, Tensor], Any]:
        found: dict[str, Tensor] = {}
        size = "×".join(map(str, reversed(x.shape[-2:])))
        with inspection.blamed(f"{self._body.name} cannot take {size} pixels"):
            return found, self._body.run(x, lambda _, output: output, names, found)


def _classifier(body: Body, of_layers: Mapping[str, Layout], classes: tuple[str, ...]) -> Classifier | None:
    """The last linear layer, if what it reads is the mean over positions of a layer."""
    heads = [each for each in body.module.modules() if isinstance(each, nn.Linear)]
    if not heads:
        return None
    head = heads[-1]
    read: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].flatten(1)))
    pixels = torch.rand(1, 3, SIDE, SIDE, dtype=torch.float32)

    def mean(layer: str, output: Tensor) -> Tensor | None:
        known = of_layers.get(layer)
        return None if known is None else known.spread(output, *pixels.shape[-2:]).mean((2, 3))

    means = body.probe(pixels, mean)
    hook.remove()
    for layer, found in reversed(means.items()):
        if found is not None and read and found.shape == read[-1].shape and torch.allclose(found, read[-1], rtol=1e-3):
            bias = head.bias if head.bias is not None else head.weight.new_zeros(head.out_features)
            return Classifier(layer, head.weight, bias, class_names(classes, head.out_features))
    return None


def _sha256(module: nn.Module) -> str:
    """The SHA-256 of a module's weights: names, shapes, kinds of number and bytes, in the module's order."""
    total = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        total.update(tensor.detach().contiguous().flatten().view(torch.uint8).numpy())
    return total.hexdigest()
