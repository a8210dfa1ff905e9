"""What every process of `tests/hostile` needs: loaded once, before the first of them is forked."""

import contextlib
import os

os.environ["OMP_NUM_THREADS"] = "1"

import torch

import phosphene
import phosphene.cli
from phosphene import images, networks  # noqa: F401

with contextlib.suppress(ImportError):
    import phosphene.films.functions
torch.set_num_threads(1)
assert phosphene
