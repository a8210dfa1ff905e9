"""Which run makes a picture, where two go through one folder at once: the one that claims it first."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


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
