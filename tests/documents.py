"""The documents as the tests see them: pages, their blocks of code, and a folder in which these run."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image

import phosphene
from conftest import photograph
from phosphene.cli import main

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
REASONS = (
    "installs packages",
    "downloads",
    "starts a server",
    "asks a server that runs",
    "opens a window",
    "needs other machines",
    "needs PowerShell",
    "goes on after an accident",
    "takes minutes",
    "changes the repository",
    "writes into a program's folder",
    "belongs into a notebook",
)
SHELLS = ("sh", "zsh", "fish")
RUN = (*SHELLS, "powershell", "python")
SHOWN = ("", "text", "toml", "json")
FENCE = re.compile(
    r"^(?P<indent> *)(?:<!-- not run: (?P<reason>[^>]+?) -->\n+ *)?"
    r"```(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
NAMED = re.compile(r"# ([\w/-]+\.\w+)(?::.*)?$")
SHELL = re.compile(r"[|<>;$`]|&&|^\w+=")


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is, what is in it, and why it is not run."""

    kind: str
    body: str
    reason: str | None

    @property
    def name(self) -> str | None:
        """The file that it is, said in its first line: `# my_net.py`."""
        found = NAMED.match(self.body.split("\n", 1)[0])
        return found[1] if found else None

    @property
    def lines(self) -> list[str]:
        """The commands of a shell's block, without comments; a line that ends in a backslash goes on."""
        whole = self.body.replace("\\\n", " ")
        return [line for line in map(uncommented, whole.splitlines()) if line]


def uncommented(line: str) -> str:
    """A command without what stands behind a #."""
    quote = ""
    for at, letter in enumerate(line):
        if letter in "'\"":
            quote = "" if quote == letter else quote or letter
        elif letter == "#" and not quote and (at == 0 or line[at - 1] == " "):
            return line[:at].strip()
    return line.strip()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = FENCE.finditer(page.read_text("utf-8"))
    return [
        Block(each["kind"], re.sub(f"^{each['indent']}", "", each["body"], flags=re.MULTILINE), each["reason"])
        for each in found
    ]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def inline(page: Path) -> list[str]:
    """Command lines within sentences."""
    return re.findall(r"`(phosphene(?: [^`]+)?)`", prose(page))


def plain(line: str) -> bool:
    """Whether a line is one command of ours, and nothing for a shell to do."""
    unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", line)
    return line.split(" ", 1)[0] == "phosphene" and not SHELL.search(unquoted)


def called(words: list[str]) -> click.Command:
    """The command that a line calls; a picture in its place is a dream."""
    command: click.Command = main
    for word in words:
        if not isinstance(command, click.Group):
            break
        below = command.commands.get(word)
        if below is None:
            return main.commands["dream"] if command is main and words and words[0][:2] != "--" else command
        command = below
    return command


def flags(command: click.Command) -> set[str]:
    """Every flag of a command."""
    options = (param for param in command.get_params(click.Context(command)) if isinstance(param, click.Option))
    return {"--help", "-h", "--debug", *(flag for each in options for flag in (*each.opts, *each.secondary_opts))}


def unknown_flags(line: str) -> set[str]:
    """The flags of a command line that its command does not have."""
    words = shlex.split(uncommented(line))[1:]
    known = flags(called(words)) | flags(main) | {"--version"}
    return {word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)} - known


def furnish(folder: Path) -> None:
    """Lays out the pictures that the documents speak of, from photographs that packages ship, none wider than 96."""
    china, flower, coffee, cat = (_small(name) for name in ("china", "flower", "coffee", "chelsea"))
    for names, image in (
        (("photo.jpg", "city.jpg", "holiday/beach.jpg", "poster.tif", "palace.jpg"), china),
        (("flowers.jpg", "holiday/garden.jpg", "sea.jpg", "a.jpg"), flower),
        (("painting.jpg", "waves.jpg", "night.jpg", "rocks.jpg", "b.jpg"), coffee),
        (("cat.jpg", "my flowers.jpg"), cat),
    ):
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            image.save(folder / name)
    for name, (top, left, bottom, right) in _PARTS.items():
        _mask(china.size, top, left, bottom, right).save(folder / name)
    if importlib.util.find_spec("av"):
        _furnish_films(folder, china)
    phosphene.dream(china, layer="block3", octaves=1, steps=1).save(folder / "friend.png")
    cut = china.convert("RGBA")
    cut.putalpha(_mask(china.size, 0.2, 0.2, 0.8, 0.8))
    cut.save(folder / "cut-out.png")


_PARTS = {
    "mask.png": (0.0, 0.0, 0.5, 1.0), "m.png": (0.0, 0.0, 0.5, 1.0), "sky.png": (0.0, 0.0, 0.4, 1.0),
    "face.png": (0.4, 0.4, 0.7, 0.7), "city-map.png": (0.0, 0.0, 0.5, 1.0), "painting-map.png": (0.0, 0.0, 0.3, 1.0),
}  # fmt: skip


def _furnish_films(folder: Path, photograph: Image.Image) -> None:
    """Lays out the films that the documents speak of, of a second or less."""
    from film_clips import clip

    clip(folder / "party.mp4", 12, sound="aac", rate=12, size=(64, 96))
    moved = [photograph.crop((2 * number, 0, 2 * number + 80, 60)) for number in range(4)]
    moved[0].save(folder / "walk.gif", save_all=True, append_images=moved[1:], duration=80)
    (folder / "frames").mkdir()
    for number, frame in enumerate(moved, 1):
        frame.save(folder / "frames" / f"{number}.png")
    clip(folder / "party-mask.mp4", 6, rate=12, size=(64, 96))


def _small(name: str) -> Image.Image:
    with Image.open(photograph(name)) as found:
        image = found.convert("RGB")
    image.thumbnail((96, 96))
    return image


def _mask(size: tuple[int, int], top: float, left: float, bottom: float, right: float) -> Image.Image:
    width, height = size
    drawn = np.zeros((height, width), np.uint8)
    drawn[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = 255
    return Image.fromarray(drawn)


def pictures(page: Path) -> Iterator[tuple[str, str]]:
    """What a page shows: the words for those who do not see it, and the file."""
    yield from re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", page.read_text("utf-8"))
