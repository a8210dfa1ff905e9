"""Runs that are killed at random moments, and runs whose disk is full at a random byte.

Whatever happens, a picture is there whole or not at all, no temporary file stays behind, and the same command
afterwards gives the picture of an unbroken run, to the last bit.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from .processes import Command, outcome, strays
from .tally import MADE, REFUSED, Options, Tally

PICTURES = {".png", ".jpg", ".tif", ".webp"}
INPUTS = ("photo.png", "style.png", "in")
_BRIEF = ("--threads", "1")

RUNS: Mapping[str, Sequence[str]] = {
    "dream": ("photo.png", "-o", "out.png", "--octaves", "2", "--steps", "6"),
    "jpeg": ("photo.png", "-o", "out.jpg", "--octaves", "2", "--steps", "4"),
    "tiff": ("photo.png", "-o", "out.tif", "--octaves", "1", "--steps", "4"),
    "guide": ("photo.png", "-o", "out.png", "--guide", "style.png", "--octaves", "1", "--steps", "4"),
    "style": ("style", "photo.png", "style.png", "-o", "out.png", "--scales", "1", "--steps", "6"),
    "filter": ("style", "photo.png", "--filter", "woodcut", "-o", "out.webp", "--scales", "1", "--steps", "4"),
    "pattern": ("pattern", "block3:5", "--size", "64x64", "-o", "out.png", "--octaves", "1", "--steps", "16"),
    "folder": ("in", "-o", "made/", "--octaves", "1", "--steps", "3"),
    "atlas": ("atlas", "photo.png", "-o", "made", "--quick", "--channels", "0"),
}
FILMS: Mapping[str, Sequence[str]] = {
    "zoom": ("zoom", "photo.png", "-o", "out.mp4", "--seconds", "0.5", "--fps", "8", "--octaves", "1", "--steps", "2"),
    "film": ("film", "frames", "-o", "out.mp4", "--octaves", "1", "--steps", "2"),
}


def furnish(folder: Path) -> None:
    """Small pictures to work on."""
    random = np.random.default_rng(8)
    for name in ("photo.png", "style.png", "in/a.png", "in/b.jpg", "in/c.png", *(f"frames/{n}.png" for n in range(4))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((96, 72), Image.Resampling.BICUBIC).save(folder / name)
    (folder / "made").mkdir()


def runs(options: Options) -> dict[str, Sequence[str]]:
    """The command lines that are tried."""
    chosen = dict(RUNS) if not options.fast else {name: RUNS[name] for name in ("dream", "style", "folder", "pattern")}
    if find_spec("av") and find_spec("cv2") and not options.fast:
        chosen |= FILMS
    return chosen


def partial_files(folder: Path) -> list[str]:
    """What of a run's files is neither whole nor an input."""
    wrong = [f"a temporary file stayed behind: {name}" for name in strays(folder)]
    for path in sorted(folder.rglob("*")):
        if path.suffix in PICTURES and path.is_file() and not any(".unfinished" in part for part in path.parts):
            try:
                with Image.open(path) as image:
                    image.load()
            except Exception as error:  # whatever a half picture brings about
                wrong.append(f"{path.name} is not whole: {error}")
    return wrong


def digest(folder: Path) -> dict[str, bytes]:
    """The pixels of what was made, by name; of films their bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (path.name.startswith("out.") or path.parent.name == "made"):
            if path.suffix in PICTURES:
                with Image.open(path) as image:
                    found[path.name] = np.asarray(image.convert("RGB")).tobytes()
            elif path.suffix == ".mp4":
                found[path.name] = b"film"  # its bytes hold the time; that frames are equal is tested elsewhere
    return found


def unbroken(options: Options, name: str, words: Sequence[str]) -> tuple[dict[str, bytes], float, str]:
    """What an undisturbed run makes, how long it takes, and what is wrong with it."""
    folder = options.place(f"{name}-whole") / "here"
    folder.mkdir()
    furnish(folder)
    ended = outcome(Command((*words, *_BRIEF), folder))
    wrong = ended.fault or (f"exit code {ended.code}: {ended.said[-500:]}" if ended.code else "")
    return digest(folder), ended.seconds, wrong


def kills(options: Options) -> Tally:
    """SIGKILL at random moments, then the same command again, or `resume`."""
    tally = Tally("kills")
    for name, words in runs(options).items():
        wanted, seconds, wrong = unbroken(options, name, words)
        if wrong:
            tally.fault(wrong, f"{name}-whole")
            continue
        for number in range(options.times(1, 20)):
            chance = options.chance("kills", name, number)
            folder = options.place(f"{name}-{number}") / "here"
            folder.mkdir()
            furnish(folder)
            trial = f"{name}-{number}"
            for _ in range(chance.randint(1, 3)):
                process = Command((*words, *_BRIEF), folder).start()
                time.sleep(chance.uniform(0, seconds * 1.1))
                if process.is_alive() and process.pid:
                    os.kill(process.pid, signal.SIGKILL)
                process.join(20)
            wrongs = partial_files_but_temporary(folder)
            ended = outcome(Command((*words, *_BRIEF), folder))
            there = ended.code == 2 and "exists already" in ended.said  # the last kill came after the end
            wrongs += [ended.fault] if ended.fault else []
            if ended.code and not there:
                wrongs.append(f"exit code {ended.code} where it should go on: {ended.said[-500:]}")
            elif digest(folder) != wanted:
                wrongs.append(f"it made {sorted(digest(folder))}, which are not those of an unbroken run")
            if left := [path.name for path in folder.glob("*.unfinished")]:
                wrongs.append(f"{left} is left though the run is done")
            tally.fault("; ".join(wrongs), trial) if wrongs else tally.count(MADE)
            shutil.rmtree(folder.parent, ignore_errors=True)
    return tally.ended()


def partial_files_but_temporary(folder: Path) -> list[str]:
    """As `partial_files`; a process that was killed cannot take its temporary files away."""
    return [each for each in partial_files(folder) if not each.startswith("a temporary")]


def _no_room(limit: int) -> None:
    """Files end at so many bytes, as if the disk had no more."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def full_disks(options: Options) -> Tally:
    """A disk that is full at a random byte of whichever file reaches it first."""
    tally = Tally("full disks")
    for name, words in runs(options).items():
        whole, _, wrong = unbroken(options, f"{name}-roomy", words)
        if wrong:
            tally.fault(wrong, f"{name}-roomy")
            continue
        for number in range(options.times(2, 25)):
            chance = options.chance("disk", name, number)
            limit = int(4096 * 2 ** chance.uniform(0, 7))
            folder = options.place(f"{name}-{number}-full") / "here"
            folder.mkdir()
            furnish(folder)
            before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
            ended = outcome(Command((*words, *_BRIEF), folder, before=partial(_no_room, limit)))
            wrongs = partial_files(folder)
            wrongs += [ended.fault] if ended.fault else []
            wrongs += [f"{path.name} was changed" for path, data in before.items() if path.read_bytes() != data]
            if ended.code == 0 and digest(folder) != whole:
                wrongs.append(f"exit code 0, and what was made differs: {sorted(digest(folder))}")
            trial = f"{name}-{number} ({limit} bytes)"
            tally.fault("; ".join(wrongs), trial) if wrongs else tally.count(REFUSED if ended.code else MADE)
            shutil.rmtree(folder.parent, ignore_errors=True)
    return tally.ended()


PARTS: Mapping[str, Callable[[Options], Tally]] = {"kills": kills, "disks": full_disks}
