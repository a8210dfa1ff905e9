"""One run, from a picture to a picture that says how it was made; and the same run again."""

from phosphene.run.again import check_changes, overruled, redo
from phosphene.run.aims import asks_for_best, check, names
from phosphene.run.once import CANVAS_SIZE, Dream, dream, provenance

__all__ = [
    "CANVAS_SIZE",
    "Dream",
    "asks_for_best",
    "check",
    "check_changes",
    "dream",
    "names",
    "overruled",
    "provenance",
    "redo",
]
