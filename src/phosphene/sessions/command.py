"""The command line that makes a painting, where one can."""

from __future__ import annotations

import shlex

from phosphene.painting.document import DREAM, Document, Ground
from phosphene.sessions.references import References
from phosphene.sessions.states import Command

STROKES = "Brush strokes cannot be said in a command.\nRender the picture, or save the painting: both know them all."


def command_of(name: str, painted: Document, references: References) -> Command:
    """The command that makes what was painted on a picture of that name."""
    if painted.strokes:
        return {"command": None, "note": STROKES}
    if painted.ground is None:
        return {"command": None, "note": "This is the photograph as it was."}
    said = shlex.join(["phosphene", *_words(name, painted.ground, references)])
    return {"command": said, "note": "It dreams at full size from the start: alike, not equal."}


def _words(name: str, ground: Ground, references: References) -> list[str]:
    look = ground.look
    strength = [] if look.kind == DREAM and ground.strength == 1 else ["--strength", f"{ground.strength:g}"]
    named = references.facts.get(look.reference or "", {}).get("name", "")
    if look.kind != DREAM:
        return ["style", name, *(["--filter", look.filter] if look.filter else [named]), *strength]
    flags = {"--preset": look.preset, "--layer": look.layer, "--channel": look.channel, "--guide": named or None}
    said = [word for flag, value in flags.items() if value is not None for word in (flag, str(value))]
    return [name, *said, *strength]
