"""Phosphene: a neural network's patterns, brought out of your own pictures.

>>> import phosphene
>>> dreamt = phosphene.dream("grey", size=(48, 32), octaves=1, steps=1)
>>> dreamt.image.size
(48, 32)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phosphene.ascent import Step
    from phosphene.batch import many
    from phosphene.errors import PhospheneError, StopRequested
    from phosphene.films.functions import film, zoom
    from phosphene.images import load, save
    from phosphene.networks import Network
    from phosphene.networks import load as network
    from phosphene.objectives import Objective, channel, class_, direction, guide, layer, neuron, tv
    from phosphene.painting.again import redo
    from phosphene.recipes.settings import DreamSettings
    from phosphene.records.record import Record
    from phosphene.reports.atlas import atlas
    from phosphene.reports.study.build import study
    from phosphene.run import Dream
    from phosphene.run.functions import dream, make, pattern, presets, rank, style, style_filters
    from phosphene.run.notebook import Live

__version__ = "0.1.0"
__all__ = [
    "Dream",
    "DreamSettings",
    "Live",
    "Network",
    "Objective",
    "PhospheneError",
    "Record",
    "Step",
    "StopRequested",
    "atlas",
    "channel",
    "class_",
    "direction",
    "dream",
    "film",
    "guide",
    "layer",
    "load",
    "make",
    "many",
    "network",
    "neuron",
    "pattern",
    "presets",
    "rank",
    "redo",
    "save",
    "study",
    "style",
    "style_filters",
    "tv",
    "zoom",
]

_ROOMS = {
    "errors": ("PhospheneError", "StopRequested"),
    "images": ("load", "save"),
    "records.record": ("Record",),
    "networks": ("Network",),
    "objectives": ("Objective", "channel", "class_", "direction", "guide", "layer", "neuron", "tv"),
    "ascent": ("Step",),
    "recipes.settings": ("DreamSettings",),
    "batch": ("many",),
    "run": ("Dream",),
    "run.functions": ("dream", "make", "pattern", "presets", "rank", "style", "style_filters"),
    "reports.atlas": ("atlas",),
    "painting.again": ("redo",),
    "reports.study.build": ("study",),
    "films.functions": ("film", "zoom"),
    "run.notebook": ("Live",),
}
"""Where the public names are, room by room as they stand in docs/explanation/architecture.md."""


def __getattr__(name: str) -> object:
    """Fetches a public name when it is first used, so that importing the package does not load torch."""
    if name == "Stop":
        name = "StopRequested"  # its former name, for one release
    if name == "network":
        return import_module("phosphene.networks").load
    if name in ("film", "zoom"):
        return import_module("phosphene.run.extras").film_function(name)
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"phosphene.{room}"), name)
    raise AttributeError(f"module 'phosphene' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
