"""Where pictures and what was painted on them are kept, so that a closed browser or server loses nothing."""

import contextlib
import io
import json
import lzma
import os
import re
import secrets
import shutil
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NotRequired

import numpy as np
import torch
from pydantic import Field, TypeAdapter, ValidationError
from torch import Tensor
from typing_extensions import TypedDict

from phosphene import images
from phosphene.errors import ImageError, OutOfSpaceError, RecordError, UnknownNameError, in_shell
from phosphene.images import write_atomically
from phosphene.painting.checks import ID
from phosphene.painting.document import DREAM, STYLE, Document, Ground
from phosphene.painting.look_cache import scaled
from phosphene.recipes.settings import settings as choose
from phosphene.records.record import Facts
from phosphene.sessions.states import Command, Reference

MOST, MOST_BYTES = 60, 6_000_000_000  # pictures kept, and bytes; the oldest go first
PICTURE, FACTS, PIXELS, THUMBNAILS = "picture", "sitting.json", "pixels.npy", "thumbnails"
PARTS = re.compile(r"picture|sitting\.json|pixels\.npy|references/[0-9a-f]{16}")
UNPACKED = 2_000_000_000  # bytes of a painting's file when it is unpacked
SCHEMA = 1
# numpy reads an array's header by `ast`, where Python 3.11 fails in two threads at once (python/cpython#106905).
_ONE_HEADER = threading.Lock()
_Side = Annotated[int, Field(ge=1, le=2**31)]  # pixels


_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError, OSError, NotImplementedError),
    *(ValueError, IndexError, KeyError, TypeError, struct.error),
)
"""What unpacking a damaged zip raises."""


@dataclass(frozen=True)
class SessionFolder:
    """The folder of one picture."""

    path: Path

    @property
    def id(self) -> str:
        """The picture's."""
        return self.path.name

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises `RecordError`: it is not there."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise RecordError(f"A part of this painting is missing: {name}. Open the photograph anew.") from error

    def write(self, name: str, data: bytes) -> None:
        """Writes a file, whole or not at all."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, data, overwrite=True)

    def take_thumbnails(self, other: "SessionFolder", but: set[str]) -> None:
        """Links thumbnails of another painting of the same picture, but those of other seeds, and `but` some."""

        def left_out(_: str, names: list[str]) -> list[str]:
            return [name for name in names if name.startswith((".", "seed-")) or name in but]

        with contextlib.suppress(OSError):  # what is thrown away just now, or cannot be linked, is made again
            thumbnails = other.path / THUMBNAILS
            shutil.copytree(thumbnails, self.path / THUMBNAILS, ignore=left_out, copy_function=os.link)

    @property
    def nbytes(self) -> int:
        """Of all its files, as far as they are not just being thrown away."""
        total = 0
        for folder, _, names in os.walk(self.path):  # which passes over folders that are gone
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += (Path(folder) / name).stat().st_size
        return total

    def facts(self) -> Facts:
        """What is known of the picture, and what was painted on it. Raises `RecordError`: it cannot be read."""
        try:
            found = json.loads(self.read(FACTS))
        except ValueError as error:
            raise RecordError("This painting is damaged. Open the photograph anew.") from error
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise RecordError("This painting was written by another Phosphene. Open the photograph anew.")
        return found

    def keep(self, facts: Facts, pixels: Tensor) -> None:
        """Keeps how a painting stands."""
        target = io.BytesIO()
        np.save(target, pixels.numpy())
        self.write(PIXELS, target.getvalue())
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.write(FACTS, json.dumps({"schema": SCHEMA, "changed": now, **facts}).encode())

    def pixels(self, like: Tensor) -> Tensor | None:
        """The painting's pixels as they were kept; `None` where they are not there, or of another size."""
        try:
            data = io.BytesIO(self.read(PIXELS))
            with _ONE_HEADER:
                found = np.load(data, allow_pickle=False)
        except (RecordError, ValueError, EOFError):
            return None
        fits = found.shape == tuple(like.shape) and found.dtype == np.float32 and bool(np.isfinite(found).all())
        return torch.from_numpy(found) if fits else None

    def pack(self) -> bytes:
        """All of it as one file."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for path in sorted(self.path.rglob("*")):
                name = path.relative_to(self.path).as_posix()
                if PARTS.fullmatch(name):
                    packed.write(path, name)
        return target.getvalue()


class Store:
    """All pictures that were painted on.

    Args:
        folder: theirs.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def new(self, data: bytes) -> SessionFolder:
        """A folder for a picture, from its file's bytes."""
        folder = self._made()
        folder.write(PICTURE, data)
        return folder

    def unpack(self, data: bytes) -> SessionFolder:
        """A folder from a painting's file. Raises `ImageError`: it is none, or too large."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                parts = [each for each in packed.infolist() if PARTS.fullmatch(each.filename)]
                if not {PICTURE, FACTS} <= {each.filename for each in parts}:
                    raise ImageError("This is no painting of Phosphene's: it holds no picture. Open a .phosphene file.")
                if sum(each.file_size for each in parts) > UNPACKED:
                    raise ImageError(f"Unpacked, this file is larger than {UNPACKED / 1e9:g} GB.")
                found = {each.filename: packed.read(each) for each in parts}
        except _DAMAGE as error:
            raise ImageError(
                f"This file is damaged, or no painting: {error}.\nSave it from the studio again."
            ) from error
        folder = self._made()
        for name, part in found.items():
            folder.write(name, part)
        return folder

    def folder(self, id: str) -> SessionFolder:
        """The folder of a picture. Raises `UnknownNameError`: there is none."""
        path = self.root / id
        if not re.fullmatch(ID, id) or not (path / PICTURE).is_file():
            raise UnknownNameError("There is no such picture any more. Open it anew.")
        return SessionFolder(path)

    def folders(self) -> list[SessionFolder]:
        """Those that can be opened, the last changed first."""
        found = []
        for path in self.root.glob(f"*/{FACTS}"):
            with contextlib.suppress(FileNotFoundError):  # somebody throws it away just now
                found.append((path.stat().st_mtime, SessionFolder(path.parent)))
        return [folder for _, folder in sorted(found, key=lambda each: each[0], reverse=True)]

    def forget(self, id: str) -> None:
        """Deletes a picture and all that was painted on it."""
        self.discard(self.folder(id))

    def discard(self, folder: SessionFolder) -> None:
        """Deletes a picture's folder, whatever is in it."""
        shutil.rmtree(folder.path, ignore_errors=True)

    def sweep(self, spare: set[str]) -> None:
        """Deletes the oldest where there are too many, but for those to `spare`."""
        total = 0
        for number, folder in enumerate(self.folders()):
            total += folder.nbytes
            if (number >= MOST or total > MOST_BYTES) and folder.id not in spare:
                self.discard(folder)

    def _made(self) -> SessionFolder:
        path = self.root / secrets.token_hex(8)
        path.mkdir(mode=0o700)
        return SessionFolder(path)


class _ReferenceFacts(TypedDict):
    name: str
    width: _Side
    height: _Side


class _SessionFacts(_ReferenceFacts):
    history: dict[str, object]
    notes: NotRequired[list[str]]
    references: NotRequired[dict[str, _ReferenceFacts]]


_FACTS: TypeAdapter[_SessionFacts] = TypeAdapter(_SessionFacts)


def checked_facts(facts: Facts) -> Facts:
    """What is known of a picture, as far as it can be believed. Raises `RecordError`: it is not whole."""
    try:
        _FACTS.validate_python(facts, strict=True)
    except ValidationError as error:
        raise RecordError("This painting is damaged: its facts are not whole. Open the photograph anew.") from error
    named = {id: {**each, "name": checked_name(each["name"], id)} for id, each in facts.get("references", {}).items()}
    return {**facts, "name": checked_name(facts["name"], PICTURE), "references": named}


def checked_name(name: str, usual: str) -> str:
    """A file's name for people: without folders, control characters, or more letters than a disk takes.

    >>> checked_name("../../etc/a cat.jpg", "picture")
    'a cat.jpg'
    """
    bare = re.split(r"[/\\]", name)[-1]
    clean = "".join(letter for letter in bare if letter.isprintable()).strip(" .")
    return clean[-100:] or usual


# Pictures that a painting looks at: guides and styles

MOST_REFERENCES = 200  # of one painting
LARGEST = 1024  # pixels of the long side that is kept: looks are taken from it, not prints


class References(Mapping[str, images.Source]):
    """References of one painting: their file's bytes, by their id.

    Args:
        folder: where they are kept.
        facts: name, height and width of those that are there, by id.
    """

    def __init__(self, folder: SessionFolder, facts: Facts) -> None:
        self._folder = folder
        self.facts: dict[str, Facts] = {str(id): dict(each) for id, each in facts.items() if re.fullmatch(ID, str(id))}

    def add(self, data: bytes, name: str, *, max_pixels: int) -> Reference:
        """Keeps a picture. Raises `ImageError`: it cannot be read; `OutOfSpaceError`: there are too many."""
        if len(self.facts) >= MOST_REFERENCES:
            raise OutOfSpaceError(f"A painting has at most {MOST_REFERENCES} guides and styles.")
        picture = images.load(data, long_side=LARGEST, max_pixels=max_pixels, name=checked_name(name, "picture"))
        height, width = picture.pixels.shape[-2:]
        id = secrets.token_hex(8)
        self._folder.write(f"references/{id}", images.encode(picture.pixels, "png")[0])
        self.facts[id] = {"name": picture.name, "width": width, "height": height}
        return self._told(id)

    def told(self) -> list[Reference]:
        """All of them, as JSON has it."""
        return [self._told(id) for id in list(self.facts)]  # a copy: others may be added meanwhile

    def _told(self, id: str) -> Reference:
        facts = self.facts[id]
        return {"id": id, "name": facts["name"], "width": facts["width"], "height": facts["height"]}

    def __getitem__(self, id: str) -> bytes:
        if id not in self.facts:
            raise UnknownNameError("There is no such guide or style here. Add it first.")
        return self._folder.read(f"references/{id}")

    def __contains__(self, id: object) -> bool:
        return id in self.facts

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)


# The command line that makes a painting, where one can

STROKES = "Brush strokes cannot be said in a command.\nRender the picture, or save the painting: both know them all."


def command_of(name: str, painted: Document, references: References) -> Command:
    """The command that makes what was painted on a picture of that name."""
    if painted.strokes:
        return {"command": None, "note": STROKES}
    if painted.ground is None:
        return {"command": None, "note": "This is the photograph as it was."}
    said = in_shell("phosphene", *_words(name, painted.ground, references))
    return {"command": said, "note": "It dreams at full size from the start: alike, not equal."}


def _words(name: str, ground: Ground, references: References) -> list[str]:
    look = ground.look
    strength = [] if look.kind == DREAM and ground.strength == 1 else ["--strength", f"{ground.strength:g}"]
    strength += [] if look.seed is None else ["--seed", str(look.seed)]
    named = references.facts.get(look.reference or "", {}).get("name", "")
    if look.kind != DREAM:
        return [STYLE, name, *(["--filter", look.filter] if look.filter else [named]), *strength]
    flags = {
        "--preset": look.preset,
        "--layer": look.layer,
        "--channel": look.channel,
        "--guide": named or None,
        "--colour": look.colour,
    }
    if look.scale is not None:
        larger = scaled(choose(preset=look.preset), look.scale)
        flags |= {"--base-size": str(larger.base_size)} if look.scale >= 1 else {"--octaves": str(larger.octaves)}
    said = [word for flag, value in flags.items() if value is not None for word in (flag, str(value))]
    return [name, *said, *strength]
