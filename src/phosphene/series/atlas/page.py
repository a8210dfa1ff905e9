"""The page of an atlas: one HTML file that needs nothing but its pictures, and asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from phosphene.series import paper
from phosphene.series.atlas.plan import Entry
from phosphene.series.commands import Subject

ALIVE = (
    "A channel is alive where it answers to this picture more than it answers to scraps of noise in the same colours,"
    " counted in its own spread there. Those are shown whose liveliest places stand out most from the rest of the"
    " picture: not the channels that are bright for everything, and of several that answer to the same places only the"
    " first. Liveliness is how far they stand out."
)


@dataclass(frozen=True)
class Commands:
    """Command lines that make an entry's picture: in full, and as it is shown; for two kinds of shell."""

    full: str
    full_windows: str
    same: str
    same_windows: str


@dataclass(frozen=True)
class View:
    """What a page shows.

    Attributes:
        subject: the photograph or canvas.
        network: which dreams.
        entries: layers first, then channels, those of a layer together.
        commands: of each entry.
        size: width and height of a finished picture of a layer.
    """

    subject: Subject
    network: str
    entries: tuple[Entry, ...]
    commands: tuple[Commands, ...]
    size: tuple[int, int]


def page(view: View, state: Mapping[str, Any]) -> str:
    """The page; `state` says how far each entry is, and whether there is more to come."""
    numbered = list(enumerate(view.entries))
    of_channels = (each for each in numbered if each[1].channel is not None)
    width, height = view.size
    return paper.render(
        "phosphene.series.atlas",
        title=f"Atlas of {view.subject.name}",
        view=view,
        state=state,
        width=width,
        height=height,
        layers=[each for each in numbered if each[1].channel is None],
        channels=[list(each) for _, each in groupby(of_channels, key=lambda each: each[1].layer)],
        alive=ALIVE,
    )
