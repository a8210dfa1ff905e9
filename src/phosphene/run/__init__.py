"""One run, from a picture to a picture that says how it was made; and the same run again."""

from phosphene.run.again import check_changes, redo
from phosphene.run.aims import asks_for_best, check, names
from phosphene.run.forecast import Forecast
from phosphene.run.kept import Keep
from phosphene.run.large import LargeDream, dreams_on_disk
from phosphene.run.once import CANVAS_SIZE, Dream, dream
from phosphene.run.provenance import provenance

__all__ = [
    "CANVAS_SIZE",
    "Dream",
    "Forecast",
    "Keep",
    "LargeDream",
    "asks_for_best",
    "check",
    "check_changes",
    "dream",
    "dreams_on_disk",
    "names",
    "provenance",
    "redo",
]
