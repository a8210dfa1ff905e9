"""Sources: what a picture can be read from, what it is called, and the bytes it gives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable

import numpy as np
from PIL import Image
from torch import Tensor

from phosphene.errors import ImageError, nearest
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

_LARGEST_FILE = 4 << 30  # bytes: 500 megapixels of 16-bit RGBA, uncompressed


def read_bytes(source: str | os.PathLike[str] | bytes | BinaryIO) -> bytes:
    """All bytes of a file.

    Raises:
        ImageError: If there is no such file, or it cannot be read.
    """
    try:
        if isinstance(source, (str, os.PathLike)):
            return _file_bytes(Path(source))
        return bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else source.read()
    except (OSError, ValueError) as error:
        raise ImageError(_unreadable(source, error)) from error


@dataclass(frozen=True)
class Sent:
    """A picture's file, as it is sent to where there is no such file, or opened more than once."""

    name: str
    data: bytes

    @classmethod
    def of(cls, path: str) -> Sent:
        """The file as it is on this computer.

        Raises:
            ImageError: it cannot be read.
        """
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


def bare_name(path: str) -> str:
    r"""A path's last part, whichever system wrote it.

    >>> bare_name("/home/ann/cat.png"), bare_name(r"C:\ann\cat.png")
    ('cat.png', 'cat.png')
    """
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or "picture"


def _file_bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file() and not path.is_fifo():
        raise IsADirectoryError
    size = path.stat().st_size
    if size > _LARGEST_FILE:
        raise ImageError(f"{path} has {size / 1e9:.1f} GB; no picture that large is read. Is it a film?")
    return path.read_bytes()


def _unreadable(source: object, error: Exception) -> str:
    """Why a file could not be read, and what to do."""
    if not isinstance(source, (str, os.PathLike)):
        return f"The open file gave nothing to read: {error}."
    path = Path(source)
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return f"There is no picture {os.fsdecode(path)!r}.{_neighbour(path)}"
        case IsADirectoryError():
            return f"{path} is a folder, or no ordinary file.\nName a picture inside it, such as {path / 'cat.png'}."
        case PermissionError():
            return f"{path} may not be read by you.\nLook at its permissions: ls -l {path}"
        case _:
            return f"{os.fsdecode(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}."


def _neighbour(path: Path) -> str:
    """The nearest name in the same folder, or word that there is no such folder."""
    try:
        return nearest(path.name, sorted(each.name for each in path.parent.iterdir()))
    except OSError:
        return f" There is no folder {os.fsdecode(path.parent)!r} either."
