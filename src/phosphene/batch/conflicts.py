"""Which names mean one file, and what stands in the way of a file that is to be written: inputs, jobs, other runs."""

import contextlib
import hashlib
import os
import tempfile
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from phosphene.batch.files import PIPE, Input, check
from phosphene.errors import PhospheneError, SettingsError, in_shell, in_words
from phosphene.pixels.canvases import is_canvas
from phosphene.techniques.engine import pictures


@dataclass(frozen=True)
class Job:
    """What a picture is made of and how, and the file that it becomes; `None` is standard output."""

    source: Input
    output: Path | None
    settings: Any = None
    usual: bool = False  # whether the file's name is the program's own choice, beside the input

    def refused(self, error: Exception) -> "Job":
        """The job that cannot be done, with the reason."""
        return replace(self, source=replace(self.source, refusal=in_words(error)))


def file_key(path: str | os.PathLike[str]) -> Hashable:
    """What all names of one file have in common: links, and capitals where the disk does not tell them apart."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return _key_of_none(Path(os.path.realpath(path)))
    return found.st_dev, found.st_ino


def _key_of_none(whole: Path) -> Hashable:
    """The key of a file that is not there."""
    name = unicodedata.normalize("NFC", whole.name).casefold() if _folds(whole.parent) else whole.name
    return str(whole.parent), name


def _folds(folder: Path) -> bool:
    """Whether a folder takes names that differ in capitals for one, as those of Windows and macOS mostly do."""
    other = folder.with_name(folder.name.swapcase())
    try:
        return other.name != folder.name and other.samefile(folder)
    except (OSError, ValueError):
        return False


def overwritten(written: str | os.PathLike[str], read: Iterable[str | os.PathLike[str]]) -> str | None:
    """The input in whose place a file would be written, by whatever name; `None` if there is none.

    Args:
        written: what is to be written.
        read: what is read for it; canvases among them are no files.
    """
    key = file_key(written)
    return next((os.fspath(each) for each in read if not is_canvas(each) and file_key(each) == key), None)


def refuse_overwriting(
    flag: str, written: str | os.PathLike[str] | None, read: Iterable[str | os.PathLike[str]]
) -> None:
    """Refuses to write in the place of an input, even where files may be replaced.

    Args:
        flag: names what is to be written, as `-o` or `--preview`.
        written: its path; nothing is written without one.
        read: what is read for it.

    Raises:
        SettingsError: which input it is.
    """
    if written is not None and (lost := overwritten(written, read)):
        raise SettingsError(
            f"{flag} {os.fspath(written)}: the input {lost} would be written over.\nGive it a name of its own."
        )


# The jobs of a batch: those that stand in the way of others, or cannot be done, leave the rest alone


def sorted_out(
    jobs: Sequence[Job], output: str | None, *, replaces: bool, ready: Callable[[Path], None]
) -> tuple[tuple[Job, ...], tuple[Job, ...]]:
    """The jobs that can be done, and those that cannot, each with the reason.

    Args:
        jobs: all, some of which are refused already.
        output: what `-o` says.
        replaces: whether files may be there already.
        ready: makes the folder of an output ready.

    Raises:
        SettingsError: all of them would go into one pipe.
    """
    if len(jobs) > 1 and output == PIPE:
        raise SettingsError(f"{len(jobs)} pictures cannot go through one pipe. Name a folder: -o dreams/")
    clashes = _clashes(jobs, output)
    done: list[Job] = []
    refused: list[Job] = []
    looked_at = {id(job.settings): pictures(job.settings) for job in jobs if job.settings}
    inputs = {file_key(job.source.name): job.source.name for job in jobs if job.source.kind == "file"}
    for job in jobs:
        try:
            _check(job, clashes, inputs, looked_at.get(id(job.settings), []))
            if job.output:
                ready(job.output)
                check(job.output, force=replaces or job.usual)
            done.append(job)
        except (PhospheneError, OSError, ValueError) as error:
            refused.append(job.refused(error))
    return tuple(done), tuple(refused)


def _check(job: Job, clashes: Mapping[Hashable, str], inputs: Mapping[Hashable, str], looked_at: Sequence[str]) -> None:
    """Refuses a job whose output is another's too, or an input."""
    if job.source.refusal:
        raise job.source.refusal
    if job.output is None:
        return
    key = file_key(job.output)
    if key in clashes:
        raise SettingsError(clashes[key])
    if key in inputs:
        raise SettingsError(f"The picture would replace its own input {inputs[key]}.\nChoose another name with -o.")
    if lost := overwritten(job.output, looked_at):
        raise SettingsError(f"{lost} would be written over, and is looked at.\nChoose another name with -o.")


def _clashes(jobs: Sequence[Job], output: str | None) -> dict[Hashable, str]:
    """What is said where several pictures would become one file, by that file."""
    groups: dict[Hashable, list[Job]] = {}
    for job in jobs:
        if job.output and not job.source.refusal:
            groups.setdefault(file_key(job.output), []).append(job)
    clashes = {key: same for key, same in groups.items() if len(same) > 1}
    advice = _advice(list(clashes.values()), [same[0] for same in groups.values()], output) if clashes else ""
    return {key: f"{len(same)} pictures would all become {same[0].output}.\n{advice}" for key, same in clashes.items()}


def _advice(clashes: Sequence[Sequence[Job]], jobs: Sequence[Job], output: str | None) -> str:
    """A template by which each picture has a file of its own."""
    places = {_place(job) for job in jobs}
    alike = any(len({job.source.suffix for job in same}) < len(same) for same in clashes)
    telling = "number" if alike or len(places) > 1 else "suffix"
    place = Path(os.path.commonpath(places)).as_posix().replace("{", "{{").replace("}", "}}")
    below = "{folder}/" if any(job.source.below != Path() for job in jobs) else ""
    made = clashes[0][0].output
    template = (
        f"{'' if place == '.' else place + '/'}{below}{{stem}}-{{{telling}}}-dream{made.suffix if made else '.png'}"
    )
    one = output is not None and "{" not in output and Path(output) == made
    return f"{'Name a folder, or a' if one else 'Name a'} template, as -o {in_shell(template)}"


def _place(job: Job) -> str:
    """The folder of an output, above those that the input lies below."""
    parts, below = (job.output or Path()).parent.parts, job.source.below.parts
    return (
        str(Path(*parts[: len(parts) - len(below)])) if below and parts[-len(below) :] == below else str(Path(*parts))
    )


# Which run makes a picture, where two go through one folder at once: the one that claims it first


@contextlib.contextmanager
def claimed(output: Path | None) -> Iterator[bool]:
    """Claims a file for as long as the block runs; false where another run of this user's on this computer has it.

    A claim is a lock on a file in the system's temporary folder, which ends with its process, however that ends. Where
    none can be had, as where that folder may not be written, the file counts as claimed.
    """
    handle, path = None, Path()
    if output is not None:
        try:
            path = _folder() / hashlib.sha256(os.fsencode(os.path.realpath(output))).hexdigest()
            handle = _locked(path)
        except BlockingIOError:
            yield False
            return
        except OSError:
            handle = None
    try:
        yield True
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(handle)


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"phosphene-{getattr(os, 'getuid', lambda: 0)()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _locked(path: Path) -> int:
    """A handle of a locked file, which is still the one of that name. Raises `BlockingIOError`: another has it."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        with contextlib.ExitStack() as otherwise:
            otherwise.callback(os.close, handle)
            _lock(handle)
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                otherwise.pop_all()
                return handle  # else who had it took its name away meanwhile


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except PermissionError as error:
            raise BlockingIOError from error
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
