"""What a record says of a dream before it is dreamt."""

from __future__ import annotations

from typing import Any

from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes.settings import DreamSettings
from phosphene.run.aims import recorded


def provenance(chosen: DreamSettings, network: Network, objective: Objective) -> dict[str, Any]:
    """The recipe, the settings, what was maximised, and the network: fields of a `Record`."""
    return {
        "recipe": "dream",
        "settings": recorded(chosen, network),
        "objective": str(objective),
        "network": network.identity,
    }
