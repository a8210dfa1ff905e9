"""Makes a study: the baseline and every combination, what is there already taken as it is; then the report."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from phosphene import images
from phosphene.ascent import Step
from phosphene.errors import PhospheneError, SettingsError, StopRequested
from phosphene.networks import Network
from phosphene.pixels.modes import standard_modes
from phosphene.recipes.fields import Values
from phosphene.records import record
from phosphene.records.record import Facts
from phosphene.reports.folder import PAGE, PICTURES, ReportFolder
from phosphene.reports.study import plan, results
from phosphene.reports.study.page import View, page
from phosphene.reports.study.plan import Axis, Variant, axes, settings_of
from phosphene.reports.study.results import (
    PHOTOGRAPH,
    PLOTS,
    TABLE,
    Entry,
    Results,
    Row,
    Rows,
    VariantResult,
    row,
    table,
)
from phosphene.reports.variants import Library, VariantMaker
from phosphene.run.extras import cluster, extra
from phosphene.techniques import known
from phosphene.techniques.opening import Opening

_NO_PLOTS = (
    "A study's report draws its curves with matplotlib, which is not installed.\n"
    "Install it with: pip install 'phosphene[study]'"
)


@dataclass(frozen=True)
class Progress:
    """How far a study is."""

    variant: str  # the name of the one that is being made, or was just made; empty where several are at once
    row: Row | None  # of a variant that is there; `None` after a step
    kept: bool  # whether it was there already
    number: int  # how many are there
    total: int  # how many there will be
    done: float  # share of the work, 0 to 1
    left: float | None  # seconds that the rest will take, as far as that can be told


OnProgress = Callable[[Progress], None]


@standard_modes()
def study(
    image: images.Source,
    vary: Values | Iterable[str],
    folder: str | os.PathLike[str],
    *,
    of: str = "dream",
    network: Network | None = None,
    size: tuple[int, int] | None = None,
    long_side: int | None = None,
    max_pixels: int = images.MAX_PIXELS,
    workers: int | None = None,
    scheduler: str | None = None,
    threads: int | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
    **settings: object,
) -> Rows:
    """Makes a picture with every combination of settings, measures all of them, and writes a report to look at.

    What the folder holds already, made of the same picture with the same network and settings, is taken as it is; so
    the same call goes on where another was stopped.

    Args:
        image: a path, the name of a canvas, or whatever else `phosphene.dream` takes; of a pattern, what it is of, as
            `block8:37`.
        vary: settings and the values that they take, as `{"jitter": [0, 32], "octaves": [1, 4]}`, or in the words of
            the command line, `["jitter=0,32"]`. Any setting of the recipe will do; of a dream, `preset` and `recipe`.
        folder: is made, unless it is there; its `index.html` is the report.
        of: `dream`, `style` or `pattern`.
        network: what the baseline is made with; by default the one that the setting `model` names.
        size: width and height of a canvas or a pattern, in pixels.
        long_side: shrinks the picture first.
        max_pixels: refuses larger pictures; 0 refuses none.
        workers: how many processes make variants side by side; needs the extra `distributed`.
        scheduler: in their place, the address of a scheduler of Dask's, as `tcp://host:8786`.
        threads: processor threads of each of the workers; by default they share this computer's.
        force: makes everything anew, even where the folder holds the study of another picture.
        on_progress: called with each step and each variant; raise `phosphene.StopRequested` there to end early.
        **settings: the baseline's, any field of the recipe's settings.

    Returns:
        A list of dicts, a row for each variant that is there: the values on the axes, seconds, measures, the picture's
        file and a command line. `pandas.DataFrame(rows)` takes it as it is.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    _plots()
    technique = known(of)
    found = axes(vary, technique)
    given = settings_of(settings, technique)
    maker = VariantMaker(technique, image, Library(), Opening(size, long_side, max_pixels))
    if network is not None:
        given |= maker.library.take(network, [axis.name for axis in found])
    variants = plan.variants(found, given, maker.choose)
    for variant in variants:
        maker.prepare(variant.settings)
    kept = Results(ReportFolder(Path(folder), "study"), maker, anew=force)
    kept.begin(maker.subject(variants[0].settings).name)
    study = _StudyRun(kept, found, variants, on_progress or (lambda _: None))
    with _workers(workers, scheduler, threads) as client:
        return study.run(client)


def _plots() -> Any:
    """What draws, once it is needed."""
    return extra("phosphene.reports.study.plots", "matplotlib", missing=SettingsError(_NO_PLOTS))


@contextmanager
def _workers(workers: int | None, scheduler: str | None, threads: int | None) -> Iterator[Any]:
    """A connection to workers, if any are to help.

    Raises:
        ClusterError: Dask is not installed, nobody answers, or some are other versions.
    """
    if workers is None and scheduler is None:
        yield None
        return
    with cluster().connect(scheduler=scheduler, workers=workers, threads=threads) as client:
        yield client


@dataclass
class _StudyRun:
    """The way through all variants."""

    results: Results
    axes: tuple[Axis, ...]
    variants: tuple[Variant, ...]
    tell: OnProgress
    entries: dict[str, Entry] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    made: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def maker(self) -> VariantMaker:
        """Makes the variants."""
        return self.results.maker

    def run(self, client: Any) -> Rows:
        """Makes what is not there, and the report of what is."""
        try:
            self._take()
            due = [variant for variant in self.variants if variant.name not in self.entries]
            self._together(client, due) if client and due else self._in_turn(due)
        except StopRequested:
            pass
        return self._reported()

    def _take(self) -> None:
        """Finds what is there already."""
        for variant in self.variants:
            if (facts := self.results.there(variant)) is not None:
                self._put(variant, facts, kept=True)

    def _in_turn(self, due: list[Variant]) -> None:
        for variant in due:
            try:
                made = results.make(variant, self.maker, partial(self._step, variant))
            except PhospheneError as error:
                if variant.baseline:
                    raise
                self.failures[variant.name] = str(error)
            else:
                self._keep(variant, made)

    def _together(self, client: object, due: list[Variant]) -> None:
        def moved(done: float) -> None:
            self._say("", None, kept=False, beyond=done * len(due) - self.made)

        for variant, outcome in results.make_on_workers(client, due, self.maker, moved):
            if isinstance(outcome, PhospheneError):
                self.failures[variant.name] = str(outcome)
            elif isinstance(outcome, VariantResult):
                self._keep(variant, outcome)
        if any(variant.name not in self.entries and variant.name not in self.failures for variant in due):
            raise StopRequested

    def _keep(self, variant: Variant, made: VariantResult) -> None:
        self.results.keep(variant, made)
        self.made += 1
        self._put(variant, made.facts, kept=False)

    def _put(self, variant: Variant, facts: Facts, *, kept: bool) -> None:
        entry = Entry(variant, facts)
        self.entries[variant.name] = entry
        self._say(variant.name, row(entry, self.axes, self.maker), kept=kept)

    def _step(self, variant: Variant, step: Step) -> None:
        self._say(variant.name, None, kept=False, beyond=min(step.done, 0.999))

    def _say(self, name: str, told: Row | None, *, kept: bool, beyond: float = 0.0) -> None:
        """Tells of a variant, or of a share of one beyond those that are there."""
        number, total = len(self.entries) + len(self.failures), len(self.variants)
        worked = self.made + max(0.0, beyond)
        left = (total - number - max(0.0, beyond)) * (time.monotonic() - self.began) / worked if worked else None
        done = min(1.0, (number + max(0.0, beyond)) / total)
        self.tell(Progress(name, told, kept, number, total, done, left))

    def _reported(self) -> Rows:
        """Writes the report of what is there."""
        entries = [self.entries[variant.name] for variant in self.variants if variant.name in self.entries]
        told = (row(entry, self.axes, self.maker) for entry in entries)
        complete = len(self.entries) == len(self.variants)
        rows = Rows(told, self.results.folder.path, complete=complete, failures=self.failures)
        if entries:
            self._write(entries, rows)
        return rows

    def _write(self, entries: list[Entry], rows: Rows) -> None:
        folder, usual = self.results.folder, self.variants[0].settings
        photograph, spectrum = self.maker.photograph(usual), None
        if photograph is not None:
            images.save(photograph.float(), folder.path / PICTURES / PHOTOGRAPH, overwrite=True)
            spectrum = results.spectrum(photograph.float())
        subject = self.maker.subject(usual)
        view = View(self.maker, subject, self.axes, self.variants, tuple(entries), tuple(rows), self.failures, spectrum)
        figures = _plots().figures(view)
        (folder.path / PLOTS).mkdir(exist_ok=True)
        for name, data in figures.files:
            folder.put(f"{PLOTS}/{name}", data)
        folder.put_facts(self._facts(view))
        folder.put(TABLE, table(rows))
        folder.put(PAGE, page(view, figures.inline))

    def _facts(self, view: View) -> dict[str, object]:
        """What `study.json` says."""
        subject = view.subject
        return {
            "of": view.maker.technique.name,
            "subject": subject.name,
            "width": subject.width,
            "height": subject.height,
            "axes": {axis.name: list(axis.values) for axis in self.axes},
            "baseline": self.variants[0].settings.to_dict(),
            "complete": len(view.entries) == len(self.variants),
            "failures": self.failures,
            "photograph": {"spectrum": view.photograph},
            "versions": record.versions(),
            "variants": [
                {**told, **{key: value for key, value in entry.facts.items() if key not in ("measures", "picture")}}
                for told, entry in zip(view.rows, view.entries, strict=True)
            ],
        }
