"""Which dreams of a batch are there already."""

from __future__ import annotations

import hashlib
from typing import Any

from phosphene import record
from phosphene.batch.inputs import Input
from phosphene.batch.plan import Job
from phosphene.errors import PhospheneError
from phosphene.images.sources import read_bytes
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes.settings import DreamSettings
from phosphene.record import Record


def as_asked(
    job: Job,
    settings: DreamSettings,
    network: Network,
    objective: Objective,
    *,
    size: tuple[int, int],
    long_side: int | None = None,
) -> bool:
    """Whether a job's output is there, finished, and made of this very input with these very settings."""
    if job.output is None or not job.output.is_file() or job.source.kind == "pipe":
        return False
    try:
        made = record.read(job.output)
        wanted = _wanted(job.source, settings, network, objective, size, long_side)
    except PhospheneError:
        return False
    same = ("recipe", "settings", "objective", "network")
    return (
        made.complete
        and all(getattr(made, field) == getattr(wanted, field) for field in same)
        and {key: made.input.get(key) for key in wanted.input} == wanted.input
    )


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
        origin = {"sha256": hashlib.sha256(read_bytes(source.name)).hexdigest(), "long_side": long_side}
    return Record(
        recipe="dream",
        settings=settings.to_dict() | {"layer": settings.layer or network.default_layer},
        objective=str(objective),
        network={"name": network.name, "file": network.file, "sha256": network.sha256},
        input=origin,
        output={},
        versions={},
        threads=1,
    )
