"""Many pictures: which files are meant, where their dreams go, and which of them are there already."""

from phosphene.batch.batch import Batch, BatchResult, many
from phosphene.batch.files import PIPE, Input, again, begun, check, expand, facts, is_folder, target
from phosphene.batch.plan import Job, Plan, Standing, plan, standing

__all__ = [
    "PIPE",
    "Batch",
    "BatchResult",
    "Input",
    "Job",
    "Plan",
    "Standing",
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
