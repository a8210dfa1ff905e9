"""An open picture with all that the page asks of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image

from phosphene.painting.document import DREAM, Ground
from phosphene.sessions import chores
from phosphene.sessions.jobs import Job
from phosphene.sessions.screen import eight_bits, shrunk, webp
from phosphene.sessions.sitting import Sitting

STROKES = "Brush strokes cannot be said in a command.\nRender the picture, or save the painting: both know them all."


class Opened(Sitting):
    """A picture that is painted on, as the page sees it; pictures are bytes of WebP."""

    def view(self) -> bytes:
        """The painting, without loss."""
        return self.painter.screen.picture()

    def photograph(self) -> bytes:
        """The photograph at the same size."""
        return webp(eight_bits(self.easel.photograph), lossless=True)

    def thumbnail(self) -> bytes:
        """The painting, small."""
        return self.painter.screen.thumbnail()

    def regions(self) -> bytes | None:
        """What the ground's style matched with what, if it is a style."""
        found = self.easel.regions
        return None if found is None else webp(eight_bits(found))

    def add_reference(self, data: bytes, name: str) -> dict[str, Any]:
        """Adds a guide or a style.

        Raises:
            PhospheneError: it cannot be read.
        """
        added = self.references.add(data, name, max_pixels=self.max_pixels)
        self.keep()
        self.emit_state()
        return added

    def reference(self, id: str) -> bytes:
        """A guide or a style, small.

        Raises:
            UnknownNameError: there is none.
        """
        return shrunk(Image.open(BytesIO(self.references[id]), formats=["PNG"]))

    def stroke(self, brush: Mapping[str, Any], points: list[Any], seconds: float) -> dict[str, Any]:
        """A whole stroke, which takes so many seconds.

        Raises:
            PhospheneError: as `begin`.
        """
        live = self.begin(brush, points[:1])
        number = max(1, len(points) - 1)
        for point in points[1:]:
            time.sleep(seconds / number)
            self.more([point])
        if len(points) < 2:
            time.sleep(seconds)
        self.end()
        live.finished.wait()
        return self.state()

    def thumbnails(self, of: str, layer: str | None = None) -> Job:
        """As `chores.thumbnails`."""
        return chores.thumbnails(self, of, layer)

    def made_thumbnail(self, key: str) -> bytes | None:
        """As `chores.made_thumbnail`."""
        return chores.made_thumbnail(self, key)

    def rank(self, reference: str) -> Job:
        """As `chores.rank`."""
        return chores.rank(self, reference)

    def render(self, format: str, long_side: int | None) -> Job:
        """As `chores.render`."""
        return chores.render(self, format, long_side)

    def pack(self) -> bytes:
        """All of it as one file, which another studio can open."""
        self.keep()
        return self.place.pack()

    def command(self) -> dict[str, Any]:
        """The command that makes this picture, if one can."""
        document = self.history.document
        if document.strokes:
            return {"command": None, "note": STROKES}
        if document.ground is None:
            return {"command": None, "note": "This is the photograph as it was."}
        said = shlex.join(["phosphene", *self._words(document.ground)])
        return {"command": said, "note": "It dreams at full size from the start: alike, not equal."}

    def _words(self, ground: Ground) -> list[str]:
        look = ground.look
        strength = [] if look.kind == DREAM and ground.strength == 1 else ["--strength", f"{ground.strength:g}"]
        named = self.references.facts.get(look.reference or "", {}).get("name", "")
        if look.kind != DREAM:
            return ["style", self.name, *(["--filter", look.filter] if look.filter else [named]), *strength]
        flags = {"--preset": look.preset, "--layer": look.layer, "--channel": look.channel, "--guide": named or None}
        said = [word for flag, value in flags.items() if value is not None for word in (flag, str(value))]
        return [self.name, *said, *strength]
