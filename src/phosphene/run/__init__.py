"""One run, from a picture to a picture that says how it was made; and the same run again."""

from phosphene.run.again import check_changes, redo
from phosphene.run.checkpoint import CheckpointOptions
from phosphene.run.large import LargeDream
from phosphene.run.prepared import Dream, Prepared, prepare

__all__ = ["CheckpointOptions", "Dream", "LargeDream", "Prepared", "check_changes", "prepare", "redo"]
