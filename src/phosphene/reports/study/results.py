"""What a study has: variants, made and measured, as files in its folder and as rows of a table."""

import csv
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from phosphene import images, measures
from phosphene.ascent import OnStep, Step
from phosphene.errors import StopRequested
from phosphene.measures import MEASURES
from phosphene.records.record import Facts
from phosphene.reports.folder import PAGE, ReportFolder, posix
from phosphene.reports.study.plan import Axis, Variant, spoken
from phosphene.reports.variants import VariantMaker

TABLE, PHOTOGRAPH, PLOTS = "study.csv", "photograph.png", "plots"


@dataclass(frozen=True)
class VariantResult:
    """A variant that is there."""

    picture: bytes  # the file, a PNG with its record
    facts: Facts  # its seconds, its curve, its measures and its spectra, as JSON has them


def make(variant: Variant, maker: VariantMaker, on_step: OnStep) -> VariantResult:
    """Makes a variant.

    Raises:
        StopRequested: it was ended early; half a picture is none.
        PhospheneError: it could not be made.
    """
    curve: list[Facts] = []
    began = time.monotonic()

    def told(step: Step) -> None:
        if not curve or curve[-1]["octave"] != step.octave:
            height, width = step.pixels.shape[-2:]
            curve.append({"octave": step.octave, "height": height, "width": width, "scores": []})
        curve[-1]["scores"].append(float(step.score))
        on_step(step)

    made = maker.make(variant.settings, told)
    seconds = time.monotonic() - began
    picture, _ = made.encode("png", depth=8)
    facts = {"seconds": round(seconds, 3), "threads": torch.get_num_threads(), "curve": curve}
    return VariantResult(picture, facts | look(picture, variant, maker))


def look(picture: bytes, variant: Variant, maker: VariantMaker) -> Facts:
    """What the measures say of a picture, as it lies in its file; its spectrum, and that of its change."""
    pixels = images.load(picture, dtype=torch.float32, max_pixels=0).pixels
    photograph = maker.photograph(variant.settings)
    photograph = None if photograph is None else photograph.to(pixels.dtype)
    lattice = maker.lattice(variant.settings)
    return {
        "measures_version": measures_version(),
        "measures": measures.measure(pixels, photograph, lattice=lattice),
        "spectrum": spectrum(pixels),
        "change": None if photograph is None else spectrum(pixels - photograph),
    }


@cache
def measures_version() -> str:
    """What tells these measures from those of another version of the program: their source's SHA-256."""
    parts = sorted(files("phosphene.measures").iterdir(), key=lambda part: part.name)
    texts = [part.read_bytes() for part in parts if part.name.endswith(".py")]
    return hashlib.sha256(b"".join(texts)).hexdigest()


def spectrum(pixels: Tensor) -> dict[str, list[float]]:
    """The energy in each octave band, and its period in pixels."""
    periods, energy = measures.spectrum(pixels)
    return {"periods": periods.tolist(), "energy": energy.tolist()}


# A study's variants on many workers, one each. Its functions load Dask


def make_on_workers(
    client: Any, variants: Sequence[Variant], maker: VariantMaker, tell: Callable[[float], None]
) -> Iterator[tuple[Variant, VariantResult | Exception]]:
    """Variants, and what came of each, as they are done.

    `tell` hears now and then which share of the work is done; if it raises `StopRequested`, no more are begun,
    and those that are being made are given up.

    Raises:
        ClusterError: nobody helps.
    """
    from phosphene.cluster import TaskQueue

    stopped: list[bool] = []

    def told(done: float) -> None:
        try:
            tell(done)
        except StopRequested:
            stopped.append(True)

    queue = TaskQueue(client, make, told, lambda: bool(stopped))
    tasks = [partial(variants.__getitem__, number) for number in range(len(variants))]
    for number, outcome in queue.run(tasks, maker):
        yield variants[number], outcome


@dataclass(frozen=True)
class Results:
    """The variants in a study's folder."""

    folder: ReportFolder  # where they lie
    maker: VariantMaker  # what they are of
    anew: bool = False  # whether nothing is taken of what is there

    def begin(self, subject: str) -> None:
        """Says in the folder whose it is, unless that is said already: a study that is killed is known by it.

        Raises:
            ImageError: the folder holds something else, or cannot be made.
            OutOfSpaceError: the disk is full.
        """
        self.folder.claim(subject, force=self.anew, read=self.maker.files)
        known = self.folder.facts()
        if known is None or known.get("subject") != subject:
            self.folder.put_facts({"subject": subject, "complete": False})

    def keep(self, variant: Variant, made: VariantResult) -> None:
        """Puts a variant in: its picture last, so that where a picture is, its facts are."""
        digest = hashlib.sha256(made.picture).hexdigest()
        self.folder.put(variant.notes, json.dumps({"picture": digest, **made.facts}))
        self.folder.put(variant.picture, made.picture)

    def there(self, variant: Variant) -> Facts | None:
        """The facts of a variant whose picture is there, made of the same with the same settings; else `None`."""
        path = self.folder.path / variant.picture
        if self.anew or not self.maker.is_there(path, variant.settings):
            return None
        try:
            data = path.read_bytes()
            facts: Facts = json.loads((self.folder.path / variant.notes).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        whole = isinstance(facts, dict) and {"picture", "seconds", "curve"} <= facts.keys()
        if not (whole and facts["picture"] == hashlib.sha256(data).hexdigest()):
            return None
        if facts.get("measures_version") != measures_version():  # an older program's measures may have been others
            facts |= look(data, variant, self.maker)
            self.folder.put(variant.notes, json.dumps(facts))
        return facts


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


Row = dict[str, object]


class Rows(list[Row]):
    """The rows of a study, one for each variant: `pandas.DataFrame(rows)` takes them as they are.

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
        "picture": variant.picture,
        "command": posix(command(variant, maker)),
    }


def command(variant: Variant, maker: VariantMaker) -> list[str]:
    """The command line that makes a variant's picture."""
    return [*maker.words(variant.settings), "-o", f"{variant.stem}.png"]


def column_names(axes: Sequence[Axis]) -> dict[str, str]:
    """What the column of each measure is called: by its name, unless an axis has the same."""
    taken = {axis.name for axis in axes}
    return {name: f"measured_{name}" if name in taken else name for name in MEASURES}


def plain(value: object) -> object:
    """A setting's value as a table has it."""
    return spoken(value) if isinstance(value, tuple) else value
