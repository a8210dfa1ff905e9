"""A network ready to dream with: its walk, its table of layers, its classes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor

from phosphene.errors import UnknownNameError, nearest
from phosphene.networks.field import Field

Walk = Callable[..., Iterator[tuple[str, Any]]]


@dataclass(frozen=True)
class Layer:
    """One place in a network where a dream can start.

    Attributes:
        name: as the field calls it, `inception_4c/output`.
        field: what one position sees: its channels, stride and receptive field.
        shows: what the layer tends to bring out of a picture; empty for a step inside a block.
    """

    name: str
    field: Field
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


@dataclass(frozen=True)
class Network:
    """A network whose weights are loaded.

    Attributes:
        name: `efficientnet-lite0`, `googlenet`.
        walk: `walk(pixels, wanted)` yields `(layer name, activations)` from the pixels inward.
        layers: layer name → `Layer`, in the order of the walk.
        default_layer: where it dreams unless told otherwise.
        dtype: of its weights, and so of the pixels that it takes.
        file: the weights' file name.
        sha256: of that file.
    """

    name: str
    walk: Walk
    layers: Mapping[str, Layer]
    default_layer: str
    dtype: torch.dtype
    file: str
    sha256: str

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        Raises:
            UnknownNameError: there is none; the nearest name is offered.
        """
        if name not in self.layers:
            raise UnknownNameError(
                f"Unknown layer {name!r} in {self.name}.{nearest(name, self.layers)}"
                f" List them with: phosphene layers {self.name}"
            )
        return self.layers[name]

    def classify(self, pixels: Tensor, *, top: int = 5) -> list[tuple[str, float]]:
        """The `top` ImageNet classes for `pixels` `[1, 3, H, W]` with their probabilities, best first."""
        with torch.no_grad():
            logits = next(found for name, found in self.walk(pixels.to(self.dtype)) if name == "logits")
        best = torch.softmax(logits[0], 0).topk(top)
        return [
            (imagenet_classes()[index], share) for index, share in zip(best.indices, best.values.tolist(), strict=True)
        ]


def table(walk: Walk, shows: Mapping[str, str]) -> dict[str, Layer]:
    """The layers that a walk passes, their geometry computed by walking with a `Field`."""
    names = ((name, field) for name, field in walk(Field(channels=3), _Everything()) if name != "logits")
    return {name: Layer(name, field, shows.get(name, "")) for name, field in names}


class _Everything(Collection[str]):
    """Wants every layer."""

    def __contains__(self, _: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes (ILSVRC 2012), ordered by WordNet number, as both networks do."""
    return tuple(files("phosphene.networks").joinpath("imagenet_classes.txt").read_text("utf-8").splitlines())
