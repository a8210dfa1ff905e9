"""Texts in films: how a film was made, kept in the film itself, whatever its kind."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from phosphene import images
from phosphene.errors import ImageError
from phosphene.films.pictures import is_animation, numbered
from phosphene.films.videos import opened
from phosphene.images import texts
from phosphene.images.decoding import pillow
from phosphene.images.tags import Tags

_LONGEST = 1_000_000  # characters read back
_GIF_HEADER = 13  # bytes before the colours
_COMMENT = b"\x21\xfe"  # what begins a GIF's comment


def metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The texts "phosphene" and "parameters" of a film, as far as it has them; of a folder, its first picture's.

    Raises:
        ImageError: no such film, or it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return images.metadata(numbered(path)[0])
    if not path.is_file():
        raise ImageError(f"There is no film {os.fsdecode(path)!r}.")
    if is_animation(path):
        return _of_gif(path) or images.metadata(path)
    with opened(path, probesize="4096", analyzeduration="0") as container:
        return _trusted({key.lower(): text for key, text in container.metadata.items()})


def _of_gif(path: Path) -> dict[str, str]:
    with pillow(path.name), Image.open(path) as image:
        comment = image.info.get("comment", b"") if image.format == "GIF" else b""
    try:
        return _trusted(json.loads(comment))
    except ValueError:
        return {}


def _trusted(found: object) -> dict[str, str]:
    """Those of the texts that are there, and no longer than they may be."""
    values = found if isinstance(found, dict) else {}
    kept = {key: values.get(key) for key in texts.TEXTS}
    return {key: text for key, text in kept.items() if isinstance(text, str) and 0 < len(text) <= _LONGEST}


def embed(kind: str, source: Path, target: Path, metadata: Mapping[str, str]) -> None:
    """Copies an animated "gif" or "png", and puts texts into the copy."""
    with source.open("rb") as old, target.open("xb") as new:
        at, block = texts.png_chunks(Tags(), metadata) if kind == "png" else _gif_comment(old.read(11), metadata)
        old.seek(0)
        new.write(old.read(at) + block)
        shutil.copyfileobj(old, new)


def _gif_comment(header: bytes, metadata: Mapping[str, str]) -> tuple[int, bytes]:
    """Where a GIF's comment goes, which is behind the colours, and its bytes."""
    packed = header[10]
    at = _GIF_HEADER + (3 << ((packed & 7) + 1) if packed & 0x80 else 0)
    if not metadata:
        return at, b""
    text = json.dumps(dict(metadata)).encode()
    blocks = (text[start : start + 255] for start in range(0, len(text), 255))
    return at, _COMMENT + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
