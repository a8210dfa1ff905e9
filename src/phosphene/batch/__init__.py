"""Many pictures: which files are meant, where their dreams go, and which of them are there already."""

from phosphene.batch.batch import Batch, BatchResult, many
from phosphene.batch.finished import Standing, standing
from phosphene.batch.inputs import PIPE, Input, expand
from phosphene.batch.outputs import again, begun, check, facts, is_folder, target
from phosphene.batch.plan import Job, Plan, plan

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
