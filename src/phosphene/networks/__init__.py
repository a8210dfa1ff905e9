"""Networks by name or file: where their weights are, what layers they have, how to walk through them."""

from __future__ import annotations

from phosphene.networks.network import Layer, Network
from phosphene.networks.registry import DEFAULT, SOURCES, Source, find, load, models_folder

__all__ = ["DEFAULT", "SOURCES", "Layer", "Network", "Source", "find", "load", "models_folder"]
