"""What the server asks of the studio behind it. Every method is called from a thread and may take its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

Hear = Callable[[bytes | dict[str, Any]], None]
Stop = Callable[[], None]


class Job(Protocol):
    """Work that goes on after its request was answered."""

    result_file: Path | None
    media_type: str

    def to_dict(self) -> dict[str, Any]:
        """The job as JSON."""


class Sitting(Protocol):
    """An open picture."""

    @property
    def id(self) -> str:
        """16 digits that name it."""

    def state(self) -> dict[str, Any]:
        """The picture as JSON."""

    def view(self) -> bytes:
        """The painting at view size, a lossless WebP."""

    def photograph(self) -> bytes:
        """The photograph at view size, WebP."""

    def thumbnail(self) -> bytes:
        """The painting, long side 256, WebP."""

    def regions(self) -> bytes | None:
        """What was matched with what, WebP; None where no style was."""

    def set_ground(self, ground: dict[str, Any] | None) -> dict[str, Any]:
        """Begins to grow another ground."""

    def undo(self) -> dict[str, Any]:
        """Takes the last act back."""

    def redo(self) -> dict[str, Any]:
        """Does it again."""

    def stroke(self, brush: dict[str, Any], points: list[Any], seconds: float) -> dict[str, Any]:
        """A whole stroke, which stays `seconds` on its way."""

    def add_reference(self, data: bytes, name: str) -> dict[str, Any]:
        """Another picture, as guide or style."""

    def reference(self, id: str) -> bytes:
        """Its thumbnail, WebP."""

    def thumbnails(self, of: str, layer: str | None = None) -> Job:
        """Begins to make small pictures of what looks would do."""

    def made_thumbnail(self, key: str) -> bytes | None:
        """One of them, WebP, or None if it is not there yet."""

    def rank(self, reference: str) -> Job:
        """Begins to ask which layers suit a reference."""

    def render(self, format: str, long_side: int | None) -> Job:
        """Begins to paint it at full size, into a file."""

    def command(self) -> dict[str, Any]:
        """The command line that makes the same."""

    def pack(self) -> bytes:
        """The picture and all that was painted, as one file."""

    def begin(self, brush: dict[str, Any], points: list[Any]) -> object:
        """Puts the brush down."""

    def more(self, points: list[Any]) -> None:
        """Moves it."""

    def end(self) -> None:
        """Lifts it."""

    def cancel(self) -> None:
        """Lifts it, and takes the stroke back."""

    def listen(self, hear: Hear) -> Stop:
        """Calls `hear` with frames and events, from any thread, until the answer is called."""


class Studio(Protocol):
    """All pictures, and what computes."""

    def looks(self) -> dict[str, Any]:
        """What can be brought out."""

    def list(self) -> Sequence[Mapping[str, Any]]:
        """Recent pictures, newest first."""

    def open(self, data: bytes, name: str) -> Sitting:
        """A photograph's bytes."""

    def canvas(self, name: str, width: int, height: int, seed: int) -> Sitting:
        """A picture that the program paints itself."""

    def open_file(self, number: int) -> Sitting:
        """A picture of the folder."""

    def folder(self) -> dict[str, Any] | None:
        """The folder's pictures, numbered; None without a folder."""

    def folder_thumbnail(self, number: int) -> bytes:
        """One of them, small, WebP."""

    def unpack(self, data: bytes, name: str) -> Sitting:
        """A painting that `pack` made."""

    def picture(self, id: str) -> Sitting:
        """An open picture.

        Raises:
            UnknownNameError: there is none of that name.
        """

    def forget(self, id: str) -> None:
        """Throws a picture away."""

    def job(self, id: str) -> Job:
        """A job.

        Raises:
            UnknownNameError: there is none of that name.
        """

    def cancel(self, id: str) -> Job:
        """Ends a job early."""

    def close(self) -> None:
        """Ends all work; calls that are going on return soon. It may be called again."""
