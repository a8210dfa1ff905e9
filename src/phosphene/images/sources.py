"""Sources: what a picture can be read from, what it is called, and the bytes it gives."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, runtime_checkable

import numpy as np
import psutil
import torch
from PIL import Image
from torch import Tensor

from phosphene.errors import DISK_FULL, WINDOWS, ImageError, OutOfSpaceError, PhospheneError, in_shell, nearest
from phosphene.images.samples import Array


@runtime_checkable
class Pixels(Protocol):
    """A picture that was read or made here."""

    @property
    def pixels(self) -> Tensor:
        """`[1, 3, H, W]`, sRGB 0..1."""

    @property
    def alpha(self) -> Tensor | None:
        """`[1, 1, H, W]`, 0..1, or `None` if it has none."""


Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | Array | Tensor | Pixels
"""All that `load` takes."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/{1,3}\w|data:\w+/")
_LARGEST_FILE = 4 << 30  # bytes: 500 megapixels of 16-bit RGBA, uncompressed


def read_bytes(source: str | os.PathLike[str] | bytes | BinaryIO, also: Iterable[str] = ()) -> bytes:
    """All bytes of a file.

    Raises:
        ImageError: there is no such file, and perhaps a near name in its folder or in `also`; or it cannot be read.
    """
    try:
        if isinstance(source, (str, os.PathLike)):
            return _file_bytes(Path(source))
        return bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else source.read()
    except (OSError, ValueError) as error:
        raise ImageError(_unreadable(source, error, also)) from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Sent:
    """A picture's file, as it is sent to where there is no such file, or opened more than once."""

    name: str
    data: bytes

    @classmethod
    def of(cls, path: str) -> Sent:
        """The file as it is on this computer; an `ImageError` if it cannot be read."""
        return cls(path, read_bytes(path))

    def open(self) -> BytesIO:
        """An open file of that name."""
        file = BytesIO(self.data)
        file.name = self.name
        return file


def name_of(source: object) -> str:
    """What a source calls itself: a file name without its folders, or "array", "tensor", "bytes", "stdin", "image"."""
    if isinstance(source, (str, os.PathLike)):
        return bare_name(os.fsdecode(source))
    for kind, name in ((np.ndarray, "array"), (Tensor, "tensor"), ((bytes, bytearray, memoryview), "bytes")):
        if isinstance(source, kind):
            return name
    named = getattr(source, "filename", None) or getattr(source, "name", None)
    return bare_name(named.strip("<>")) if isinstance(named, str) and named else "image"


def several(given: Any) -> Sequence[Any]:
    """What stands in a list or a tuple, or the one thing itself."""
    return given if isinstance(given, (list, tuple)) else (given,)


def mask_source(source: Source) -> Source:
    """A mask as segmentation programs give it, numbers of 0..255 in wide integers, as bytes; any other as it is."""
    if not isinstance(source, (np.ndarray, Tensor)) or source.dtype in (torch.bfloat16, torch.float16):
        return source
    array: Array = source.detach().cpu().numpy() if isinstance(source, Tensor) else source
    if array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
        narrow = array.astype(np.uint8)
        return torch.from_numpy(narrow) if isinstance(source, Tensor) else narrow
    return source


def bare_name(path: str) -> str:
    r"""A path's last part, whichever system wrote it.

    >>> bare_name("/home/ann/cat.png"), bare_name(r"C:\ann\cat.png")
    ('cat.png', 'cat.png')
    """
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or "picture"


def is_address(name: str | os.PathLike[str]) -> bool:
    """Whether a name is an address on the web, also one of which a path has swallowed a stroke.

    >>> is_address("https://host/cat.png"), is_address("https:/host/cat.png"), is_address("C:/cat.png")
    (True, True, False)
    """
    return bool(_ADDRESS.match(os.fsdecode(name)))


def _file_bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file() and not path.is_fifo():
        raise IsADirectoryError
    size = path.stat().st_size
    if size > _LARGEST_FILE:
        raise ImageError(f"{path} has {size / 1e9:.1f} GB; no picture that large is read. Is it a film?")
    return path.read_bytes()


def _unreadable(source: object, error: Exception, also: Iterable[str]) -> str:
    """Why a file could not be read, and what to do."""
    if not isinstance(source, (str, os.PathLike)):
        return f"The open file gave nothing to read: {error}."
    path = Path(source)
    if not os.fsdecode(source).strip():
        return f"The name of the picture is empty: {os.fsdecode(source)!r}. Name a file."
    if is_address(name := os.fsdecode(source)):
        return f"{name!r} is an address, and Phosphene fetches nothing.\nFetch the picture first, as with your browser."
    match error:
        case FileNotFoundError() if path.is_symlink():
            return f"{name!r} is a link to {os.fsdecode(path.readlink())!r}, which is not there."
        case FileNotFoundError() | NotADirectoryError():
            return f"There is no picture {os.fsdecode(path)!r}.{_neighbour(path, also)}"
        case IsADirectoryError():
            return f"{path} is a folder, or no ordinary file.\nName a picture inside it, such as {path / 'cat.png'}."
        case OSError() if error.errno == errno.ELOOP:
            return f"{name!r} is a link that leads back to itself. Name the file that is meant."
        case PermissionError():
            return f"{path} may not be read by you.\nLook at its permissions: ls -l {path}"
        case _:
            return f"{os.fsdecode(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}."


def _neighbour(path: Path, also: Iterable[str]) -> str:
    """The nearest name in the same folder, or of others; or word that there is no such folder."""
    try:
        return nearest(path.name, [*sorted(each.name for each in path.parent.iterdir()), *also])
    except OSError:
        return f" There is no folder {os.fsdecode(path.parent)!r} either."


# Writing a file whole or not at all: whatever happens meanwhile, the old file stays as it was

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL)


def write_atomically(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Writes bytes to a temporary file beside `path`, then gives it that name in one move.

    A link is followed. Without `overwrite` no existing file is ever replaced, even if it appears meanwhile.

    Raises:
        ImageError: If the file exists, its folder does not, or writing there is not allowed.
        OutOfSpaceError: If the disk is full. No part of a file is left behind.
    """
    with (
        replacing(Path(path), overwrite=overwrite) as temporary,
        # Opened with 0o666, so that the user's umask decides, as it does for every other file.
        os.fdopen(os.open(temporary, _NEW_FILE, 0o666), "wb") as file,
    ):
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """The name of a temporary file in the same folder: written, it gets the name `path` in one move; else it is gone.

    It raises what `write_atomically` raises.
    """
    with contextlib.ExitStack() as afterwards:
        try:
            target = path.resolve()
            refuse(target, overwrite=overwrite)
            temporary = temporary_beside(target)
            afterwards.callback(temporary.unlink, missing_ok=True)
            yield temporary
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())  # on the disk, and not only in its cache
            Path.replace(temporary, target) if overwrite else _link(temporary, target)
            _sync_folder(target.parent)
        except (OSError, ValueError) as error:
            raise _explain(path, error) from error


def temporary_beside(target: Path) -> Path:
    """A new name for a temporary file or folder beside `target`; it says whose it is.

    Those beside it that nobody writes any more are deleted.
    """
    sweep(target.parent)
    return target.with_name(f".{_here()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")


@lru_cache(maxsize=256)  # once for a process: a folder of many pictures is not looked through for each
def sweep(folder: Path) -> None:
    """Deletes the temporary files in a folder whose processes on this computer were killed."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f".{_here()}-*.tmp"):
            owner = path.name.split("-")[1]
            if owner.isdecimal() and not psutil.pid_exists(int(owner)):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


@cache
def _here() -> str:
    """What tells this computer from others that write to the same disk, and where a process's number means it."""
    try:
        numbered = str(Path("/proc/self/ns/pid").readlink())  # containers count processes each for itself
    except OSError:
        numbered = ""
    return hashlib.sha256(f"{platform.node()} {numbered}".encode()).hexdigest()[:8]


def refuse(path: Path, *, overwrite: bool) -> None:
    """Refuses a target that cannot be written with an `ImageError`, before any work is done for it.

    That is a folder, a device, a file that exists already, or one in a folder that does not exist.
    """
    if path.is_dir():
        raise ImageError(f"{path} is a folder.\nName the picture in it: {path / 'dream.png'}")
    if path.exists() and not path.is_file():
        raise ImageError(f"{path} is a device, not a file: it would be lost.\nTo write to a pipe, use: -o -")
    if path.exists() and not overwrite:
        raise _exists(path)
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Refuses a folder that is not there. Raises `ImageError`: how it is made."""
    if not folder.is_dir():
        words = ("mkdir",) if WINDOWS else ("mkdir", "-p")
        raise ImageError(f"There is no folder {folder}.\nCreate it: {in_shell(*words, folder)}")


def _link(temporary: Path, target: Path) -> None:
    """Gives the file its second name; the system refuses if that name is taken."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A disk without links (FAT): takes the name with an empty file, then replaces that.
        os.close(os.open(target, _NEW_FILE, 0o666))
        with contextlib.ExitStack() as undo:
            undo.callback(target.unlink, missing_ok=True)
            temporary.replace(target)
            undo.pop_all()


def _sync_folder(folder: Path) -> None:
    """Makes the new name itself survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _exists(path: Path) -> ImageError:
    return ImageError(f"{path} exists already, and is left alone.\nReplace it with --force (overwrite=True).")


def _explain(path: Path, error: OSError | ValueError) -> PhospheneError:
    """What the system said, as an error that teaches."""
    match error:
        case FileExistsError():
            return _exists(path)
        case PermissionError():
            return ImageError(f"You may not write {path}.\nChoose another folder, such as your home folder.")
        case OSError() if error.errno in DISK_FULL:
            return OutOfSpaceError(f"The disk has no room for {path}.\nFree some, or choose another disk.")
        case _:
            return ImageError(f"{os.fsdecode(path)!r} cannot be written: {getattr(error, 'strerror', None) or error}.")
