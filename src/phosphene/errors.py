"""What can go wrong, each with one line of meaning.

Every error that a user can cause is a `PhospheneError`; its message says what was given, what is allowed, and what to
do next. The command line prints the message and leaves with the error's `exit_code`.
"""

import errno
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TypeVar

DISK_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
"""What the system's errors say where a disk, or a user's share of it, has no room."""


Found = TypeVar("Found")


class PhospheneError(Exception):
    """Anything that Phosphene refuses, with a message for the person who asked."""

    exit_code = 2


class ImageError(PhospheneError):
    """A picture cannot be read or written."""


class TooLargeError(ImageError):
    """A picture has more pixels than are read without being asked; each edge says how to ask."""


class SettingsError(PhospheneError):
    """A setting is impossible, or settings contradict each other."""


class UnknownNameError(PhospheneError):
    """A layer, channel, network, preset or recipe that does not exist."""


class RecordError(PhospheneError):
    """A picture carries no run record, or one that cannot be read."""


class NonFiniteError(PhospheneError):
    """A score or a gradient became infinite or not-a-number."""

    exit_code = 1


class WeightsError(PhospheneError):
    """A network's weights are missing, damaged or not what their name says."""

    exit_code = 3


class OutOfSpaceError(PhospheneError):
    """Memory or disk space does not suffice."""

    exit_code = 4


class ClusterError(PhospheneError):
    """The machines that were to help are not there, not alike, or lost."""

    exit_code = 5


class FaultError(PhospheneError):
    """Something that nobody foresaw; it is to be reported."""

    exit_code = 1


class StopRequested(Exception):  # noqa: N818 - no error: somebody wants what there is
    """Raised from `on_step` to end a run early and keep what there is."""


WINDOWS = os.name == "nt"
_UNSAFE = re.compile(r"[^\w.:/\\+=@-]")  # what its shells take for more than a letter
_LONGEST_NAME = 80  # letters of a name in a message; of a longer one both ends are shown
_ADVICE = {
    errno.ENAMETOOLONG: "Give it a shorter name: most disks allow 255 letters.",
    errno.ELOOP: "It is a link that leads back to itself. Name the file that is meant.",
    errno.ENOTDIR: "A part of its path is a file, not a folder. Look at the path.",
    errno.EACCES: "Look at its permissions: ls -l",
}


@contextmanager
def translate(
    say: Callable[[BaseException], PhospheneError | None], caught: tuple[type[BaseException], ...] = (Exception,)
) -> Iterator[None]:
    """Raises what `say` makes of an error of code that is not ours; one that it makes nothing of passes as it is.

    Readers of damaged files, and networks from elsewhere, raise whatever they like, so everything is caught that is an
    `Exception`, or whatever else is named. Our own errors, a `StopRequested`, and that memory ran out pass.
    """
    try:
        yield
    except (PhospheneError, StopRequested, MemoryError):
        raise
    except caught as error:
        ours = say(error)
        if ours is None:
            raise
        raise ours from error


def unless_damaged(read: Callable[[], Found], otherwise: Found) -> Found:
    """What `read` gives, or `otherwise` where that part of a file is damaged: none that all else depends on."""
    try:
        return read()
    except StopRequested:
        raise
    except Exception:  # readers of pictures and of pickles fail in many ways on what they do not expect
        return otherwise


def in_words(error: BaseException) -> PhospheneError:
    """Any error as one of ours: what the system says of a file with advice, and what nobody foresaw as a fault."""
    match error:
        case PhospheneError():
            return error
        case MemoryError():
            return OutOfSpaceError("Memory ran out. Try --memory 800MB, or --long-side 1024.")
        case OSError() if error.errno in DISK_FULL:
            return OutOfSpaceError(
                "The disk has no room for what was to be written.\nFree some, or choose another disk."
            )
        case OSError() if isinstance(error.filename, (str, bytes)) and error.filename:
            return ImageError(_of_file(error, os.fsdecode(error.filename)))
        case RuntimeError() if str(error).startswith("Symlink loop from "):  # what pathlib made of ELOOP until 3.12
            name = str(error).removeprefix("Symlink loop from ").strip("'")
            return ImageError(_of_file(OSError(errno.ELOOP, os.strerror(errno.ELOOP)), name))
    kind = type(error).__name__
    said = str(error).strip().splitlines()
    what = f"{kind}: {said[0]}" if said else kind
    return FaultError(f"This is a fault of Phosphene: {what}\nPlease report it; --debug shows the traceback.")


def _of_file(error: OSError, name: str) -> str:
    """What the system said of a file, and what to do."""
    shown = name if len(name) <= _LONGEST_NAME else f"{name[:40]}…{name[-30:]}"
    return f"{shown!r}: {error.strerror or error}.\n{_ADVICE.get(error.errno or 0, 'Choose another file or folder.')}"


def in_shell(*words: str | os.PathLike[str]) -> str:
    """Words as the user's shell takes them: what a message says is to be typed.

    >>> in_shell("phosphene", "my cat.jpg")
    "phosphene 'my cat.jpg'"
    """
    texts = [os.fspath(word) for word in words]
    if not WINDOWS:
        return shlex.join(texts)
    return " ".join(text if text and not _UNSAFE.search(text) else f'"{text}"' for text in texts)


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the known name nearest to `name`, or nothing.

    >>> nearest("blok8", ["block7", "block8"])
    " Did you mean 'block8'?"
    >>> nearest("zzz", ["block8"])
    ''
    """
    matches = get_close_matches(name, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""
