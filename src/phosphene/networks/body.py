"""A module from elsewhere, run as far as it is listened to: its modules are heard by forward hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

from phosphene.errors import SettingsError
from phosphene.networks import inspection, layouts
from phosphene.networks.field import Keep
from phosphene.networks.inspection import told, where
from phosphene.networks.layouts import SIDE
from phosphene.pixels.modes import float32_by_default
from phosphene.pixels.transforms import luma

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's photographs, torchvision's numbers
LOGITS, COLOURS = "logits", 3
SHOWN = 3  # modules that an error tells


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


def brightness(pixels: Tensor) -> Tensor:
    """Colours `[1, 3, H, W]` in grey, `[1, 1, H, W]`, by ITU-R BT.601.

    The gradient is the same for red, green and blue, so that a dream is as coloured as its picture.
    """
    mean = pixels.mean(1, keepdim=True)
    return mean + (luma(pixels) - mean).detach()


class _Enough(Exception):  # noqa: N818 - nothing is wrong
    """Ends a forward pass when all has been heard."""


class _Ear:
    """Hears modules as they are called, and keeps of their outputs what it was told to."""

    def __init__(self, keep: Keep, wanted: Collection[str] | None, found: dict[str, object]) -> None:
        self.keep, self.wanted, self.found = keep, wanted, found
        self._calls: Counter[str] = Counter()

    def listen(self, name: str) -> Callable[..., object]:
        """The hook for the module of that name."""

        def hear(_: nn.Module, __: object, output: object) -> object:
            self._calls[name] += 1
            label = name if self._calls[name] == 1 else f"{name}/{self._calls[name]}"
            if self.wanted is not None and label not in self.wanted:
                return None
            if not isinstance(output, Tensor):
                self._hear_within(label, output)
                return None
            self.found[label] = self.keep(label, output)
            if self.wanted is None:
                return None
            if len(self.found) == len(self.wanted):
                raise _Enough
            return output.clone()  # the modules behind may change it in place

        return hear

    def _hear_within(self, label: str, output: object) -> None:
        """Hears the first tensor with positions among several outputs."""
        values = output.values() if isinstance(output, Mapping) else output if isinstance(output, (tuple, list)) else ()
        first = next((each for each in values if isinstance(each, Tensor) and each.ndim > 2), None)
        if first is None:
            return
        self.found[label] = self.keep(label, first if self.wanted is None else first.clone())
        if self.wanted is not None and len(self.found) == len(self.wanted):
            raise _Enough


class Body:
    """A module, run as far as it is listened to."""

    def __init__(self, module: nn.Module, about: About, dtype: torch.dtype) -> None:
        self.module, self.name, self.dtype = module, about.name, dtype
        self.error: BaseException | None = None  # of the last survey
        self.narrow = False  # it takes a square, and not a picture twice as wide
        self._square = False
        self._embeddings = layouts.embeddings(module)
        self._lock = Lock()
        self.grey = False  # it takes pictures of one channel
        self._set_colours_(about)
        self.reach = inspection.reach_of(self._listen)
        first = next((each for each in module.modules() if isinstance(each, nn.Conv2d)), None)
        if self.reach.error and not self.reach.alive and first is not None and first.in_channels == 1:
            self.grey = True
            self._set_colours_(about)
            self.reach = inspection.reach_of(self._listen)
        if not self.grey and {len(about.mean or MEAN), len(about.deviation or DEVIATION)} != {COLOURS}:
            raise SettingsError(f"{self.name} takes pictures in colour: its mean and std are three numbers each.")
        self.strict = self.reach.error is not None and self._runs()  # it fails only where a gradient is wanted
        if self.strict and not self.reach.alive:
            raise SettingsError(f"{self.name} cannot dream: it fails where a gradient is wanted: {self.reach.cause}")
        if self.reach.cut and not self.reach.alive:
            raise SettingsError(
                f"{self.name} cannot dream, for no gradient reaches the picture: its layer {self.reach.cut}.\n"
                "Take that out of its forward: Phosphene computes gradients only where it needs them."
            )

    def _set_colours_(self, about: About) -> None:
        self.mean = colours(about.mean or (), MEAN, about, self.grey, self.dtype)
        self.deviation = colours(about.deviation or (), DEVIATION, about, self.grey, self.dtype)

    def _listen(self, pixels: Tensor, keep: Keep) -> tuple[dict[str, object], BaseException | None]:
        found = self._heard(pixels, keep)
        return found, self.error

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
        x = ((brightness(pixels) if self.grey else pixels) - self.mean) / self.deviation
        resized = layouts.resized(self._embeddings, *pixels.shape[-2:])
        with float32_by_default():
            return torch.func.functional_call(self.module, resized, (x,)) if resized else self.module(x)

    def probe(self, pixels: Tensor, keep: Keep) -> dict[str, Any]:
        """Runs it as far as it goes with pictures of this size; hears the layers that have a gradient."""
        found = {name: kept for name, kept in self._heard(pixels, keep).items() if name in self.reach.alive}
        self._square |= pixels.shape[-2:] == (SIDE, SIDE) and self.error is None
        self.narrow |= pixels.shape[-2:] == (SIDE, 2 * SIDE) and self.error is not None and self._square
        return found

    def _heard(self, pixels: Tensor, keep: Keep) -> dict[str, object]:
        found: dict[str, object] = {}
        self.error = None
        try:
            self.run(pixels.to(self.dtype), keep, None, found)
        except inspection.FOREIGN_ERRORS as error:
            if inspection.is_not_of_the_network(error):
                raise
            self.error = error
        return found

    def _runs(self) -> bool:
        """Whether it takes a picture of the usual size where no gradient is wanted."""
        self._heard(torch.rand(1, 3, SIDE, SIDE, dtype=torch.float32), lambda *_: None)
        return self.error is None

    def why_not(self) -> str:
        """Why there is nothing to dream with."""
        if self.error is None:
            shapes = self._heard(
                torch.rand(1, 3, SIDE, SIDE, dtype=torch.float32), lambda _, output: "×".join(map(str, output.shape))
            )
            given = ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:SHOWN])
            return (
                f"{self.name} has no layer with positions: no module of it gives [1, channels, height, width] that"
                f" grows with the picture.\nWhat its modules give: {given or 'no tensors'}. Give it the picture as it"
                " is, and build what is to dream of modules, as nn.Conv2d or nn.Sequential."
            )
        return (
            f"{self.name} cannot take a picture of {2 * SIDE}×{SIDE} pixels: {told(self.error)}{where(self.error)}\n"
            f"{self._wanted(str(self.error))}"
        )

    def _wanted(self, said: str) -> str:
        """What a network must take, in view of what it said."""
        if any(word in said for word in ("Half", "BFloat16", "dtype")):
            return f"Phosphene computes in {self.dtype}: its forward must leave the numbers in the precision they have."
        first = next((each for each in self.module.modules() if isinstance(each, nn.Conv2d)), None)
        channels = COLOURS if first is None else first.in_channels
        if channels not in (1, COLOURS) and "channels" in said:
            return f"It takes {channels} channels; pictures have three, red, green and blue, or one, grey."
        return "It must take [1, 3, height, width] of any size, or of multiples of a patch."


def colours(numbers: Sequence[float], usual: Sequence[float], about: About, grey: bool, dtype: torch.dtype) -> Tensor:
    """`[1, 3, 1, 1]`, or one number for a network of grey pictures."""
    found = tuple(numbers or usual)
    if grey:
        found = (sum(found) / len(found),)
    return torch.tensor(found, dtype=dtype).reshape(1, -1, 1, 1)
