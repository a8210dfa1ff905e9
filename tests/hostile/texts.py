"""Texts made by the rules of their grammars, and broken now and then: objectives, settings, records, paintings.

What is read must be something or be refused in words. An objective that is read also prints itself so that it is read
again, and a record that is read is written and read again.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from . import mutations
from .mutations import changed_value
from .tally import Options, Tally
from .workers import Attack, hunt

PART = "texts"

# What is tried


def read(name: str, data: bytes) -> None:
    """Reads a text of the kind that its name begins with."""
    READERS[name.partition("-")[2].partition(".")[0]](data)


def _objective(data: bytes) -> None:
    from phosphene import objectives

    found = objectives.read(data.decode("utf-8", "surrogateescape"))
    again = objectives.read(str(found))
    assert str(again) == str(found), (str(found), str(again))


def _settings(data: bytes) -> None:
    from phosphene.cli import configuration
    from phosphene.techniques import TECHNIQUES

    path = Path("settings.toml")
    path.write_bytes(data)
    try:
        for technique in TECHNIQUES.values():
            configuration.read(technique, str(path))
    finally:
        path.unlink()


def _record(data: bytes) -> None:
    from phosphene.records.record import Record

    found = Record.from_json(data.decode("utf-8", "surrogatepass"))
    assert Record.from_json(found.to_json()) == found
    found.line()


def _painting(data: bytes) -> None:
    from phosphene.painting.document import Document
    from phosphene.painting.history import History, read

    value = json.loads(data)
    kind = History if isinstance(value, dict) and "events" in value else Document
    found = read(kind, value)
    assert read(kind, json.loads(json.dumps(found.to_dict()))) == found


def _session(data: bytes) -> None:
    studio = _studio()
    before = set(studio.store.root.iterdir())
    try:
        session = studio.unpack(data, "a.phosphene")
        session.state()
        session.view()
        session.thumbnail()
        session.command()
        for each in session.references.told():
            session.reference(each["id"])
        studio.list()
        studio.forget(session.id)
    finally:
        for path in set(studio.store.root.iterdir()) - before:
            shutil.rmtree(path)
    assert set(studio.store.root.iterdir()) == before


@cache
def _studio():  # type: ignore[no-untyped-def]
    import tempfile

    from conftest import tiny
    from phosphene.sessions import service

    service.networks.load = lambda *_, **__: tiny()
    folder = tempfile.mkdtemp(dir=Path.cwd().parent)
    return service.Studio(Path(folder))


def _journal(data: bytes) -> None:
    import torch

    from conftest import tiny
    from phosphene import run
    from phosphene.records import journal

    folder = Path("a.png.unfinished")
    folder.mkdir()
    try:
        (folder / "run.json").write_bytes(data)
        for octave, step in ((0, 1), (0, 2), (1, 1)):
            (folder / f"octave{octave}-step{step}.raw").write_bytes(bytes(20 * 24 * 3 * 4))
        found = journal.read(folder)
        assert found is not None
        keep = run.CheckpointOptions(folder)
        keep.begun("octave")
        opened = keep.journal(found.get("about", {}))
        from phosphene.run.checkpoint import Checkpoint

        Checkpoint(opened).reached(tiny().dtype)
        assert torch.get_num_threads()
    finally:
        shutil.rmtree(folder)


READERS: dict[str, Callable[[bytes], None]] = {
    "objective": _objective,
    "settings": _settings,
    "record": _record,
    "painting": _painting,
    "session": _session,
    "journal": _journal,
}

# What is made


def _of_grammar(chance: random.Random, depth: int = 0) -> str:
    """A sum of the language of objectives, most often a right one."""
    return chance.choice(("+", "-", " + ", " - ", "--", "+ +")).join(
        _product(chance, depth) for _ in range(chance.choice((1, 1, 2, 3)))
    )


def _product(chance: random.Random, depth: int) -> str:
    factors = [_factor(chance, depth)] + [_number(chance) for _ in range(chance.choice((0, 0, 1, 2)))]
    chance.shuffle(factors)
    return chance.choice(("*", " * ", "/", "")).join(factors)


def _factor(chance: random.Random, depth: int) -> str:
    if depth < 60 and chance.random() < (0.25 if depth < 5 else 0.02):
        return f"({_of_grammar(chance, depth + 1)})"
    layer, whole = (
        chance.choice(("block8", "block10", "stem", "x", "a/b:c", "é")),
        chance.choice(("37", "0", "-1", "9" * 500)),
    )
    picture = chance.choice(("cat.jpg", "'my cat.jpg'", '"../x.png"', r"'C:\a b\'", "clouds", "'"))
    calls = (
        *(layer, f"{layer}:{whole}", f"layer({layer})", f"sum('{layer}')", f"channel({layer}, {whole})"),
        *(f"neuron({layer}, {whole}, {_number(chance)}, {_number(chance)})", f"class({whole})", "class('tabby')"),
        *(f"direction({layer}, {picture})", f"direction({layer}, [{_number(chance)}, {_number(chance)}])"),
        *(f"guide({layer}, {picture}, match=cosine, scales=[1, {_number(chance)}])", "tv()", "l2()", "blur()"),
        f"{chance.choice(('tv', 'exec', '__import__', 'open'))}({_number(chance)}, {layer}={whole})",
    )
    return chance.choice(calls)


def _number(chance: random.Random) -> str:
    strange = ("0", "1e400", "-1e-400", "1_0", ".5", "5.", "nan", "inf", "0x10", "1e5", "--2", "٣", "9" * 300)
    return chance.choice(strange) if chance.random() < 0.25 else f"{chance.uniform(-3, 3):.3g}"


def _broken(text: str, chance: random.Random) -> str:
    """A text with a letter more, less or another, perhaps."""
    for _ in range(chance.choice((0, 0, 1, 2, 5))):
        at = chance.randrange(len(text) + 1)
        letter = chance.choice(
            ("(", ")", ",", "'", '"', "\\", "[", "]", "*", "\0", "\n", " ", "𝟙", "\ud83d", "é", "=", "#")
        )
        text = text[:at] + chance.choice(("", letter)) + text[at + chance.choice((0, 1)) :]
    return text


def _make_objective(chance: random.Random) -> bytes:
    if chance.random() < 0.02:
        return ("(" * chance.choice((49, 50, 51, 40_000)) + "block8" + ")" * 50).encode()
    return _broken(_of_grammar(chance), chance).encode("utf-8", "surrogatepass")


def _make_settings(chance: random.Random) -> bytes:
    from phosphene.recipes.fields import described
    from phosphene.techniques import TECHNIQUES

    values = (
        *("1", "0", "-1", "true", "'x'", "'block8'", "[1, 2]", "['a']", "1e400", "nan", "inf", "-0.0", "{a=1}", "''"),
        *("9223372036854775808", "1979-05-27", "'" + "a" * 3000 + "'", "'net.py:f'", "'/etc/passwd'", "2", "0.5"),
    )
    technique = chance.choice(list(TECHNIQUES.values()))
    names = [*described(technique.settings), *technique.looks, "nothing", "'a b'", "dream.steps"]
    lines = [f"{chance.choice(names)} = {chance.choice(values)}" for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.4:
        lines.insert(chance.randrange(len(lines) + 1), f"[{chance.choice((*TECHNIQUES, 'films', '[x]', ''))}]")
    return _broken("\n".join(lines), chance).encode("utf-8", "surrogatepass")


@cache
def true_record() -> dict[str, object]:
    """A record as the program writes it."""
    from phosphene.recipes.settings import DreamSettings
    from phosphene.records import record

    made = record.Record(
        recipe="dream",
        settings={**DreamSettings(layer="block3", octaves=1, steps=1).to_dict(), "device": "cpu"},
        objective="layer(block3)",
        network={"name": "efficientnet-lite0", "file": "efficientnet-lite0-57934424.pth", "sha256": "0" * 64},
        input={"name": "photo.png", "sha256": "0" * 64, "width": 40, "height": 28},
        output={"width": 40, "height": 28, "depth": 8},
        versions=record.versions(),
        threads=1,
        pictures={"guide.png": "0" * 64},
    )
    return json.loads(made.to_json())  # type: ignore[no-any-return]


def _make_record(chance: random.Random) -> bytes:
    value: object = true_record()
    for _ in range(chance.randint(1, 3)):
        value = changed_value(value, chance)
    return _as_json(value, chance)


def _as_json(value: object, chance: random.Random) -> bytes:
    text = json.dumps(value)
    if chance.random() < 0.1:
        return mutations.mutated(text.encode(), chance).decode("utf-8", "replace").encode()
    return text.encode()


HISTORY: dict[str, object] = {
    "done": 2,
    "events": [
        {"kind": "dream", "preset": "carnival", "strength": 1.0, "until": [1, 2]},
        {"brush": {"size": 40.0, "look": {"kind": "dream", "layer": "middle", "channel": 3}, "softness": 0.5},
         "touches": [[[10.0, 12.0, 0.5], [14.5, 9.0, 1.0]], [[3.0, 4.0, 1.0]]]},
        None,
        {"kind": "style", "filter": "woodcut", "strength": 0.5},
    ],
}  # fmt: skip


def _make_painting(chance: random.Random) -> bytes:
    value: object = HISTORY
    if chance.random() < 0.4:
        events = HISTORY["events"]
        assert isinstance(events, list)
        value = {"ground": events[0], "strokes": [events[1]]}
    for _ in range(chance.randint(1, 3)):
        value = changed_value(value, chance)
    return json.dumps(value).encode()


@cache
def _photo() -> bytes:
    from . import pictures

    return pictures.whole()["png0.png"]


ID = "0123456789abcdef"


def session_file(facts: object, more: dict[str, bytes] | None = None) -> bytes:
    """A painting's file as the studio packs it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        parts = {"picture": _photo(), "sitting.json": json.dumps(facts).encode(), f"references/{ID}": _photo()}
        for name, data in {**parts, **(more or {})}.items():
            packed.writestr(name, data)
    return file.getvalue()


def true_facts() -> dict[str, object]:
    """What a painting's file says of it."""
    references = {ID: {"name": "guide.png", "width": 40, "height": 28}}
    told = {"name": "photo.png", "height": 28, "width": 40, "notes": ["words"], "references": references}
    return {"schema": 1, "changed": "2026-01-01T00:00:00.000+00:00", **told, "history": HISTORY}


def _make_session(chance: random.Random) -> bytes:
    facts: object = true_facts()
    for _ in range(chance.randint(0, 3)):
        facts = changed_value(facts, chance)
    more = {}
    if chance.random() < 0.3:
        name = chance.choice(
            ("../out", "/tmp/out", "references/../../out", "references/" + ID + "/x", "pixels.npy", "picture")
        )
        more[name] = chance.choice((b"", b"x" * 100, b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'shape': (1,)}"))
    data = session_file(facts, more)
    return mutations.mutated(data, chance) if chance.random() < 0.3 else data


def _make_journal(chance: random.Random) -> bytes:
    state = {"octave": 0, "step": 1, "size": [20, 24], "checksum": 3519066137, "passes": {}, "current": 0}
    command = {"arguments": ["photo.png", "-o", "a.png"], "folder": "."}
    value: object = {"about": {"recipe": "dream"}, "command": command, "state": state}
    for _ in range(chance.randint(0, 3)):
        value = changed_value(value, chance)
    return _as_json(value, chance)


MAKERS: dict[str, tuple[Callable[[random.Random], bytes], str, int]] = {
    "objective": (_make_objective, ".txt", 8),
    "settings": (_make_settings, ".toml", 4),
    "record": (_make_record, ".json", 4),
    "painting": (_make_painting, ".json", 4),
    "session": (_make_session, ".phosphene", 2),
    "journal": (_make_journal, ".json", 2),
}
"""How each kind is made, its suffix, and how often it is tried."""


def run(options: Options, attack: Attack = read, count: int | None = None) -> Tally:
    """Tries texts of every kind."""
    tally = Tally(PART)
    kinds = [kind for kind, (_, _, often) in MAKERS.items() for _ in range(often)]
    count = options.times(3500, 20_000) if count is None else count

    def make(number: int) -> tuple[str, bytes]:
        kind = kinds[number % len(kinds)]
        maker, suffix, _ = MAKERS[kind]
        return f"{number}-{kind}{suffix}", maker(options.chance(PART, number))

    hunt(tally, attack, make, count, options)
    return tally.ended()
