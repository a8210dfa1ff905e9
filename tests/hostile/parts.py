"""The parts of the campaign, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Callable

from . import disks, kills, pictures, strangers, studio, texts, weights
from .tally import Options, Tally

PARTS: dict[str, Callable[[Options], Tally]] = {
    each.PART: each.run for each in (pictures, weights, texts, strangers, kills, disks, studio)
}
