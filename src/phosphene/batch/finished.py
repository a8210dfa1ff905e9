"""Which dreams of a batch are there already, and which were interrupted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Literal

from phosphene import record
from phosphene.batch.inputs import Input
from phosphene.batch.plan import Job
from phosphene.canvases import is_canvas
from phosphene.errors import PhospheneError
from phosphene.images.sources import name_of, read_bytes
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes.settings import DreamSettings
from phosphene.record import Record
from phosphene.run import asks_for_best, names, provenance

Standing = Literal["finished", "unfinished", "other"]


def standing(
    job: Job,
    settings: DreamSettings,
    network: Network,
    objective: Objective,
    *,
    size: tuple[int, int],
    long_side: int | None = None,
) -> Standing:
    """What a job's output is, beside the dream of this very input with these very settings.

    Returns:
        `finished` or `unfinished` if it is that dream; `other` if it is another, or none.
    """
    if job.output is None or not job.output.is_file() or job.source.kind == "pipe":
        return "other"
    try:
        made = record.read(job.output)
        wanted = _wanted(job.source, settings, network, objective, size, long_side)
    except PhospheneError:
        return "other"
    if asks_for_best(settings):  # the layers were chosen for that picture
        wanted = replace(wanted, objective=made.objective, settings=wanted.settings | {"layer": made.settings["layer"]})
    same = ("recipe", "settings", "objective", "network", "pictures")
    if any(getattr(made, field) != getattr(wanted, field) for field in same):
        return "other"
    if {key: made.input.get(key) for key in wanted.input} != wanted.input:
        return "other"
    return "finished" if made.complete else "unfinished"


def _wanted(
    source: Input,
    settings: DreamSettings,
    network: Network,
    objective: Objective,
    size: tuple[int, int],
    long_side: int | None,
) -> Record:
    """The record that a run would leave, as far as it is known before."""
    if source.kind == "canvas":
        origin: dict[str, Any] = {"canvas": source.name, "seed": settings.seed, "width": size[0], "height": size[1]}
    else:
        origin = {"sha256": _sha256(source.name), "long_side": long_side}
    known = provenance(settings, network, objective)
    return Record(**known, input=origin, output={}, versions={}, threads=1, pictures=_pictures(settings))


def _pictures(settings: DreamSettings) -> dict[str, str]:
    """Guides and masks with their hashes."""
    files = [name for name in names(settings) if not is_canvas(name)]
    return {name_of(name): _sha256(name) for name in files}


def _sha256(name: str) -> str:
    return hashlib.sha256(read_bytes(name)).hexdigest()
