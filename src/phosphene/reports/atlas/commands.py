"""The command line that makes a picture of an atlas, at its own size or in full."""

import math
from collections.abc import Sequence
from dataclasses import replace

from phosphene.recipes.settings import DreamSettings
from phosphene.reports.atlas.plan import FIELDS
from phosphene.reports.folder import Subject, flags


def in_full(subject: Subject, settings: DreamSettings, side: int) -> list[str]:
    """The words that dream the subject at its full size, as it was dreamt at a long side of `side` pixels.

    It begins as small as that dream began, so that what is large in the one is large in the other.
    """
    enlarged = max(subject.width, subject.height) / min(side, max(subject.width, subject.height))
    more = round(math.log(enlarged) / math.log(settings.octave_scale))
    size = ["--size", f"{subject.width}x{subject.height}"] if subject.sized else []
    return _words(subject, size, replace(settings, octaves=min(32, settings.octaves + more)))


def as_shown(subject: Subject, settings: DreamSettings, side: int) -> list[str]:
    """The words that make exactly the picture with a long side of `side` pixels."""
    if subject.painted:
        width, height = subject.shrunk(side)
        return _words(subject, ["--size", f"{width}x{height}"], settings)
    return _words(subject, ["--long-side", str(side)], settings)


def _words(subject: Subject, size: Sequence[str], settings: DreamSettings) -> list[str]:
    what = ["--layer", str(settings.layer)]
    if settings.channel is not None:
        what += ["--channel", str(settings.channel)]
    return ["phosphene", subject.word, *what, *size, *flags(settings, DreamSettings(), FIELDS)]
