"""What a dream maximises: objectives that add, scale, print themselves, and can be read from their text again."""

from phosphene.objectives.objective import Objective, Open, Place, Term, total
from phosphene.objectives.terms import blur, channel, class_, direction, guide, l2, layer, neuron, parse, tv, weigh
from phosphene.objectives.texts import TERMS, read

__all__ = [
    "TERMS",
    "Objective",
    "Open",
    "Place",
    "Term",
    "blur",
    "channel",
    "class_",
    "direction",
    "guide",
    "l2",
    "layer",
    "neuron",
    "parse",
    "read",
    "total",
    "tv",
    "weigh",
]
