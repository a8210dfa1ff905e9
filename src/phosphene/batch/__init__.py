"""Many pictures: which files are meant, where their dreams go, and which of them are there already."""

from phosphene.batch.finished import as_asked
from phosphene.batch.inputs import PIPE, Input, expand
from phosphene.batch.outputs import again, check
from phosphene.batch.plan import Job, Plan, plan

__all__ = ["PIPE", "Input", "Job", "Plan", "again", "as_asked", "check", "expand", "plan"]
