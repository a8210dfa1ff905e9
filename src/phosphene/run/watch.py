"""What a run remembers of its last step, so that a stopped one is not lost; and its words for memory that runs out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from phosphene.ascent import OnStep, Step
from phosphene.errors import RoomError, Stop
from phosphene.records import record


@dataclass
class Watch:
    """Passes steps on, and remembers the last."""

    on_step: OnStep | None
    last: Step | None = field(default=None)

    def __call__(self, step: Step) -> None:
        """Takes a step."""
        self.last = step
        if self.on_step:
            self.on_step(step)

    def picture(self) -> Tensor:
        """The whole picture as it stood then.

        Raises:
            Stop: there was no step yet.
        """
        if self.last is None:
            raise Stop
        return self.last.picture()

    def ended(self, size: Sequence[int], depth: int, complete: bool) -> dict[str, Any]:
        """What a record says of the end of a run: a picture of that height and width, written with `depth` bits."""
        return {
            "output": {"width": size[1], "height": size[0], "depth": depth},
            "versions": record.versions(),
            "threads": torch.get_num_threads(),
            "complete": complete,
            "reached": "" if complete else self.reached,
        }

    @property
    def reached(self) -> str:
        """Where it stood, for the record."""
        last = self.last
        return f"{last.counted} {last.octave} of {last.octaves}, step {last.step} of {last.steps}" if last else ""


@contextmanager
def telling_of_memory() -> Iterator[None]:
    """Puts memory that runs out in our words; torch and graphics cards say it with a `RuntimeError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            where, advice = "Memory", ""
        elif isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower():
            where, advice = "The graphics card's memory", " Or leave the card aside: --device cpu"
        else:
            raise
        raise RoomError(
            f"{where} ran out. Try a smaller picture, as --long-side 1024, or --memory 900MB.{advice}"
        ) from error
