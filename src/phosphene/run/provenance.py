"""What a record says of a run before it is made."""

from __future__ import annotations

from typing import Any

from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes.settings import DreamSettings
from phosphene.run.aims import recorded


def origin_of(picture: Picture, long_side: int | None) -> dict[str, Any]:
    """A record's `input`: the picture as a run saw it, and the long side to which it was shrunk, if it was asked to."""
    height, width = picture.pixels.shape[-2:]
    origin = {"name": picture.name, "sha256": picture.sha256, "width": width, "height": height}
    return origin | ({"long_side": long_side} if long_side else {})


def provenance(chosen: DreamSettings, network: Network, objective: Objective) -> dict[str, Any]:
    """Fields of a dream's record: the recipe, the settings, what is maximised, and the network."""
    return {
        "recipe": "dream",
        "settings": recorded(chosen, network),
        "objective": str(objective),
        "network": network.identity,
    }
