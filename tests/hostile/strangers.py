"""Files from strangers: pictures, journals and paintings that name what is not theirs.

How it is ensured that `info`, `redo`, `resume` and the studio's open run no code, read and write nothing outside of the
picture's folder, and ask no network:

- A record is data. `records.record.Record.from_json` reads JSON, checks the kind of every field and takes the folders
  off absolute paths; `info` does no more than that.
- `run.again` lets a record name files of its picture's folder only: the input, guides, masks, styles, maps, pictures
  within objectives and weights are bare names, of files that lie there wherever links lead. `films.again` follows the
  same rule for films and for flights into a picture.
- Networks: `run.again.recorded_model` takes a name of `networks.SOURCES`, whose weights lie on this computer, or a file
  beside the picture, read by torch's reader of data alone. A program (`FILE.py:NAME`) and a library's network whose
  weights would have to be fetched are refused until the user names them (`networks.refuse_program`).
- Texts of objectives are read by `objectives.language`, which evaluates nothing; names of presets and filters are
  looked up, and a filter's name has no `/` or `.` in it.
- `resume` reads a journal of the folder PICTURE.unfinished, and asks for the run again; `cli.factory` says which words
  of it are taken.
- A painting's file is a zip of which only the members `sessions.store.PARTS` are read, under names of the studio's
  own; its references are files of sixteen hexadecimal digits in that folder.

Each case below is given to a process with an audit hook, which reports whatever is opened outside of the picture's
folder, Python's own places and an empty home, every connection, every process, and all code that is compiled or run
from among the stranger's files; beside it, inotify watches the secrets, in case a C library opens one.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path

from . import texts
from .processes import Act, Command, facts, outcome
from .tally import MADE, REFUSED, Options, Tally
from .watching import Secrets, Watch

PART = "strangers"
CANARY = "canary.txt"
PATIENCE = 25.0  # seconds; then Ctrl-C

SECRET = "../secret/picture.png"
VALUES = (
    *(SECRET, "{base}/secret/picture.png", "./../secret/picture.png", "linked/picture.png", "link.png", "chain.png"),
    *("sub/../../secret/picture.png", "..", ".", "", "/", "~/picture.png", "file://{base}/secret/picture.png"),
    *("http://127.0.0.1:9/x.png", "https://localhost:9/x.png", "//127.0.0.1/x.png", r"\\127.0.0.1\x.png", "pipe.png"),
    *("evil.py", "evil.py:net", "../secret/evil.py:net", "{base}/secret/evil.py:net", "timm:resnet18"),
    *("torchvision:resnet18", "timm:hf-hub:someone/evil", "evil.pth", "../secret/weights.pth", "weights.caffemodel"),
    *(
        "a\0b.png",
        "x" * 5000,
        "%2e%2e/secret/picture.png",
        "/dev/zero",
        "/dev/stdin",
        "/proc/self/environ",
        "-",
        "*.png",
    ),
    *("../elsewhere/mine.png", "mine.png", "COM1", "picture.png:stream", "\ud800.png", "../secret/*"),
)
PLACES = (
    *("input.name", "input.canvas", "network.name", "network.file", "settings.model", "settings.weights"),
    *("settings.guide[]", "settings.mask", "settings.region[]=", "settings.objective'", "settings.layer", "objective"),
    *("settings.preset", "settings.recipe", "settings.config", "recipe", "settings.device", "settings.memory"),
)
STYLE_PLACES = ("settings.style[]", "settings.filter", "settings.mask", "settings.regions[][]", "settings.initial",
                "settings.then_dream", "settings.style[]:")  # fmt: skip
NUMBERS = (10**6, 10**12, 2**63 - 1, 2**63, 10**30, -1, 1e308, 100_000)
COUNTED = ("settings.steps", "settings.octaves", "settings.jitter", "settings.tile", "settings.seed", "settings.top",
           "settings.feather", "settings.octave_scale", "settings.strength", "input.width", "input.height", "threads",
           "input.long_side", "output.width", "schema", "settings.overlap", "settings.memory")  # fmt: skip
PACKAGES = ["phosphene", "torch", "numpy", "PIL", "timm", "torchvision", "json", "click", "sitecustomize"]


@dataclass(frozen=True)
class Case:
    """Something from a stranger, and what the user does with it."""

    title: str
    words: Sequence[str]  # of the command line; with `open`, the painting's file that the studio opens
    record: Mapping[str, object] | None = None  # in dream.png, or in dream.gif if the words name that
    journal: object = None  # in dream.png.unfinished/run.json
    files: Mapping[str, bytes] = field(default_factory=dict)  # beside it


def _placed(place: str, value: object) -> dict[str, object]:
    """The true record with a value in a place; brackets put it in lists, and the last letters say how it is written."""
    recipe = "style" if place in STYLE_PLACES else "dream"
    record = copy.deepcopy(texts.true_record())
    if recipe == "style":
        known = {"style": ["guide.png"], "steps": 1, "scales": 1, "semantics": 0.0, "device": "cpu"}
        record |= {"recipe": "style", "settings": known, "objective": "match"}
    *path, last = place.split(".")
    name, lists, ends = last.rstrip("[]='\":"), last.count("[]"), last[-1]
    if isinstance(value, str):
        value = {"=": f"{value}=block3", "'": f"guide(block3, '{value}')", ":": f"{value}:2"}.get(ends, value)
    for _ in range(lists):
        value = [value]
    target = record
    for each in path:
        target = target[each]  # type: ignore[assignment]
    target[name] = value
    if "objective" in target:
        target["layer"] = None
    return record


FILMS = util.find_spec("av") is not None and util.find_spec("cv2") is not None


def cases(base: Path) -> list[Case]:
    """All of them, for a folder that holds the stranger's and the secrets."""
    found = [Case("info", ("info", "dream.png"), _placed("input.name", SECRET))]
    for value in VALUES:
        said = value.replace("{base}", str(base))
        for place in (*PLACES, *STYLE_PLACES):
            record = _placed(place, said)
            found.append(Case(f"redo {place} = {value[:40]!r}", ("redo", "dream.png", "-o", "new.png"), record))
            if place.startswith(("input", "network")):
                found.append(Case(f"info {place} = {value[:40]!r}", ("info", "dream.png"), record))
        found += [_painting_case(value, said), _session_case(value, said)]
        found += _film_cases(value, said) if FILMS else []
    for number in NUMBERS:
        for place in COUNTED:
            record = _placed(place, number)
            found.append(Case(f"redo {place} = {number:g}", ("redo", "dream.png", "-o", "new.png"), record))
    found += [Case(f"resume {json.dumps(each)[:70]}", ("resume", "dream.png"), journal=each) for each in journals(base)]
    return found


def _painting_case(value: str, said: str) -> Case:
    """The record of a painting whose style is something else."""
    event = {"kind": "style", "reference": texts.ID, "strength": 1.0}
    settings = {"seed": 0, "view": 40, "painting": {"ground": event, "strokes": []}, "references": {texts.ID: said}}
    record = {**texts.true_record(), "recipe": "painting", "settings": settings, "objective": "a painting"}
    return Case(f"redo painting of {value[:40]!r}", ("redo", "dream.png", "-o", "new.png"), record)


def _film_cases(value: str, said: str) -> Iterator[Case]:
    """Films, and flights into a picture, that name something else."""
    for recipe, of in (("film", "film.gif"), ("zoom", "photo.png")):
        for place in ("input.name", "settings.guide[]", "settings.region[]=", "settings.model"):
            record = _placed(place, said)
            settings, input_ = dict(record["settings"]), dict(record["input"])  # type: ignore[call-overload]
            settings |= {"technique": "dream"} if recipe == "film" else {"seconds": 0.2, "fps": 10.0}
            if place != "input.name":
                input_ |= {"name": of}
            record |= {"recipe": recipe, "settings": settings, "input": input_}
            yield Case(f"redo {recipe} {place} = {value[:40]!r}", ("redo", "dream.gif", "-o", "new.gif"), record)


def _session_case(value: str, said: str) -> Case:
    """A painting's file with members and references of strange names."""
    told = {**texts.true_facts(), "name": said, "references": {said: {"name": said, "width": 1, "height": 1}}}
    safe = said.encode("utf-8", "replace").decode()
    data = texts.session_file(told, {safe or "x": b"x", f"references/{safe}": b"x", f"../{safe}": b"x"})
    return Case(f"open a painting with {value[:40]!r}", ("open", "a.phosphene"), files={"a.phosphene": data})


def journals(base: Path) -> Iterator[object]:
    """Journals of runs that nobody began here."""
    fine = ["photo.png", "-o", "dream.png", "--layer", "block3", "--octaves", "1", "--steps", "1"]
    lines: list[Sequence[object]] = [
        *(["studio", "--no-open"], ["networks", "get", "googlenet"], ["networks", "get", "googlenet", "--force"]),
        *(
            ["resume", "dream.png"],
            ["redo", "dream.png"],
            ["info", SECRET],
            ["--help"],
            [],
            [1, {}, None],
            ["x"] * 10_000,
        ),
        *([SECRET, *fine[1:]], [str(base / "secret" / "picture.png"), *fine[1:]], ["link.png", *fine[1:]]),
        *(["photo.png", "-o", "../secret/new.png", *fine[3:]], ["photo.png", "-o", "../elsewhere/", *fine[3:]]),
        *([*fine, "--preview", "../secret/new.png"], [*fine, "--config", "../secret/settings.toml"]),
        *([*fine, "--guide", SECRET], [*fine, f"--guide={SECRET}"], [*fine, "--mask", SECRET]),
        *([*fine, "--objective", f"guide(block3, '{SECRET}')"], [*fine, "--region", f"{SECRET}=block3"]),
        *([*fine, "--scheduler", "tcp://127.0.0.1:9"], [*fine, "--workers", "2"], ["../secret", "-o", "../elsewhere"]),
        *([*fine, "--model", "evil.py:net"], [*fine, "--model=evil.py:net"], [*fine, "--model", "timm:resnet18"]),
        *([*fine, "--model", "torchvision:resnet18"], [*fine, "--weights", "../secret/weights.pth"]),
        *(["style", "photo.png", SECRET, "-o", "dream.png"], ["film", SECRET, "-o", "dream.png"], ["atlas", SECRET]),
        *(["match", SECRET, "photo.png"], ["study", SECRET], ["pattern", "block3", "-o", "../secret/new.png"]),
        *(["filters", "add", "x", SECRET], ["filters", "remove", "x"], ["-", *fine[1:]], ["--debug", *fine]),
    ]
    for folder in (base / "stranger", base / "secret", base / "elsewhere"):
        for line in lines if folder.name == "stranger" else lines[:14]:
            yield {"about": {}, "command": {"arguments": line, "folder": str(folder)}, "state": {}}
    for folder in (".", "", "..", "/", "\0", "~", 7, None):
        yield {"about": {}, "command": {"arguments": [SECRET, *fine[1:]], "folder": folder}, "state": {}}
    for state in (
        {"octave": "../../../secret/x", "step": 1, "size": [28, 40], "checksum": 0},
        {"octave": 0},
        {"step": 1},
    ):
        yield {"about": {}, "command": {"arguments": fine, "folder": str(base / "stranger")}, "state": state}


# What lies where


def furnish(base: Path) -> None:
    """Lays out the stranger's folder, the secrets beside it, and where the user is."""
    from . import pictures, weights

    picture, files = pictures.whole()["png0.png"], weights.whole()
    stranger, secret = base / "stranger", base / "secret"
    for folder in (stranger, secret, base / "elsewhere", stranger / "sub"):
        folder.mkdir(parents=True)
    program = (
        f"open({str(base / CANARY)!r}, 'w').close()\nimport torch\n\ndef net():\n    return torch.nn.Conv2d(3, 4, 3)\n"
    )
    for folder in (stranger, secret):
        (folder / "evil.py").write_text(program)
        (folder / "weights.pth").write_bytes(files["own.pth"])
        (folder / "settings.toml").write_text("steps = 1\n")
    for name in ("photo.png", "guide.png"):
        (stranger / name).write_bytes(picture)
    (stranger / "film.gif").write_bytes(_film(b""))
    for name in PACKAGES:
        (stranger / f"{name}.py").write_text(program)
    (stranger / "evil.pth").write_bytes(files["exec.pth"])
    (stranger / "weights.caffemodel").write_bytes(files["small.caffemodel"])
    (secret / "picture.png").write_bytes(picture)
    (base / "elsewhere" / "mine.png").write_bytes(picture)
    (stranger / "link.png").symlink_to(secret / "picture.png")
    (stranger / "chain.png").symlink_to("link.png")
    (stranger / "linked").symlink_to(secret)
    os.mkfifo(stranger / "pipe.png")


def _with_record(record: Mapping[str, object]) -> bytes:
    """A picture that carries a record."""
    import torch

    from phosphene import images

    text = json.dumps(record)
    return images.encode(torch.zeros(1, 3, 28, 40), "png", metadata={"parameters": "words", "phosphene": text})[0]


def _film(comment: bytes) -> bytes:
    """An animation of two frames, with what a film's record lies in."""
    from PIL import Image

    file, frames = io.BytesIO(), [Image.new("RGB", (40, 28), colour) for colour in ("teal", "orange")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=100, comment=comment)
    return file.getvalue()


def opens(arguments: Sequence[str]) -> None:
    """The studio opens a painting's file, and shows it."""
    from phosphene.cli import main
    from phosphene.errors import PhospheneError
    from phosphene.sessions.service import Studio

    if arguments[0] != "open":
        main(list(arguments))
    studio = Studio(Path(os.environ["HOME"]) / "studio")
    try:
        session = studio.unpack(Path(arguments[1]).read_bytes(), arguments[1])
        session.state()
        session.view()
        session.pack()
    except PhospheneError as error:
        print(error)
        raise SystemExit(2) from error
    finally:
        studio.close()


# The trials


def attempt(case: Case, base: Path, act: Act, secrets: Secrets) -> str:
    """Tries a case; how it ended, or what is wrong."""
    stranger, report, home = base / "stranger", base / "report.txt", base / "home"
    shutil.rmtree(home, ignore_errors=True)
    report.unlink(missing_ok=True)
    if case.record is not None and "dream.gif" in case.words:
        (stranger / "dream.gif").write_bytes(_film(json.dumps({"phosphene": json.dumps(case.record)}).encode()))
    elif case.record is not None:
        (stranger / "dream.png").write_bytes(_with_record(case.record))
    if case.journal is not None:
        (stranger / "dream.png.unfinished").mkdir(exist_ok=True)
        (stranger / "dream.png.unfinished" / "run.json").write_text(json.dumps(case.journal))
    for name, data in case.files.items():
        (stranger / name).write_bytes(data)
    before = _state(stranger)
    secrets.opened()
    words = [f"{stranger}/{word}" if word.endswith((".png", ".gif", ".phosphene")) else word for word in case.words]
    watch = Watch(report, (str(stranger), str(home)))
    ended = outcome(Command(words, base / "elsewhere", act, before=watch), PATIENCE)
    wrong = [f"{each['event']}: {each['what']}" for each in facts(report)]
    wrong += [f"opened {each}" for each in secrets.opened()]
    wrong += ["the stranger's code ran"] if (base / CANARY).exists() else []
    wrong += [ended.fault] if ended.fault else []
    changed = [
        name
        for name, told in before.items()
        if name not in ("dream.png", "dream.gif") and _state(stranger).get(name) != told
    ]
    wrong += [f"changed {name}" for name in changed if not name.startswith("dream.png.unfinished")]
    _tidy(base, before)
    return "; ".join(dict.fromkeys(wrong)) or (REFUSED if ended.code else MADE)


def _state(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def _tidy(base: Path, before: Mapping[str, int]) -> None:
    """The folders as they were laid out."""
    (base / CANARY).unlink(missing_ok=True)
    stranger = base / "stranger"
    for name in _state(stranger).keys() - before.keys() | {"dream.png", "dream.gif", "a.phosphene"}:
        path = stranger / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.rmtree(stranger / "dream.png.unfinished", ignore_errors=True)
    for name in ("secret/new.png", "elsewhere/dream.png", "elsewhere/picture-dream.png"):
        (base / name).unlink(missing_ok=True)


def run(options: Options, act: Act = opens, count: int | None = None) -> Tally:
    """Tries all cases, or some of them."""
    tally, base = Tally(PART), options.place("strangers")
    furnish(base)
    chosen = cases(base)
    random.Random(options.seed).shuffle(chosen)
    chosen = chosen[: options.times(20, len(chosen)) if count is None else count]
    secrets = Secrets(base / "secret", base / "elsewhere")
    if not secrets.works:
        tally.notes.append("no inotify here: what C libraries open is not seen")
    for number, case in enumerate(chosen):
        ended = attempt(case, base, act, secrets)
        if ended in (MADE, REFUSED):
            tally.count(ended)
        else:
            told = json.dumps({"words": case.words, "record": case.record, "journal": case.journal}).encode()
            tally.fault(f"{case.title}: {ended}", str(number), data=told, name="case.json", kept=options.kept)
    secrets.close()
    return tally.ended()
