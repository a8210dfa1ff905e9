"""Whether a film may be written where it is to go, asked before any work."""

import os
from collections.abc import Iterable
from pathlib import Path

from phosphene.batch import overwritten
from phosphene.errors import ImageError, PhospheneError, SettingsError
from phosphene.films import texts
from phosphene.films.formats import format_for
from phosphene.images.sources import check_folder
from phosphene.records.journal import folder_of

PREVIEW_MARK = "Phosphene preview"  # what a preview has in place of how it was made


def check_output(path: Path, *, overwrite: bool) -> bool:
    """Refuses, before minutes are lost, an output that exists, or cannot be written; gives whether its run was begun.

    Raises:
        ImageError: what stands in the way.
    """
    check_folder(path.parent)
    if not os.access(path.parent, os.W_OK):
        raise ImageError(f"You may not write into {path.parent}.\nChoose another folder with -o.")
    begun = folder_of(path).is_dir()
    if path.exists() and not overwrite and not begun:
        raise ImageError(
            f"{path} exists already, and is left alone.\nReplace it with --force, or choose another name with -o."
        )
    return begun


def check_apart(output: Path, read: Iterable[Path]) -> None:
    """Refuses an output in the place of what it is made of, even where it may replace others.

    Raises:
        ImageError: which it is.
    """
    if overwritten(output, read):
        raise ImageError(f"{output} is what the film is made of, and is left alone.\nName another with -o.")


def check_preview(preview: Path, output: Path, read: Iterable[Path], *, overwrite: bool = False) -> None:
    """Refuses a preview that cannot be written, or that would replace the film or what that is made of.

    Raises:
        ImageError: its folder is not there, or another file has its name.
        SettingsError: its name is that of no film, or is taken.
    """
    format_for(preview)
    if overwritten(preview, (output, *read)):
        raise SettingsError(f"--preview {preview} is an input or the output too. Give it a name of its own.")
    check_folder(preview.parent)
    if preview.is_dir():
        raise SettingsError(f"--preview {preview} is a folder; it takes the name of a film, as preview.mp4.")
    if preview.exists() and not overwrite and not _is_preview(preview):
        raise ImageError(
            f"{preview} exists already, and is no preview.\nChoose another name for --preview, or add --force."
        )


def _is_preview(path: Path) -> bool:
    try:
        return texts.metadata(path).get("parameters") == PREVIEW_MARK
    except PhospheneError:
        return False
