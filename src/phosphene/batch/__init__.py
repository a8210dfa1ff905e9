"""Many pictures: which files are meant, where their dreams go, and which of them are there already."""

from phosphene.batch.batch import Batch, BatchResult, Job, many, plan, standing
from phosphene.batch.files import PIPE, Input, again, begun, check, expand, facts, is_folder, target

__all__ = [
    "PIPE",
    "Batch",
    "BatchResult",
    "Input",
    "Job",
    "again",
    "begun",
    "check",
    "expand",
    "facts",
    "is_folder",
    "many",
    "plan",
    "standing",
    "target",
]
