"""The page of an atlas: one HTML file that needs nothing but its pictures, and asks nothing of any network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from phosphene.series import paper
from phosphene.series.atlas.plan import Entry
from phosphene.series.commands import Subject

_HERE = "phosphene.series.atlas"

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
    waiting = '<noscript><meta http-equiv="refresh" content="15"></noscript>' if state["running"] else ""
    head = paper.head(f"Atlas of {view.subject.name}", paper.part(_HERE, "page.css"), more=waiting)
    return "\n".join((*head, *_body(view, state), "</html>", ""))


def _body(view: View, state: Mapping[str, Any]) -> Iterator[str]:
    width, height = view.size
    shape = f"--width: {width}; --height: {height}"
    running = "true" if state["running"] else "false"
    yield f'<body style="{shape}" data-plan="{escape(state["plan"])}" data-running="{running}">'
    numbered = list(enumerate(view.entries))
    layers = [each for each in numbered if each[1].channel is None]
    channels = [
        list(each) for _, each in groupby((each for each in numbered if each[1].channel is not None), key=_layer)
    ]
    yield from _bar(view, state, channels)
    yield "<main>"
    yield from _opening(view, len(layers))
    yield '<section id="layers" aria-labelledby="layers-title">'
    yield '<h2 id="layers-title">Layers <small>from shallow to deep</small></h2>'
    yield from _grid(view, layers, state)
    yield "</section>"
    if channels:
        yield from _channels(view, channels, state)
    yield "</main>"
    yield from _footer(view)
    yield paper.part(_HERE, "lightbox.html")
    yield paper.script(paper.part(_HERE, "page.js")) + "\n</body>"


def _layer(numbered: tuple[int, Entry]) -> str:
    return numbered[1].layer


def _bar(view: View, state: Mapping[str, Any], channels: Sequence[Sequence[tuple[int, Entry]]]) -> Iterator[str]:
    """What stays in sight: where one can go, the original, and how far the atlas is."""
    yield '<div class="bar"><nav aria-label="On this page"><a href="#layers">Layers</a>'
    if channels:
        yield '<a href="#channels">Channels</a>'
    for group in channels:
        number, entry = group[0]
        yield f'<a class="of" href="#of-{number}">{escape(entry.layer)}</a>'
    yield "</nav>"
    done = state["done"]
    hidden = "" if done < 1 else " hidden"
    words = "being made" if state["running"] else "not finished"
    yield (
        f'<div class="state" id="state"{hidden}><span id="state-words" role="status">{words}</span>'
        f'<progress id="state-bar" max="1" value="{done}" aria-label="How far the atlas is">{done:.0%}</progress></div>'
    )
    yield '<button type="button" id="compare" aria-pressed="false">Show the original</button></div>'


def _opening(view: View, layers: int) -> Iterator[str]:
    name = escape(view.subject.name)
    width, height = view.size
    painted = " The program paints it itself." if view.subject.painted else ""
    where = "anywhere" if view.subject.painted else "in the folder where the picture lies"
    yield '<header class="opening">'
    yield (
        f'<figure class="card"><button type="button" class="view" data-name="The original" data-shows="{name}"'
        ' aria-label="Enlarge the original">'
        f'<img src="pictures/original.jpg" alt="{name}, the original" width="{width}" height="{height}"></button>'
        "<figcaption><p><b>The original</b></p></figcaption></figure>"
    )
    channels = len(view.entries) - layers
    also = f", and with {channels} of their channels" if channels else ""
    yield f'<div class="about"><p class="kind">Atlas</p><h1>{name}</h1>'
    yield (
        f"<p>The same picture, dreamt by {escape(view.network)} with each of {layers} layers{also}."
        f" {view.subject.width}×{view.subject.height} pixels in full.{painted}</p>"
    )
    yield (
        "<p>A click enlarges; there, the arrow keys go on and back, and <kbd>O</kbd>, held, shows the original."
        f" <b>Copy command</b> takes the line that dreams the picture at its full size: run it {where}.</p></div>"
    )
    yield "</header>"


def _channels(view: View, channels: Sequence[Sequence[tuple[int, Entry]]], state: Mapping[str, Any]) -> Iterator[str]:
    yield '<section id="channels" aria-labelledby="channels-title">'
    yield '<h2 id="channels-title">Channels <small>the most alive in this picture</small></h2>'
    yield f'<p class="definition">{escape(ALIVE)}</p>'
    for group in channels:
        number, entry = group[0]
        shows = f" <small>{escape(entry.shows)}</small>" if entry.shows else ""
        yield f'<section id="of-{number}"><h3>{escape(entry.layer)}{shows}</h3>'
        yield from _grid(view, group, state)
        yield "</section>"
    yield "</section>"


def _grid(view: View, entries: Sequence[tuple[int, Entry]], state: Mapping[str, Any]) -> Iterator[str]:
    yield '<div class="grid">'
    for number, entry in entries:
        yield _card(view, number, entry, str(state["stages"][number]))
    yield "</div>"


def _card(view: View, number: int, entry: Entry, stage: str) -> str:
    told, name = view.commands[number], escape(entry.name)
    title = name if entry.channel is None else f"channel {entry.channel}"
    about = entry.shows if entry.channel is None else f"liveliness {entry.liveliness}"
    about = escape(about)
    alt = escape(f"{view.subject.name}, dreamt with {entry.name}" + (f": {entry.shows}" if entry.shows else ""))
    width, height = view.size
    source = escape(f"pictures/{entry.file}")
    shown = f'src="{source}?{stage}"' if stage else "hidden"
    lines = "".join(
        f' data-{key}="{escape(line)}"'
        for key, line in (
            ("full", told.full), ("full-windows", told.full_windows),
            ("same", told.same), ("same-windows", told.same_windows),
        )
    )  # fmt: skip
    return (
        f'<figure class="card" data-stage="{stage}" data-source="{source}">'
        f'<button type="button" class="view" data-name="{name}" data-shows="{escape(entry.shows)}"{lines}'
        f' aria-label="Enlarge {name}">'
        f'<img {shown} alt="{alt}" width="{width}" height="{height}" loading="lazy" decoding="async"></button>'
        f"<figcaption><p><b>{title}</b> <span>{about}</span></p>"
        f'<button type="button" class="copy" aria-label="Copy the command of {name}">Copy command</button>'
        "</figcaption></figure>"
    )


def _footer(view: View) -> Iterator[str]:
    yield (
        "<footer><p>Made by Phosphene. Every picture says how it was made:"
        " <code>phosphene info</code> reads it. Pictures can be saved from here as from any page.</p></footer>"
    )
