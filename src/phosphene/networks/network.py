"""A network ready to dream with: its layers' activations, its table of layers, its classes."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from types import MethodType
from typing import Any, cast

import torch
from torch import Tensor, nn

from phosphene.errors import SettingsError, UnknownNameError, nearest
from phosphene.networks.field import ReceptiveField

PIXELS = "pixels"
"""The layer before the first: the picture itself, red, green and blue in 0..1."""

IterLayers = Callable[..., Iterator[tuple[str, Any]]]


@dataclass(frozen=True)
class Layer:
    """One place in a network where a dream can start."""

    name: str  # as the field calls it, `inception_4c/output`
    field: ReceptiveField  # what one position sees: its channels, stride and receptive field
    # What the layer tends to bring out of a picture, or, where nobody looked, what it is built as; empty for a step
    # inside a block.
    shows: str = ""

    @property
    def channels(self) -> int:
        """How many patterns it knows."""
        return self.field.channels

    @property
    def stride(self) -> int:
        """Pixels from one position to the next."""
        return self.field.stride

    @property
    def receptive_field(self) -> int:
        """Side in pixels of what one position sees."""
        return self.field.size

    @property
    def exact(self) -> bool:
        """Whether tiles can give the gradient of the whole: no position sees the whole picture."""
        return not self.field.whole


@dataclass(frozen=True)
class Classifier:
    """A linear classifier behind a mean over positions."""

    layer: str  # whose activations it reads
    weight: Tensor  # `[classes, channels]`
    bias: Tensor  # `[classes]`
    names: tuple[str, ...] = ()  # of the classes, in the order of the rows; empty if nobody knows


@dataclass(frozen=True)
class Network:
    """A network whose weights are loaded.

    Attributes:
        name: `efficientnet-lite0`, `googlenet`.
        iter_layers: `iter_layers(pixels, wanted)` yields `(layer name, activations)` from the pixels inward.
        layers: layer name → `Layer`, in that order.
        default_layer: where it dreams unless told otherwise.
        dtype: of its weights, and so of the pixels that it takes.
        device: where its weights lie, as torch calls it; `to` moves them.
        file: the weights' file name.
        sha256: of that file.
        classifier: what it makes classes of, if it can.
        probes: sides of two square pictures on which its memory is measured.
        notes: what the user should hear of it.
        silent: layers that cannot dream, and why.
        measured: bytes that a step holds for each pixel, by its layers, as far as they were measured.
    """

    name: str
    iter_layers: IterLayers = field(repr=False)
    layers: Mapping[str, Layer] = field(repr=False)
    default_layer: str
    dtype: torch.dtype
    file: str
    sha256: str
    classifier: Classifier | None = field(default=None, repr=False)
    device: str = "cpu"
    probes: tuple[int, int] = (64, 128)
    notes: tuple[str, ...] = ()
    silent: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    measured: dict[frozenset[str], float] = field(default_factory=dict, compare=False, repr=False)

    @property
    def precision(self) -> str:
        """Its dtype as settings name it: `float32`."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def identity(self) -> dict[str, str]:
        """What a record knows it by."""
        return {"name": self.name, "file": self.file, "sha256": self.sha256}

    def device_for(self, device: str) -> str:
        """The device that `auto` means for it here, or the one of that name; errors are those of `to`."""
        where = device_for(device)
        if where == "mps" and self.dtype == torch.float64:
            if device == AUTO:
                return CPU
            raise SettingsError("--device mps knows no float64. Give --device cpu.")
        return where

    def to(self, device: str) -> "Network":
        """The network with its weights on `auto`, `cpu`, or a graphics card.

        Raises:
            SettingsError: the device is not here, or cannot compute in the network's precision.
        """
        where = self.device_for(device)
        if where == self.device:
            return self
        return replace(self, device=where, iter_layers=iter_layers_on(self.iter_layers, where))

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        Raises:
            UnknownNameError: there is none; the nearest name is offered.
            SettingsError: no gradient reaches the picture from there.
        """
        if name == PIXELS:
            return Layer(PIXELS, ReceptiveField(channels=3))
        if name in self.silent and name not in self.layers:
            raise SettingsError(f"{self.name} cannot dream at {name}: that layer {self.silent[name]}.")
        if name not in self.layers:
            raise UnknownNameError(
                f"Unknown layer {name!r} in {self.name}.{nearest(name, self.layers)}"
                f" List them with: phosphene layers {self.name}"
            )
        return self.layers[name]

    def classify(self, pixels: Tensor, *, top: int = 5) -> list[tuple[str, float]]:
        """The `top` classes for `pixels` `[1, 3, H, W]` with their probabilities, best first.

        Raises:
            UnknownNameError: the network has no classes.
        """
        with torch.no_grad():
            layers = self.iter_layers(pixels.to(self.device, self.dtype), {"logits"})
            logits = next((found for name, found in layers if name == "logits"), None)
        if logits is None:
            raise UnknownNameError(f"{self.name} has no classes.")
        best = torch.softmax(logits[0], 0).topk(min(top, logits.shape[1]))
        given = self.classifier.names if self.classifier else ()
        names = class_names(given, logits.shape[1]) or [str(index) for index in range(logits.shape[1])]
        return [(names[index], share) for index, share in zip(best.indices, best.values.tolist(), strict=True)]


def table(iter_layers: IterLayers, shows: Mapping[str, str]) -> dict[str, Layer]:
    """The layers that an iteration gives, their geometry computed with a `ReceptiveField` in place of pixels."""
    names = ((name, field) for name, field in iter_layers(ReceptiveField(channels=3)) if name != "logits")
    return {name: Layer(name, field, shows.get(name, "")) for name, field in names}


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes (ILSVRC 2012), ordered by WordNet number, as both networks do."""
    return tuple(files("phosphene.networks").joinpath("imagenet_classes.txt").read_text("utf-8").splitlines())


def class_names(given: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The names that were given for so many classes, or ImageNet's for 1000 without any; else none."""
    if not given and count == len(imagenet_classes()):
        return imagenet_classes()
    return given if len(given) == count else ()


# Networks on other devices than the processor: CUDA, XPU and MPS, as torch calls them

AUTO, CPU = "auto", "cpu"
DEVICES = ("cuda", "xpu", "mps")  # the fastest first


def device_for(wanted: str) -> str:
    """The device that `auto` means here, or the one of that name; a `SettingsError` if torch has none such here."""
    if wanted == AUTO:
        return next((each for each in DEVICES if is_here(each)), CPU)
    if not is_here(wanted):
        here = " and ".join(each for each in (CPU, *DEVICES) if is_here(each))
        raise SettingsError(
            f"--device {wanted}: this PyTorch finds none here; it computes on {here}. Leave the flag out.\n"
            "A graphics card needs its driver, and the build of PyTorch made for it: https://pytorch.org"
        )
    return wanted


def is_here(device: str) -> bool:
    """Whether torch has a device of that name here."""
    if device == CPU:
        return True
    module = torch.backends.mps if device == "mps" else getattr(torch, device, None)
    return module is not None and bool(module.is_available())


@lru_cache(maxsize=2)
def iter_layers_on(iter_layers: IterLayers, device: str) -> IterLayers:
    """The same function with its weights on a device."""
    return cast(IterLayers, _moved(iter_layers, torch.device(device)))


def _moved(thing: Any, device: torch.device) -> Any:
    """A copy of whatever such a function holds, its tensors on a device; what holds none is the thing itself."""
    match thing:
        case Tensor():
            return thing.to(device)
        case nn.Module():
            return copy.deepcopy(thing).to(device)
        case MethodType():
            return getattr(_moved(thing.__self__, device), thing.__name__)
        case dict():
            return {key: _moved(value, device) for key, value in thing.items()}
        case tuple() if hasattr(thing, "_fields"):
            return type(thing)(*(_moved(each, device) for each in thing))
        case list() | tuple():
            return type(thing)(_moved(each, device) for each in thing)
        case object(__dict__=values) if not callable(thing) or type(thing).__module__.startswith(__package__):
            clone = copy.copy(thing)
            for name, value in values.items():
                object.__setattr__(clone, name, _moved(value, device))
            return clone
    return thing


def use_threads(count: int) -> None:
    """Computes with so many threads of the processor from now on; the one place that says so."""
    torch.set_num_threads(count)
