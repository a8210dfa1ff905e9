"""One variant made: its picture, how its score rose, and what the measures say of it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor

from phosphene import images, measures
from phosphene.ascent import OnStep, Step
from phosphene.errors import Stop
from phosphene.run.watch import telling_of_memory
from phosphene.studies.maker import VariantMaker
from phosphene.studies.plan import Variant


@dataclass
class Curve:
    """The score at each step, octave by octave.

    Attributes:
        octaves: of each, its number, its height and width, and its scores.
    """

    octaves: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, step: Step) -> None:
        """Takes a step."""
        if not self.octaves or self.octaves[-1]["octave"] != step.octave:
            height, width = step.pixels.shape[-2:]
            self.octaves.append({"octave": step.octave, "height": height, "width": width, "scores": []})
        self.octaves[-1]["scores"].append(float(step.score))


@dataclass(frozen=True)
class Made:
    """A variant that is there.

    Attributes:
        picture: the file, a PNG with its record.
        facts: its seconds, its curve, its measures and its spectra, as JSON has them.
    """

    picture: bytes
    facts: dict[str, Any]


def make(variant: Variant, maker: VariantMaker, on_step: OnStep) -> Made:
    """Makes a variant.

    Raises:
        Stop: it was ended early; half a picture is none.
        PhospheneError: it could not be made.
    """
    curve, began = Curve(), time.monotonic()

    def told(step: Step) -> None:
        curve(step)
        on_step(step)

    with telling_of_memory():
        made = maker.make(variant.settings, told)
    if not made.record.complete:
        raise Stop
    seconds = time.monotonic() - began
    picture, _ = made.encode("png", depth=8)
    facts = {"seconds": round(seconds, 3), "threads": torch.get_num_threads(), "curve": curve.octaves}
    return Made(picture, facts | look(picture, variant, maker))


def look(picture: bytes, variant: Variant, maker: VariantMaker) -> dict[str, Any]:
    """What the measures say of a picture, as it lies in its file; its spectrum, and that of its change."""
    pixels = images.load(picture, dtype=torch.float32, max_pixels=0).pixels
    photograph = maker.photograph(variant.settings)
    photograph = None if photograph is None else photograph.to(pixels.dtype)
    lattice = maker.lattice(variant.settings)
    return {
        "ruler": ruler(),
        "measures": measures.measure(pixels, photograph, lattice=lattice),
        "spectrum": spectrum(pixels),
        "change": None if photograph is None else spectrum(pixels - photograph),
    }


@cache
def ruler() -> str:
    """What tells these measures from those of another version of the program: their source's SHA-256."""
    parts = sorted(files("phosphene.measures").iterdir(), key=lambda part: part.name)
    texts = [part.read_bytes() for part in parts if part.name.endswith(".py")]
    return hashlib.sha256(b"".join(texts)).hexdigest()


def spectrum(pixels: Tensor) -> dict[str, list[float]]:
    """The energy in each octave band, and its period in pixels."""
    periods, energy = measures.spectrum(pixels)
    return {"periods": periods.tolist(), "energy": energy.tolist()}
