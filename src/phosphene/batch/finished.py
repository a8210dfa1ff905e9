"""Which pictures of a batch are there already, and which were interrupted."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from phosphene.batch.plan import Job
from phosphene.errors import PhospheneError
from phosphene.images.sources import name_of, read_bytes
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Settings
from phosphene.records import record
from phosphene.run import Prepared
from phosphene.techniques.engine import CANVAS_SIZE
from phosphene.techniques.files import pictures

Standing = Literal["finished", "unfinished", "other"]


def standing(job: Job, ready: Prepared, objective: str) -> Standing:
    """What a job's output is, beside the picture that is made of this very input with these very settings.

    Args:
        job: the input and the output.
        ready: how it is to be made.
        objective: of it, as `Prepared.check` gives it.

    Returns:
        `finished` or `unfinished` if it is that picture; `other` if it is another, or none.
    """
    if job.output is None or not job.output.is_file() or job.source.kind == "pipe":
        return "other"
    engine, settings = ready.technique.engine, ready.settings
    try:
        made, began, looked_at = record.read(job.output), _origin(job, ready), _hashes(settings)
    except PhospheneError:
        return "other"
    of_it = {key: made.input.get(key) for key in began} == began and made.pictures == looked_at
    if not (of_it and engine.is_of(made, settings, ready.network, objective)):
        return "other"
    return "finished" if made.complete else "unfinished"


def _origin(job: Job, ready: Prepared) -> dict[str, Any]:
    """What the record would say of the input, as far as it is known before that is opened."""
    if job.source.kind == "words":
        return ready.technique.engine.open(None, ready.settings, ready.opening, ready.network.dtype)[1]
    if job.source.kind == "canvas":
        width, height = ready.opening.size or CANVAS_SIZE
        seed = getattr(ready.settings, "seed", 0)
        return {"canvas": job.source.name, "seed": seed, "width": width, "height": height}
    return {"sha256": _sha256(job.source.name), "long_side": ready.opening.long_side}


def _hashes(settings: Settings) -> dict[str, str]:
    """The pictures that settings name, with their hashes."""
    return {name_of(name): _sha256(name) for name in pictures(settings) if not is_canvas(name)}


def _sha256(name: str) -> str:
    return hashlib.sha256(read_bytes(name)).hexdigest()
