"""A painting at any size with its record, and the same again from the record alone."""

import base64
import json
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from phosphene import images, networks
from phosphene.ascent import OnStep
from phosphene.errors import RecordError, SettingsError
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.painting.document import Document
from phosphene.painting.engine import PaintEngine
from phosphene.painting.history import read
from phosphene.painting.look_cache import LookCache
from phosphene.painting.render import Tell, enlarged, render
from phosphene.pixels.modes import standard_modes
from phosphene.records import record
from phosphene.records.record import Record
from phosphene.run import redo as redo_run
from phosphene.run.again import differences, recorded_input, recorded_model
from phosphene.run.checkpoint import CheckpointOptions, translate_oom
from phosphene.run.large import LargeDream, OnForecast
from phosphene.run.prepared import Dream
from phosphene.techniques.opening import Opening, origin_of

RECIPE = "painting"
PLAIN = 300_000  # letters of a painting in a record; a longer one is packed
UNPACKED = 100_000_000  # letters of one that was packed


def rendered(
    document: Document,
    engine: PaintEngine,
    photograph: Picture,
    tell: Tell,
    between: Callable[[], None] = lambda: None,
    *,
    names: Mapping[str, str],
    long_side: int | None = None,
) -> Dream:
    """The painting at the photograph's size, with its record; the first arguments are those of `render`.

    Its record has the `names` of the references by their ids, and the `long_side` that the photograph was brought to.
    """
    pixels = render(document, engine, photograph, tell, between)
    made = _recorded(document, engine, photograph, names, long_side)
    return Dream(pixels, made, photograph, photograph.notes)


@standard_modes()
def redo(
    source: str | os.PathLike[str] | bytes,
    *,
    image: images.Source | None = None,
    on_step: OnStep | None = None,
    keep: CheckpointOptions | None = None,
    on_forecast: OnForecast | None = None,
    max_pixels: int = images.MAX_PIXELS,
    **changes: Any,
) -> Dream | LargeDream:
    """Makes a picture again from its record, with `changes` to its settings; a painting stroke by stroke, as it was.

    Args:
        source: a picture that Phosphene wrote.
        image: the picture it began as; by default the file of the recorded name beside `source`.
        on_step: as for `dream`, like keep and on_forecast.
        keep: for dreams and styles.
        on_forecast: for dreams.
        max_pixels: refuses larger pictures, whoever names them; 0 refuses none.
        **changes: any field of the settings of its kind; a painting of the studio's takes the model alone.

    Raises:
        SettingsError: a change that is for pictures of another kind.
        RecordError: no record, or one that cannot be followed.
        ImageError: the input is not where it should be.
        WeightsError: the network's weights are not there.
    """
    made = record.read(source)
    if made.recipe != RECIPE:
        return redo_run(
            source,
            image=image,
            on_step=on_step,
            keep=keep,
            on_forecast=on_forecast,
            max_pixels=max_pixels,
            **changes,
        )
    if changes.keys() - {"model"}:
        raise SettingsError(
            "What was painted in the studio is made again as it was: it takes no other settings than --model."
        )
    folder = Path() if isinstance(source, bytes) else Path(os.fspath(source)).resolve().parent
    with translate_oom():
        began = recorded_input(made, folder) if image is None else image
        network = networks.load(**{**recorded_model(made, folder, changes), **changes})
        photograph = partial(images.load, began, max_pixels=max_pixels)
        return _repainted(made, photograph, beside(made, folder), network, on_step)


def _repainted(
    made: Record,
    photograph: Callable[..., Picture],
    references: Mapping[str, images.Source],
    network: Network,
    on_step: OnStep | None,
) -> Dream:
    """The painting of a record, made again on a photograph; its notes say what is not as it was recorded.

    Raises:
        RecordError: it cannot be followed.
        StopRequested: raised in `on_step`.
    """
    view, long_side = made.settings.get("view"), made.input.get("long_side")
    if not isinstance(view, int) or view < 1:
        raise RecordError("The record is damaged: it does not say at which size it was painted.")
    document = read(Document, _unpacked(made.settings.get("painting")))
    small = photograph(long_side=view)
    engine = PaintEngine(LookCache(network, small, references, seed=int(made.settings.get("seed", 0))))
    for _ in engine.paint(document, on_step):
        pass
    full = enlarged(photograph(long_side=long_side), long_side, engine)
    called = names(made)
    again = rendered(document, engine, full, lambda _: None, names=called, long_side=long_side)
    return replace(again, notes=again.notes + differences(made, again.record, called=called))


def names(made: Record) -> dict[str, str]:
    """The names of the guides and styles that a painting looks at, by their ids."""
    found = made.settings.get("references", {})
    return {str(id): str(name) for id, name in found.items()} if isinstance(found, dict) else {}


def beside(made: Record, folder: Path) -> dict[str, images.Source]:
    """The guides and styles of a painting, as files of their names in a folder.

    Raises:
        RecordError: one is not there.
    """
    found: dict[str, images.Source] = {}
    for id, name in names(made).items():
        path = record.beside(folder, name)
        if path is None:
            raise RecordError(f"The painting looks at {name!r}, which is no file in {folder}. Put it there.")
        found[id] = path
    return found


def _recorded(
    document: Document, engine: PaintEngine, photograph: Picture, names: Mapping[str, str], long_side: int | None
) -> Record:
    """What a painting's record says."""
    look_cache, network = engine.look_cache, engine.look_cache.network
    height, width = photograph.pixels.shape[-2:]
    looks = {stroke.brush.look for stroke in document.strokes} | ({document.ground.look} if document.ground else set())
    used = [look.reference for look in looks if look.reference]
    hashes = {id: images.load(look_cache.references[id]).sha256 or "" for id in used}
    settings = {
        "seed": look_cache.seed,
        "view": max(look_cache.size),
        "painting": _packed(document.to_dict()),
        "references": {id: names.get(id, id) for id in used},
    }
    return Record(
        recipe=RECIPE,
        settings=settings,
        objective=_told(document),
        network=network.identity,
        input=origin_of(photograph, Opening(long_side=long_side)),
        output={"width": width, "height": height, "depth": photograph.depth},
        versions=record.versions(),
        threads=torch.get_num_threads(),
        pictures=hashes,
    )


def _told(document: Document) -> str:
    """In words.

    >>> _told(Document())
    'the photograph'
    """
    ground = "the photograph" if document.ground is None else document.ground.look.name
    count = len(document.strokes)
    return ground + (f" and {count} stroke{'s' * (count > 1)}" if count else "")


def _packed(data: dict[str, object]) -> dict[str, object]:
    text = json.dumps(data, separators=(",", ":"))
    if len(text) <= PLAIN:
        return json.loads(text)  # type: ignore[no-any-return]  # tuples are lists now, as they will be read
    return {"zlib": base64.b64encode(zlib.compress(text.encode(), 9)).decode()}


def _unpacked(data: object) -> object:
    if not isinstance(data, dict) or "zlib" not in data:
        return data
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(base64.b64decode(data["zlib"], validate=True), UNPACKED)
        return json.loads(text)
    except (ValueError, TypeError, zlib.error) as error:
        raise RecordError(f"The record is damaged: its painting cannot be unpacked ({error}).") from error
