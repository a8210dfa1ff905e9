"""The folder of a study: pictures, what was seen of them, and the report; every file is written whole."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from phosphene import images
from phosphene.errors import PhospheneError
from phosphene.measures import MEASURES
from phosphene.records import record
from phosphene.records.record import Facts
from phosphene.reports.folder import PAGE, PICTURES, Shelf, posix
from phosphene.reports.study.plan import Axis, Variant, spoken
from phosphene.reports.variants import Made, VariantMaker, look, ruler

FACTS, TABLE, PHOTOGRAPH, PLOTS = "study.json", "study.csv", "photograph.png", "plots"
STUDIES = Shelf("study", FACTS)
SCHEMA = 1


@dataclass(frozen=True)
class Book:
    """A study's folder.

    Attributes:
        folder: where it lies.
        maker: what it is of.
        anew: whether nothing is taken of what is there.
    """

    folder: Path
    maker: VariantMaker
    anew: bool = False

    def begin(self) -> None:
        """Says in the folder whose it is, unless that is said already: a study that is killed is known by it.

        Raises:
            ImageError: the folder holds something else, or cannot be made.
            RoomError: the disk is full.
        """
        subject = self.maker.subject.name
        STUDIES.claim(self.folder, subject, force=self.anew)
        known = STUDIES.facts_of(self.folder)
        if known is None or known.get("subject") != subject:
            facts = {STUDIES.mark: SCHEMA, "subject": subject, "complete": False}
            self._put(self.folder / FACTS, json.dumps(facts).encode())

    def picture(self, variant: Variant) -> Path:
        """Where a variant's picture lies."""
        return self.folder / PICTURES / variant.file

    def notes(self, variant: Variant) -> Path:
        """Where lies what was seen of it."""
        return self.folder / PICTURES / f"{variant.stem}.json"

    def keep(self, variant: Variant, made: Made) -> None:
        """Puts a variant in: its picture last, so that where a picture is, its facts are."""
        digest = hashlib.sha256(made.picture).hexdigest()
        self._put(self.notes(variant), json.dumps({"picture": digest, **made.facts}).encode())
        self._put(self.picture(variant), made.picture)

    def there(self, variant: Variant) -> Facts | None:
        """The facts of a variant whose picture is there, made of the same with the same settings; else `None`."""
        path = self.picture(variant)
        if self.anew or not path.is_file():
            return None
        try:
            same = self.maker.is_of(record.read(path), variant.settings)
            data, facts = path.read_bytes(), json.loads(self.notes(variant).read_text("utf-8"))
        except (PhospheneError, OSError, ValueError, RecursionError):
            return None
        whole = isinstance(facts, dict) and {"picture", "seconds", "curve"} <= facts.keys()
        if not (same and whole and facts["picture"] == hashlib.sha256(data).hexdigest()):
            return None
        return self._up_to_date(variant, facts, data)

    def _up_to_date(self, variant: Variant, facts: dict[str, object], data: bytes) -> dict[str, object]:
        """The facts with what the measures say now: an older program's may have been others."""
        if facts.get("ruler") == ruler():
            return facts
        facts = facts | look(data, variant, self.maker)
        self._put(self.notes(variant), json.dumps(facts).encode())
        return facts

    def keep_photograph(self, pixels: Tensor) -> None:
        """Puts in the picture that all began as."""
        images.save(pixels.to(torch.float32), self.folder / PICTURES / PHOTOGRAPH, overwrite=True)

    def write(self, facts: Facts, rows: Sequence[Facts], page: str) -> None:
        """Writes the report, the page last."""
        self._put(self.folder / FACTS, json.dumps({STUDIES.mark: SCHEMA, **facts}, indent=1).encode())
        self._put(self.folder / TABLE, table(rows).encode())
        self._put(self.folder / PAGE, page.encode("utf-8", "replace"))

    def draw(self, plots: Iterable[tuple[str, bytes]]) -> None:
        """Puts figures in, for use elsewhere."""
        (self.folder / PLOTS).mkdir(exist_ok=True)
        for name, data in plots:
            self._put(self.folder / PLOTS / name, data)

    def _put(self, path: Path, data: bytes) -> None:
        images.write_atomically(path, data, overwrite=True)


def table(rows: Sequence[Facts]) -> str:
    r"""Rows as CSV, a title above each column.

    >>> table([{"variant": "baseline", "jitter": 32}])
    'variant,jitter\r\nbaseline,32\r\n'
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


# A study's rows: one for each variant, flat, as tables take them


Row = dict[str, object]


class Rows(list[Row]):
    """The rows of a study: `pandas.DataFrame(rows)` takes them as they are.

    Attributes:
        folder: where the report lies.
        page: to be opened in a browser.
        complete: whether all variants are there.
        failures: what became of those that could not be made, by name.
    """

    def __init__(self, rows: Iterable[Row], folder: Path, *, complete: bool, failures: Mapping[str, str]) -> None:
        super().__init__(rows)
        self.folder, self.page = folder, folder / PAGE
        self.complete, self.failures = complete, dict(failures)


@dataclass(frozen=True)
class Entry:
    """A variant that is there, and its facts."""

    variant: Variant
    facts: Facts

    @property
    def file(self) -> str:
        """Its picture, from the study's folder."""
        return f"{PICTURES}/{self.variant.file}"


def row(entry: Entry, axes: Sequence[Axis], maker: VariantMaker) -> Row:
    """Its name, its place on each axis, its seconds, every measure, its picture and its command line."""
    variant, facts = entry.variant, entry.facts
    columns = column_names(axes)
    return {
        "variant": variant.name,
        "baseline": variant.baseline,
        **{axis.name: plain(variant.values[axis.name]) for axis in axes},
        "seconds": facts["seconds"],
        **{columns[name]: facts["measures"][name] for name in MEASURES},
        "picture": entry.file,
        "command": posix(maker.words(variant.settings, variant.file)),
    }


def column_names(axes: Sequence[Axis]) -> dict[str, str]:
    """What the column of each measure is called: by its name, unless an axis has the same."""
    taken = {axis.name for axis in axes}
    return {name: f"measured_{name}" if name in taken else name for name in MEASURES}


def plain(value: object) -> object:
    """A setting's value as a table has it."""
    return spoken(value) if isinstance(value, tuple) else value
