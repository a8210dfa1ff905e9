"""The page of a study: one HTML file beside its pictures, which asks nothing of any network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from phosphene.series import paper
from phosphene.series.commands import posix, windows
from phosphene.series.shelf import PICTURES
from phosphene.studies.axes import spoken
from phosphene.studies.book import FACTS, PHOTOGRAPH, PLOTS, TABLE
from phosphene.studies.rows import Entry
from phosphene.studies.tables import measures_table, table
from phosphene.studies.view import View

_HERE = "phosphene.studies"
_CAPTIONS = {
    "measures": "Each measure against {last}, a line for each combination of the other settings.",
    "spectra": (
        "Which sizes the variants paint: the energy of {what}, in each octave band of its wavelength. Other panels'"
        " curves are grey behind."
    ),
    "scores": (
        "The objective at each step, octave by octave; the last octave has the full size, so that curves of fewer"
        " octaves begin farther right. Scores of different layers or networks cannot be compared."
    ),
}
PHOTO, PHOTO_FILE = "the photograph", f"{PICTURES}/{PHOTOGRAPH}"


def page(view: View, figures: Mapping[str, str]) -> str:
    """The page; `figures` are SVG by name."""
    head = paper.head(f"Study of {view.maker.subject.name}", paper.part(_HERE, "page.css"))
    return "\n".join((*head, *_body(view, figures), "</html>", ""))


def _body(view: View, figures: Mapping[str, str]) -> Iterator[str]:
    height, width = _shape(view)
    yield f'<body style="--width: {width}; --height: {height}">'
    yield (
        '<div class="bar"><nav aria-label="On this page"><a href="#compare">Compare</a><a href="#all">All pictures</a>'
        '<a href="#table">Table</a><a href="#curves">Curves</a><a href="#measures">Measures</a>'
        f'<a href="#files">Files</a></nav>{paper.part(_HERE, "zoom.html")}</div>'
    )
    yield "<main>"
    yield from _opening(view)
    yield from _compare(view)
    yield from _wall(view)
    yield from table(view)
    yield from _curves(view, figures)
    yield from measures_table()
    yield from _files()
    yield "</main>"
    yield "<footer><p>Made by Phosphene. Every picture says how it was made: <code>phosphene info</code>.</p></footer>"
    yield paper.script(paper.part(_HERE, "lens.js") + paper.part(_HERE, "page.js")) + "\n</body>"


def _shape(view: View) -> tuple[int, int]:
    """Height and width of the pictures."""
    octave = view.entries[0].facts["curve"][-1]
    return octave["height"], octave["width"]


def _opening(view: View) -> Iterator[str]:
    subject, count = view.maker.subject, len(view.entries)
    height, width = _shape(view)
    yield f'<header class="about"><p class="kind">Study</p><h1>{escape(subject.name)}</h1>'
    what = f"{count} {view.maker.technique.plural} of {width}×{height} pixels"
    varied = "; ".join(
        f"<b>{axis.name.replace('_', ' ')}</b> {escape(', '.join(map(spoken, axis.values)))}" for axis in view.axes
    )
    yield f"<p>{what}, with every combination of {varied}.</p>"
    if count < len(view.variants):
        there = f"{count} of {len(view.variants)} variants are there."
        yield f'<p class="warning" role="status">{there} {_missing(view)}</p>'
    yield "</header>"


def _missing(view: View) -> str:
    reasons = [f"{escape(name)}: {escape(why)}" for name, why in view.failures.items()]
    return "<br>".join(reasons) if reasons else "The same command again goes on from here."


def _pictures(view: View) -> Iterator[tuple[str, str]]:
    """Names and files of all that can be compared."""
    if view.photograph:
        yield PHOTO, PHOTO_FILE
    for entry in view.entries:
        yield entry.variant.name, entry.file


def _compare(view: View) -> Iterator[str]:
    pictures = list(_pictures(view))
    first, second = (0, min(1, len(pictures) - 1)) if len(pictures) < 3 else (1, len(pictures) - 1)
    options = [
        "".join(
            f'<option value="{escape(file)}"{" selected" if number == chosen else ""}>{escape(name)}</option>'
            for number, (name, file) in enumerate(pictures)
        )
        for chosen in (first, second)
    ]
    yield '<section id="compare" aria-labelledby="compare-title">'
    yield '<h2 id="compare-title">Compare <small>any two</small></h2>'
    yield (
        paper.part(_HERE, "compare.html")
        .replace("{first}", options[0])
        .replace("{second}", options[1])
        .replace("{a}", escape(pictures[first][1]))
        .replace("{b}", escape(pictures[second][1]))
    )
    yield "</section>"


def _wall(view: View) -> Iterator[str]:
    yield '<section id="all" aria-labelledby="all-title">'
    yield '<h2 id="all-title">All pictures <small>one zoom for all</small></h2>'
    yield f'<div class="controls">{"".join(_shown(view))}</div>'
    references: list[tuple[str, Entry | None]] = [("The photograph", None)] if view.photograph else []
    references += [("Baseline", view.outside)] if view.outside else []
    if references:
        yield '<div class="grid">'
        yield from (_card(view, title, entry) for title, entry in references)
        yield "</div>"
    for group in view.groups():
        if group.title:
            yield f"<h3>{escape(group.title)}</h3>"
        yield '<div class="grid">'
        for word, entry in group.members:
            yield _card(view, f"{view.last} {word}", entry)
        yield "</div>"
    yield "</section>"


def _references(view: View) -> dict[str, str]:
    """What all pictures can be held against, by name, and where it lies."""
    found = {PHOTO: PHOTO_FILE} if view.photograph else {}
    return found | ({"the baseline": view.baseline.file} if view.baseline else {})


def _shown(view: View) -> Iterator[str]:
    """The choice of what is shown of all pictures, and buttons that show one in their place while they are held."""
    yield '<fieldset class="modes"><legend>What is shown</legend>'
    yield '<label><input type="radio" name="show" value="" checked>Pictures</label>'
    for name, file in _references(view).items():
        about = f"Change against {name}"
        yield f'<label><input type="radio" name="show" value="{escape(file)}">{about}</label>'
    yield "</fieldset>"
    for name, file in _references(view).items():
        yield f'<button type="button" class="hold" data-file="{escape(file)}">Hold to see {name} everywhere</button>'


def _card(view: View, title: str, entry: Entry | None) -> str:
    """A picture in the wall; without an entry, the photograph."""
    file = PHOTO_FILE if entry is None else entry.file
    name = PHOTO if entry is None else entry.variant.name
    baseline = ' <span class="mark">baseline</span>' if entry and entry.variant.baseline and title != "Baseline" else ""
    height, width = _shape(view)
    return (
        f'<figure class="card"><div class="frame" tabindex="0" role="group" aria-label="{escape(name)}: zoom and pan">'
        f'<div class="layer"><img src="{escape(file)}" alt="{escape(name)}" width="{width}" height="{height}"'
        ' loading="lazy" decoding="async" draggable="false"></div></div>'
        f'<figcaption><p><b>{escape(title)}</b>{baseline}</p><p class="acts">'
        f"{_choice('a', file, name)}{_choice('b', file, name)}{_copy(view, entry)}</p></figcaption></figure>"
    )


def _choice(side: str, file: str, name: str) -> str:
    """A button that takes a picture up for comparison."""
    about = f'aria-label="Compare {escape(name)} as {side.upper()}"'
    return (
        f'<button type="button" class="choose" data-as="{side}" data-file="{escape(file)}" {about}>'
        f"{side.upper()}</button>"
    )


def _copy(view: View, entry: Entry | None) -> str:
    """A button that copies the command line of a picture."""
    if entry is None:
        return ""
    words = view.maker.words(entry.variant.settings, entry.variant.file)
    lines = f'data-full="{escape(posix(words))}" data-full-windows="{escape(windows(words))}"'
    name = escape(entry.variant.name)
    return f'<button type="button" class="copy" {lines} aria-label="Copy the command of {name}">Copy command</button>'


def _curves(view: View, figures: Mapping[str, str]) -> Iterator[str]:
    yield '<section id="curves" aria-labelledby="curves-title"><h2 id="curves-title">Curves</h2>'
    for name, figure in figures.items():
        what = "what was added to the photograph" if view.photograph else "the pattern"
        caption = _CAPTIONS[name].format(last=escape(view.last), what=what)
        yield f'<figure class="plot" tabindex="0" role="group" aria-label="{name}">{figure}'
        yield f"<figcaption><p>{caption}</p></figcaption></figure>"
    yield "</section>"


def _files() -> Iterator[str]:
    yield '<section id="files" aria-labelledby="files-title"><h2 id="files-title">Files</h2><ul>'
    yield f'<li><a href="{TABLE}">{TABLE}</a>: a row for each variant, for a spreadsheet or pandas</li>'
    yield f'<li><a href="{FACTS}">{FACTS}</a>: the same, with curves, spectra and all settings</li>'
    yield f'<li><a href="{PICTURES}/">{PICTURES}/</a>: the pictures, PNG with their records</li>'
    yield f'<li><a href="{PLOTS}/">{PLOTS}/</a>: the curves as SVG</li></ul></section>'
