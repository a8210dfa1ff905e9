"""A small picture on the disk that shows how far the dream is."""

import time
from collections.abc import Callable
from pathlib import Path

from phosphene import images
from phosphene.ascent import Step
from phosphene.errors import ImageError, PhospheneError
from phosphene.pixels.transforms import within

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
            _check(self._path, force=force)

    def show(self, step: Step) -> None:
        """Draws a step, unless the last drawing is too fresh."""
        now = time.monotonic()
        if self._path is None or (now - self._last < PAUSE and step.done < 1):
            return
        try:
            _draw(step, self._path)
        except PhospheneError as error:
            self._say(f"no more previews: {error}")
            self._path = None
        self._last = time.monotonic()


def _draw(step: Step, path: Path) -> None:
    small = within(step.picture().float(), LONG_SIDE)
    images.save(small, path, metadata={"parameters": _MARK}, overwrite=True)


def _check(path: Path, *, force: bool) -> None:
    images.format_of(path)
    if not path.parent.is_dir():
        raise ImageError(f"There is no folder {path.parent} for the preview.\nCreate it: mkdir -p {path.parent}")
    if path.exists() and not force and not _is_preview(path):
        raise ImageError(
            f"{path} exists already, and is no preview.\nChoose another name for --preview, or add --force."
        )


def _is_preview(path: Path) -> bool:
    try:
        return images.metadata(path).get("parameters") == _MARK
    except PhospheneError:
        return False
