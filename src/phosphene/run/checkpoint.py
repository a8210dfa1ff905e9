"""How far a run came, kept beside its output: a run that is killed goes on, and ends with the same pixels."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from phosphene.ascent import OnStep, Reached, Step
from phosphene.errors import OutOfSpaceError, PhospheneError, RecordError, StopRequested
from phosphene.images.rasters import Raster, kind_of, strips
from phosphene.records import record
from phosphene.records.journal import Journal, read
from phosphene.records.record import Facts

ROWS = 256  # that are written at a time
_CHUNK = 1 << 24  # bytes that are summed up at a time
_MOST = 1 << 31  # no octave, step or side counts so far


@dataclass(frozen=True)
class CheckpointOptions:
    """Where a run keeps how far it came: a folder of its own, beside the output.

    `command` asks for the same run again; `anew` gives up what an earlier run left there.
    """

    folder: Path
    command: Mapping[str, object] = field(default_factory=dict)
    anew: bool = False

    def begun(self, key: str) -> bool:
        """Whether an earlier run's state is there, and has that key."""
        found = None if self.anew else read(self.folder)
        return found is not None and key in found["state"]

    def journal(self, about: Mapping[str, object], earlier: Mapping[str, object] | None = None) -> Journal:
        """The run's journal; a setting that it does not name counts as what it was `earlier`.

        Raises:
            SettingsError: another run's is there.
            RecordError: it is damaged.
        """
        journal = Journal(self.folder, about, self.command, earlier or {})
        if self.anew:
            journal.close()
        return journal.open()


@dataclass
class Checkpoint:
    """Keeps the pixels of a dream or a painting in memory, now and then; `notes` are what the user should hear."""

    journal: Journal
    notes: tuple[str, ...] = ()

    def reached(self, dtype: torch.dtype) -> Reached | None:
        """Where the run stopped, if it was begun before.

        Raises:
            RecordError: the pixels that were kept are not whole.
        """
        state = self.journal.state
        if not state:
            return None
        octave, step, *size = self._numbers(state)
        raster = self._raster(octave, step, size, dtype).check()
        if _checksum(raster.path) != state.get("checksum"):
            raise _damaged(raster.path)
        return Reached(octave, step, raster.read(dtype=dtype))

    def _numbers(self, state: Facts) -> list[int]:
        """Octave, step, height and width, as a state says them; the file's name is made of the first two."""
        size = state.get("size")
        found = [state.get("octave"), state.get("step"), *(size if isinstance(size, list) else ())]
        numbers = [each for each in found if type(each) is int and 0 <= each < _MOST]
        if len(numbers) != 4 or len(found) != 4:
            raise _damaged(self.journal.folder)
        return numbers

    def now_and_then(self, reached: Reached) -> None:
        """Keeps what was reached, if that was last done some time ago."""
        if self.journal.due() and not self.notes:
            try:
                self._keep(reached)
            except (OSError, PhospheneError) as error:  # the run itself need not end for this
                self.notes = (f"not kept while it grew: {error}",)

    def _keep(self, reached: Reached) -> None:
        """Writes the pixels, then the journal that names them, and only then forgets the ones before."""
        self.journal.folder.mkdir(exist_ok=True)
        octave, step, pixels = reached.octave, reached.step, reached.pixels
        size = list(pixels.shape[-2:])
        raster = self._raster(octave, step, size, pixels.dtype).create()
        for rows in strips(raster.height, ROWS):
            raster.write(pixels[:, :, rows], rows)
        raster.flush()
        self.journal.note(now=True, octave=octave, step=step, size=size, checksum=_checksum(raster.path))
        for other in self.journal.folder.glob("*.raw"):
            if other != raster.path:
                other.unlink()

    def _raster(self, octave: int, step: int, size: list[int], dtype: torch.dtype) -> Raster:
        path = self.journal.folder / f"octave{octave}-step{step}.raw"
        return Raster(path, size[0], size[1], kind=kind_of(dtype))


def _damaged(path: Path) -> RecordError:
    return RecordError(f"{path} is damaged, so the run cannot go on.\nBegin anew, and lose it: --force")


def _checksum(path: Path) -> int:
    total = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total = zlib.crc32(chunk, total)
    return total


# What a run remembers of its last step, so that a stopped one is not lost; and its words for memory that runs out


@dataclass
class StepRecorder:
    """Passes steps on, and remembers the last."""

    on_step: OnStep | None
    last: Step | None = None
    answered: bool = False  # whether the objective ever had a value

    def __call__(self, step: Step) -> None:
        """Takes a step."""
        self.last = step
        self.answered |= step.score != 0
        if self.on_step:
            self.on_step(step)

    def picture(self) -> Tensor:
        """The whole picture as it stood then. Raises `StopRequested`: there was no step yet."""
        if self.last is None:
            raise StopRequested
        return self.last.picture()

    def finish_record(self, size: Sequence[int], depth: int, complete: bool) -> Facts:
        """What a record says of the end of a run: a picture of that height and width, written with `depth` bits."""
        last = None if complete else self.last
        where = f"{last.counted} {last.octave} of {last.octaves}, step {last.step} of {last.steps}" if last else ""
        return {
            "output": {"width": size[1], "height": size[0], "depth": depth},
            "versions": record.versions(),
            "threads": torch.get_num_threads(),
            "complete": complete,
            "reached": where,
        }


@contextmanager
def translate_oom() -> Iterator[None]:
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
        raise OutOfSpaceError(
            f"{where} ran out. Try a smaller picture, as --long-side 1024, or --memory 900MB.{advice}"
        ) from error
