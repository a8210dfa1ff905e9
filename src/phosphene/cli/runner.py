"""Makes one picture: dreams with a bar and a preview, saves what there is, and says so."""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from phosphene import images
from phosphene.ascent import OnStep, Step
from phosphene.batch import Job
from phosphene.cli import process, progress, resuming
from phosphene.cli.options import OutputOptions
from phosphene.cli.progress import Console, Interruption
from phosphene.errors import ImageError, PhospheneError, StopRequested, in_words, translate
from phosphene.images.sources import check_folder
from phosphene.pixels.transforms import within
from phosphene.records import journal
from phosphene.run import CheckpointOptions, Dream, LargeDream
from phosphene.techniques.dreams import Forecast

# A small picture on the disk that shows how far the dream is


LONG_SIDE = 512
PAUSE = 1.0  # seconds from one rewriting to the next
_MARK = "Phosphene preview"


class Preview:
    """Rewrites a file as a dream grows, each time whole.

    Args:
        path: the file, or `None` for no preview.
        force: replaces any file; otherwise only an earlier preview.
        say: is told, once, why no more is written. A dream is not lost for its preview.

    Raises:
        ImageError: the file cannot be written, or is another picture.
    """

    def __init__(self, path: str | None, *, force: bool, say: Callable[[str], None]) -> None:
        self._path = Path(path) if path else None
        self._say, self._last = say, -PAUSE
        if self._path:
            _check_preview(self._path, force=force)

    def show(self, step: Step) -> None:
        """Draws a step, unless the last drawing is too fresh."""
        now = time.monotonic()
        if self._path is None or (now - self._last < PAUSE and step.done < 1):
            return
        try:
            _draw_preview(step, self._path)
        except PhospheneError as error:
            self._say(f"no more previews: {error}")
            self._path = None
        self._last = time.monotonic()


def _draw_preview(step: Step, path: Path) -> None:
    small = within(step.picture().float(), LONG_SIDE)
    images.save(small, path, metadata={"parameters": _MARK}, overwrite=True)


def _check_preview(path: Path, *, force: bool) -> None:
    images.format_of(path)
    check_folder(path.parent)
    if path.exists() and not force and not _is_preview(path):
        raise ImageError(
            f"{path} exists already, and is no preview.\nChoose another name for --preview, or add --force."
        )


def _is_preview(path: Path) -> bool:
    try:
        return images.metadata(path).get("parameters") == _MARK
    except PhospheneError:
        return False


class Dreaming(Protocol):
    """Makes a picture, and tells `on_step` of its steps."""

    def __call__(self, *, on_step: OnStep) -> Dream | LargeDream: ...  # noqa: D102


@dataclass
class Runner:
    """Makes pictures one after the other, and remembers the errors so far; `stop` listens for Ctrl-C."""

    out: OutputOptions
    stop: Interruption
    console: Console = field(init=False)
    preview: Preview = field(init=False)
    failures: list[PhospheneError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.console = Console(self.out.quiet, self.out.json)
        self.preview = Preview(self.out.preview, force=self.out.force, say=self.console.say)
        if note := process.choose_threads(self.out.threads):
            self.console.say(note)

    def make(
        self, job: Job, dreaming: Dreaming, *, title: str, notes: Sequence[str] = (), replace: bool = False
    ) -> Dream | LargeDream:
        """Dreams, saves what there is, says so, and gives it.

        Args:
            job: what is read and written.
            dreaming: the dream, which is told whom to tell of its steps.
            title: of the bar.
            notes: what the person should hear, before what the dream itself has to say.
            replace: whether this one file may be replaced, even without `--force`.

        Raises:
            PhospheneError: there is nothing to save, or it cannot be saved.
            StopRequested: it was ended before the first step.
        """
        started = time.monotonic()
        try:
            with progress.bar(title, quiet=self.out.quiet) as bar, self.stop.dreaming():
                result = dreaming(on_step=lambda step: self._watch(step, bar, job.output))
        except PhospheneError as error:
            if self.stop.signal:  # libraries that read files may turn what interrupts them into an error of theirs
                raise StopRequested from error
            raise
        self.finish(job, result, time.monotonic() - started, notes=notes, replace=replace)
        return result

    def finish(
        self, job: Job, result: Dream | LargeDream, seconds: float, *, notes: Sequence[str] = (), replace: bool = False
    ) -> None:
        """Saves a dream, and says so; `seconds` is what it took so far, other arguments are those of `make`.

        Raises:
            PhospheneError: it cannot be saved.
        """
        process.trim_heap()  # for what writes the picture
        began = time.monotonic()
        said = [*notes, *result.notes, *self._save(result, job.output, replace)]
        if result.journal and result.record.complete:
            result.journal.close()
        self._report(job, result, said, seconds + time.monotonic() - began)

    @contextmanager
    def telling(self, job: Job, *, many: bool = False) -> Iterator[None]:
        """Tells of a picture that does not come about; one of many leaves the others alone."""
        try:
            with translate(lambda error: None if isinstance(error, BrokenPipeError) else in_words(error)):
                yield  # where nobody reads what is told, that is no fault of this picture
        except StopRequested as stop:
            nothing = f"Interrupted before the first step of {job.source.name}; nothing of it is saved."
            self.console.complain(str(stop) or nothing)
        except (PhospheneError, MemoryError) as error:
            ours = in_words(error)
            self.failures.append(ours)
            self.tell(job, error=str(ours), exit_code=ours.exit_code)
            if not many:
                raise
            if os.environ.get("PHOSPHENE_DEBUG"):
                traceback.print_exc()
            said, name = str(ours), job.source.name
            self.console.complain(said if Path(name).name in said else f"{name}: {said}")

    def tell(self, job: Job, **facts: object) -> None:
        """A line for a program about a picture; without an output it goes to standard output."""
        self.console.tell({"input": job.source.name, "output": str(job.output) if job.output else None, **facts})

    def keep(self, output: Path | None, command: Sequence[str]) -> CheckpointOptions | None:
        """Where the run that writes a file keeps how far it came."""
        if output is None:
            return None
        return CheckpointOptions(journal.folder_of(output), resuming.facts(output, command), anew=self.out.force)

    def foretell(self, forecast: Forecast) -> None:
        """Says what a long dream will take."""
        self.console.say(f"{forecast}, about {spoken(forecast.seconds)}")

    def _watch(self, step: Step, bar: progress.Bar, output: Path | None) -> None:
        if step.octave == 1 and step.step <= 1:
            held = step.size if step.pixels.numel() else (0, 0)  # of a picture on disk, nothing is in memory
            process.tune_malloc(held)
            if output:
                images.check_sides(images.format_of(output), *step.size)
        if step.done >= 1:
            self.stop.finish()
        else:
            self.stop.check()
        bar.show(step)
        self.preview.show(step)

    def _save(self, result: Dream | LargeDream, output: Path | None, replace: bool) -> tuple[str, ...]:
        out = self.out
        if output:
            overwrite = out.force or replace
            return result.save(output, overwrite=overwrite, metadata=out.metadata, quality=out.quality, dpi=out.dpi)
        assert isinstance(result, Dream)  # a large one has a file to grow beside
        data, notes = result.encode("png", metadata=out.metadata)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return notes

    def _report(self, job: Job, result: Dream | LargeDream, notes: Sequence[str], seconds: float) -> None:
        for note in notes:
            self.console.say(f"{job.source.name}: {note}")
        height, width = result.size
        place = str(job.output) if job.output else "standard output"
        if result.record.complete:
            self.console.say(f"{place}: {width}×{height} pixels in {spoken(seconds)}")
        else:
            self.console.say(
                f"Stopped at {result.record.reached}, after {spoken(seconds)}. What there was is in {place}"
            )
            if job.output and result.journal and result.journal.folder.exists():
                self.console.say(f"The rest of it: phosphene resume {job.output}")
            elif job.output and self.out.metadata:
                self.console.say(f"The whole of it: phosphene redo {job.output}")
        self.tell(
            job,
            seconds=round(seconds, 3),
            complete=result.record.complete,
            notes=list(notes),
            record=json.loads(result.record.to_json()),
        )


def spoken(seconds: float) -> str:
    """A duration as people say it.

    >>> spoken(2.34), spoken(200), spoken(7500)
    ('2.3 s', '3 min 20 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
