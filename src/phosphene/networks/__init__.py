"""Networks by name or file: where their weights are, what layers they have, how they give their activations."""

from phosphene.networks.foreign import RANDOM, is_foreign, is_program, refuse_program
from phosphene.networks.network import PIXELS, Network
from phosphene.networks.registry import SOURCES, find, load, load_for, models_folder

__all__ = [
    "PIXELS",
    "RANDOM",
    "SOURCES",
    "Network",
    "find",
    "is_foreign",
    "is_program",
    "load",
    "load_for",
    "models_folder",
    "refuse_program",
]
