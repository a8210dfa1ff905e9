"""The folder of a series: made, or taken if it holds the same of the same picture; anything else is left alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phosphene.errors import DISK_FULL, ImageError, RoomError

PAGE, PICTURES = "index.html", "pictures"


@dataclass(frozen=True)
class Shelf:
    """A kind of series, and how its folders are known.

    Attributes:
        kind: as people say it, such as `atlas`.
        file: in which a folder says what it holds.
    """

    kind: str
    file: str

    @property
    def mark(self) -> str:
        """The key of that file under which the version of its form stands."""
        return f"phosphene-{self.kind}"

    def claim(self, folder: Path, subject: str, *, force: bool) -> None:
        """Makes the folder, or takes one that holds such a series of the same picture, or nothing.

        Raises:
            ImageError: it holds something else, or cannot be made.
            RoomError: the disk is full.
        """
        if folder.exists():
            self._check(folder, subject, force=force)
        elif not folder.parent.is_dir():
            raise ImageError(f"There is no folder {folder.parent}.\nCreate it: mkdir -p {folder.parent}")
        try:
            (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise RoomError(f"The disk has no room for {folder}.\nFree some, or choose another disk.") from error
            raise ImageError(
                f"{folder} cannot be made: {error.strerror}.\nChoose another folder with -o, such as your home folder."
            ) from error

    def _check(self, folder: Path, subject: str, *, force: bool) -> None:
        if not folder.is_dir():
            raise ImageError(
                f"{folder} is a file, and is left alone.\nChoose another folder for the {self.kind} with -o."
            )
        if not any(folder.iterdir()):
            return
        known = self.facts_of(folder)
        if known is None:
            raise ImageError(
                f"{folder} exists already and holds no {self.kind}, so it is left alone.\n"
                "Choose another folder with -o."
            )
        of = str(known.get("subject"))
        if of != subject and not force:
            raise ImageError(
                f"{folder} holds the {self.kind} of {of!r}, not of {subject!r}.\n"
                "Choose another folder with -o, or replace it with --force."
            )

    def facts_of(self, folder: Path) -> dict[str, Any] | None:
        """What a series says of itself; `None` if there is none in the folder."""
        try:
            known = json.loads((folder / self.file).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return known if isinstance(known, dict) and isinstance(known.get(self.mark), int) else None
