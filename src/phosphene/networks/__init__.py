"""Networks by name or file: where their weights are, what layers they have, how to walk through them."""

from phosphene.networks.foreign import RANDOM, is_foreign, is_program, refuse_program
from phosphene.networks.network import PIXELS, Classifier, Layer, Network
from phosphene.networks.registry import DEFAULT, SOURCES, Source, find, load, load_for, models_folder

__all__ = [
    "DEFAULT",
    "PIXELS",
    "RANDOM",
    "SOURCES",
    "Classifier",
    "Layer",
    "Network",
    "Source",
    "find",
    "is_foreign",
    "is_program",
    "load",
    "load_for",
    "models_folder",
    "refuse_program",
]
