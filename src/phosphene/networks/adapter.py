"""Makes a `Network` of any module of torch's: layers are its modules by name, heard by forward hooks."""

from __future__ import annotations

import copy
import math
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phosphene.errors import PhospheneError, SettingsError, UnknownNameError, nearest
from phosphene.networks import field, weight_files
from phosphene.networks.field import Keep
from phosphene.networks.network import Classifier, Layer, Network, class_names
from phosphene.networks.weight_files import SIDE, Layout

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


MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's photographs, torchvision's numbers
LOGITS = "logits"


@dataclass(frozen=True)
class About:
    """What cannot be found in a module itself."""

    name: str  # how `--model` calls it
    file: str = ""  # where its weights come from
    sha256: str = ""  # of the weights' file; empty for that of the weights themselves
    mean: Sequence[float] | None = None  # of each colour in the training pictures, 0..1; `None` where nobody said
    deviation: Sequence[float] | None = None  # likewise, the standard deviation
    default_layer: str | None = None  # where it dreams; `None` for a layer somewhat past the middle
    classes: tuple[str, ...] = ()  # their names, in order
    notes: tuple[str, ...] = ()  # what the user should hear


def adapt(module: nn.Module, about: About, *, dtype: torch.dtype = torch.float32) -> Network:
    """A network of a module that takes `[1, 3, H, W]`; its layers are found by running it a few times.

    The module itself is left as it is.

    Raises:
        SettingsError: it cannot be run, or no output of its modules has positions.
        UnknownNameError: the default layer is none of its layers.
    """
    sha256 = about.sha256 or weight_files.sha256(module)
    module = copy.deepcopy(module).to(dtype).eval().requires_grad_(False)
    body = _Body(module, _colours(about.mean or MEAN, dtype), _colours(about.deviation or DEVIATION, dtype), about.name)
    with torch.no_grad(), torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        found = field.probe(body.probe, square=is_square(module))
        if not found:
            raise SettingsError(body.why_not())
        of_layers = {name: layout for name, (layout, _) in found.items()}
        classifier = _classifier(body, of_layers, about.classes)
    shown = outlined(module, of_layers)
    layers = {name: Layer(name, sees, shown.get(name, "")) for name, (_, sees) in found.items()}
    return Network(
        name=about.name,
        walk=_Walk(body, of_layers),
        layers=layers,
        default_layer=_default(about, layers),
        dtype=dtype,
        file=about.file,
        sha256=sha256,
        classifier=classifier,
        notes=about.notes + _notes(about, layers, body),
        probes=(256, 512),  # smaller pictures are continued to what such networks need
    )


def _colours(numbers: Sequence[float], dtype: torch.dtype) -> Tensor:
    return torch.tensor(tuple(numbers), dtype=dtype).reshape(1, 3, 1, 1)


def _default(about: About, layers: Mapping[str, Layer]) -> str:
    name = about.default_layer
    if name is None:
        return middle(layers)
    if name not in layers:
        raise UnknownNameError(f"{about.name} has no layer {name!r} to dream at.{nearest(name, layers)}")
    return name


def _notes(about: About, layers: Mapping[str, Layer], body: _Body) -> tuple[str, ...]:
    notes = []
    if about.mean is None:
        notes.append(f"nobody said which mean and deviation {about.name} was trained with: ImageNet's are taken")
    whole = [name for name, layer in layers.items() if not layer.exact]
    if whole:
        notes.append(
            f"from {whole[0]} on, {about.name} looks at the whole picture, or through windows that stand still:"
            " tiles are an approximation there"
        )
    if body.narrow:
        notes.append(
            f"past {list(layers)[-1]}, {about.name} takes only pictures of one size: what lies there cannot dream"
        )
    return tuple(notes)


class _Enough(Exception):  # noqa: N818 - nothing is wrong
    """Ends a forward pass when all has been heard."""


class _Ear:
    """Hears modules as they are called, and keeps of their outputs what it was told to."""

    def __init__(self, keep: Keep, wanted: Collection[str] | None, found: dict[str, Any]) -> None:
        self.keep, self.wanted, self.found = keep, wanted, found
        self._calls: Counter[str] = Counter()

    def listen(self, name: str) -> Callable[..., object]:
        """The hook for the module of that name."""

        def hear(_: nn.Module, __: object, output: object) -> object:
            self._calls[name] += 1
            label = name if self._calls[name] == 1 else f"{name}/{self._calls[name]}"
            if not isinstance(output, Tensor) or (self.wanted is not None and label not in self.wanted):
                return None
            self.found[label] = self.keep(label, output)
            if self.wanted is None:
                return None
            if len(self.found) == len(self.wanted):
                raise _Enough
            return output.clone()  # the modules behind may change it in place

        return hear


class _Body:
    """A module, run as far as it is listened to."""

    def __init__(self, module: nn.Module, mean: Tensor, deviation: Tensor, name: str) -> None:
        self.module, self.mean, self.deviation, self.name = module, mean, deviation, name
        self.error: Exception | None = None  # of the last survey
        self.narrow = False  # it takes a square, and not a picture twice as wide
        self._square = False
        self._embeddings = weight_files.embeddings(module)
        self._lock = Lock()

    def run(self, pixels: Tensor, keep: Keep, wanted: Collection[str] | None, found: dict[str, Any]) -> Any:
        """Pixels `[1, 3, H, W]` to the output of the whole; what is kept of the wanted outputs is added to `found`."""
        ear = _Ear(keep, wanted, found)
        names = None if wanted is None else {name.partition("/")[0] for name in wanted}
        with self._lock:
            hooks = [
                child.register_forward_hook(ear.listen(name))
                for name, child in self.module.named_modules()
                if name and (names is None or name in names)
            ]
            try:
                return self._forward(pixels)
            except _Enough:
                return None
            finally:
                for hook in hooks:
                    hook.remove()

    def _forward(self, pixels: Tensor) -> object:
        x = (pixels - self.mean) / self.deviation
        resized = weight_files.resized(self._embeddings, *pixels.shape[-2:])
        return torch.func.functional_call(self.module, resized, (x,)) if resized else self.module(x)

    def probe(self, pixels: Tensor, keep: Keep) -> dict[str, Any]:
        """Runs it as far as it goes with pictures of this size."""
        found: dict[str, Any] = {}
        self.error = None
        try:
            self.run(pixels.to(self.mean.dtype), keep, None, found)
        except Exception as error:  # whatever a stranger's code raises
            self.error = error
        self._square |= pixels.shape[-2:] == (SIDE, SIDE) and self.error is None
        self.narrow |= pixels.shape[-2:] == (SIDE, 2 * SIDE) and self.error is not None and self._square
        return found

    def why_not(self) -> str:
        """Why there is nothing to dream with."""
        if self.error is None:
            return f"{self.name} has no layer with positions: no module of it gives [1, channels, height, width]."
        return (
            f"{self.name} cannot take a picture of {2 * SIDE}×{SIDE} pixels: {told(self.error)}{_where(self.error)}\n"
            "It must take [1, 3, height, width] of any size, or of multiples of a patch."
        )


def told(error: BaseException) -> str:
    """A stranger's error in one line."""
    first = str(error).strip().partition("\n")[0][:200]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _where(error: BaseException) -> str:
    """The line of the network's own code that an error comes from."""
    ours = tuple(str(Path(each).parent) for each in (torch.__file__, __file__))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


class _Walk:
    """The walk through a body: pads the picture as the layers ask, and makes maps of their outputs."""

    def __init__(self, body: _Body, of_layers: Mapping[str, Layout]) -> None:
        self._body, self._of_layers = body, of_layers

    def __call__(self, pixels: Tensor, wanted: Collection[str] = ()) -> Iterator[tuple[str, Tensor]]:
        """Yields the wanted layers, or all, in the order of the run; nothing past the last of them is computed."""
        names = [name for name in (*self._of_layers, LOGITS) if not wanted or name in wanted]
        size = (pixels.shape[-2], pixels.shape[-1])
        x = self._padded(pixels, [name for name in names if name != LOGITS] or list(self._of_layers)[-1:])
        found, whole = self._run(x, names)
        for name in list(found):
            layout = self._of_layers[name]
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
        try:
            return found, self._body.run(x, lambda _, output: output, names, found)
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:
            if isinstance(error, PhospheneError) or "allocate memory" in str(error):
                raise
            size = "×".join(map(str, reversed(x.shape[-2:])))
            raise SettingsError(f"{self._body.name} cannot take {size} pixels: {told(error)}{_where(error)}") from error


def _classifier(body: _Body, of_layers: Mapping[str, Layout], classes: tuple[str, ...]) -> Classifier | None:
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
