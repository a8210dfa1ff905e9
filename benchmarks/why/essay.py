"""The essay's numbers, written into it and into two pages more: each stands between marks that say where it comes from.

<!-- n borders/GoogLeNet 4c/field -->299<!-- / -->        a number, by its path in why.json; a list's by its place
<!-- n borders/GoogLeNet 4c/lost/0|% -->97 %<!-- / -->    in per cent; `|2` is with two decimals
<!-- n choices/GoogLeNet 4c/one_by_one/steps=20/cost -->38<!-- / -->    in the first row where `steps` is 20
<!-- table borders -->…<!-- / -->                         a table of `TABLES`
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Numbers = Mapping[str, Any]

PAGES = ("docs/explanation/why.md", "docs/explanation/style.md", "docs/how-to/patterns.md")

MARK = re.compile(r"(?P<head><!-- (?P<kind>n|table) (?P<name>[^|>]+?)(?:\|(?P<form>\S+))? -->).*?<!-- / -->", re.DOTALL)


def fill(document: Path, numbers: Numbers) -> None:
    """Writes every number anew."""
    document.write_text(filled(document.read_text("utf-8"), numbers), "utf-8")


def filled(text: str, numbers: Numbers) -> str:
    """A text with its numbers.

    Raises:
        KeyError: it asks for one that there is not.
    """

    def written(mark: re.Match[str]) -> str:
        if mark["kind"] == "table":
            return f"{mark['head']}\n\n{TABLES[mark['name']](numbers)}\n\n<!-- / -->"
        return f"{mark['head']}{shown(find(numbers, mark['name']), mark['form'] or '')}<!-- / -->"

    return MARK.sub(written, text)


def find(numbers: Any, name: str) -> float:
    """The number at a path."""
    for part in name.split("/"):
        numbers = _entry(numbers, part) if isinstance(numbers, list) else numbers[part]
    return float(numbers)


def _entry(rows: list[Any], part: str) -> Any:
    """An entry by its place, or the first that has this value: `octaves=5`."""
    if "=" not in part:
        return rows[int(part)]
    key, value = part.split("=")
    return next(row for row in rows if str(row[key]) == value)


def shown(value: float, form: str = "") -> str:
    """As people write it."""
    if form.startswith("%"):
        return f"{value * 100:.{int(form[1:] or 0)}f} %"
    return f"{value:.{int(form)}f}" if form else f"{value:g}"


def rounded(x: Any) -> Any:
    """Numbers with four digits, which is more than any of them deserves."""
    if isinstance(x, float):
        return float(f"{x:.4g}")
    if isinstance(x, Mapping):
        return {str(key): rounded(each) for key, each in x.items()}
    if isinstance(x, list | tuple):
        return [rounded(each) for each in x]
    return x


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _borders(numbers: Numbers) -> str:
    head = (
        "layer",
        "receptive field",
        "lost at the border",
        "foretold",
        "of that absent or not seen",
        "less than 5 % from",
        "in receptive fields",
    )
    return _table(
        head,
        (
            (
                name,
                shown(of["field"]),
                shown(of["lost"][0], "%"),
                shown(of["foretold"][0], "%"),
                shown(of["unheard"][0], "%"),
                f"{of['less_than']['0.05']} pixels",
                shown(of["less_than"]["0.05"] / of["field"], "2"),
            )
            for name, of in numbers["borders"].items()
        ),
    )


def _overlaps(numbers: Numbers) -> str:
    spoken = {"0": "none", "0.125": "an eighth of the receptive field", "0.25": "a quarter"}
    subjects = numbers["shifts"]
    head = [
        "overlap",
        *(f"{name}: {what}" for name in subjects for what in ("cost", "error of one step", "of ten shifted")),
    ]
    rows = (
        [
            words,
            *(
                text
                for of in subjects.values()
                for text in (
                    f"{of['overlaps'][share]['cost']:.1f} ×",
                    *(shown(of["overlaps"][share][when], "%") for when in ("one", "ten")),
                )
            ),
        ]
        for share, words in spoken.items()
    )
    return _table(head, rows)


def _lattice(numbers: Numbers) -> str:
    head = ("layer", "repeats, without shifts", "with shifts of ±32", "agreed on at 2.4 pixels", "at 27 pixels")
    return _table(
        head,
        (
            (
                name,
                *(shown(sum(of[key].values()), "%2") for key in ("still", "moved")),
                *(shown(of["agreed"][place], "%") for place in (0, -1)),
            )
            for name, of in numbers["lattice"].items()
        ),
    )


def _octaves(numbers: Numbers) -> str:
    head = ("layer, normalisation", "foretold, pixels", "painted, pixels")
    return _table(
        head,
        (
            (
                f"{name}, `{normalise}`",
                *(" · ".join(f"{each:.1f}" for each in of[normalise][key]) for key in ("foretold", "centres")),
            )
            for normalise in ("mean", "laplacian")
            for name, of in numbers["octaves"].items()
        ),
    )


def _layouts(numbers: Numbers) -> str:
    head = [
        "layout",
        *(f"{name}: louder at 1 · 2 · 4" for name in numbers["octaves"]),
        "bands of nine",
        "photograph left at 3.4 pixels",
    ]
    of = list(numbers["octaves"].values())
    rows = (
        [
            label,
            *(" · ".join(shown(each["layouts"][label]["louder"][place], "1") for place in (0, 2, 4)) for each in of),
            " and ".join(shown(each["layouts"][label]["even"], "1") for each in of),
            " and ".join(shown(each["layouts"][label]["kept"][1], "%") for each in of),
        ]
        for label in of[0]["layouts"]
    )
    return _table(head, rows)


def _choices(numbers: Numbers) -> str:
    """Each network's rows, one setting after another; the baseline first."""
    found = numbers["choices"]
    head = ["setting", *(f"{_whose(name)} {what}" for name in found for what in CHOICES)]
    changes = {_change(row, of["base"]) for of in found.values() for row in of["one_by_one"]}
    order = sorted(changes, key=lambda change: (change[0], str(type(change[1])), change[1]))
    return _table(
        head, ([_words(change), *(text for of in found.values() for text in _cells(of, change))] for change in order)
    )


CHOICES = ("louder", "least", "kept", "clipped", "cost")


def _whose(name: str) -> str:
    return "Google's" if name.startswith("GoogLeNet") else "our"


MEASURED = (*CHOICES, "answer", "distance", "work")  # of a row; the rest are settings


def _change(row: Numbers, base: Numbers) -> tuple[str, Any]:
    """The setting in which a row differs from the baseline, and its value."""
    return next(((name, row[name]) for name in row if name not in MEASURED and row[name] != base[name]), ("", ""))


def _words(change: tuple[str, Any]) -> str:
    return f"`--{change[0].replace('_', '-')} {change[1]}`" if change[0] else "as it is"


def _cells(of: Numbers, change: tuple[str, Any]) -> Iterator[str]:
    row = next((row for row in of["one_by_one"] if _change(row, of["base"]) == change), None)
    for key, form in (("louder", "2"), ("least", "2"), ("kept", "2"), ("clipped", "%1"), ("cost", "0")):
        yield shown(row[key], form) if row else "–"


def _others(kind: str, what: str) -> Callable[[Numbers], str]:
    def table(numbers: Numbers) -> str:
        (of,) = numbers["others"].values()
        base = of[kind][0]
        rows = ((_words(_change(row, base)), shown(row[what], "2"), shown(row["work"], "2")) for row in of[kind])
        return _table(("setting", what, "work"), rows)

    return table


TABLES: Mapping[str, Callable[[Numbers], str]] = {
    "borders": _borders,
    "overlaps": _overlaps,
    "lattice": _lattice,
    "octaves": _octaves,
    "layouts": _layouts,
    "choices": _choices,
    "patterns": _others("patterns", "answer"),
    "styles": _others("styles", "distance"),
}
