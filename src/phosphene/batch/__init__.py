"""Many pictures: which files are meant, where their dreams go, and which of them are there already."""

from phosphene.batch.batch import Batch, BatchResult, many, plan, standing
from phosphene.batch.conflicts import Job, claimed, overwritten, refuse_overwriting
from phosphene.batch.files import (
    PIPE,
    Input,
    again,
    begun,
    check,
    expand,
    facts,
    in_kinds,
    is_folder,
    make_folder,
    numbered,
    target,
)

__all__ = [
    "PIPE",
    "Batch",
    "BatchResult",
    "Input",
    "Job",
    "again",
    "begun",
    "check",
    "claimed",
    "expand",
    "facts",
    "in_kinds",
    "is_folder",
    "make_folder",
    "many",
    "numbered",
    "overwritten",
    "plan",
    "refuse_overwriting",
    "standing",
    "target",
]
