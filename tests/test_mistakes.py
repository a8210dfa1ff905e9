"""What people get wrong, and what they are told: a line or three, the right exit code, and no file left or changed."""

import dataclasses
import errno
import io
import os
import re
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from conftest import tiny
from phosphene import errors
from phosphene.cli import configuration, front, main
from phosphene.errors import ImageError, SettingsError, StopRequested, WeightsError, translate
from phosphene.images import sources
from phosphene.networks import registry

QUICK = ("--octaves", "1", "--steps", "1")


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A command line, the exit code it deserves, and what its message must say."""

    line: str
    code: int
    says: tuple[str, ...]
    before: Callable[[pytest.MonkeyPatch, Path], None] | None = None
    prelude: str = ""  # Python that runs first, in a process of its own
    stdout: str | None = None


def mistake(line: str, code: int, *says: str, **more: object) -> Mistake:
    return Mistake(line, code, says, **more)


def damaged_download(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PHOSPHENE_MODELS", str(folder / "damaged"))


def no_connection(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = dataclasses.replace(registry.SOURCES["googlenet"], address=f"http://127.0.0.1:{port}/weights")
    monkeypatch.setitem(registry.SOURCES, "googlenet", source)


def every_port_is_taken(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def fail(*_, **__):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    monkeypatch.setattr(socket, "create_server", fail)


def no_number(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The network answers with NaN, as it would for pixels that have left all bounds."""
    network = registry.load()

    def iter_layers(pixels, wanted=()):
        for name, activations in network.iter_layers(pixels, wanted):
            yield name, activations * float("nan")

    broken = dataclasses.replace(network, iter_layers=iter_layers)
    monkeypatch.setattr("phosphene.networks.load_for", lambda _: broken)


def own_file(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(configuration, "user_file", lambda: folder / "unknown.toml")


def bug(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def fail(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("phosphene.run.Prepared.make", fail)


def no_memory(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("phosphene.recipes.dream.dream", fail)


def looped_link(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "loop.png").symlink_to("loop.png")


def piped_nonsense(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"no picture")))


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)


def foreign_network(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("phosphene.networks.load_for", lambda _: tiny())


LONG = "x" * 300
LITTLE_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"

MISTAKES = [
    # One's own taste
    mistake("photo.png --guide nowhere.png", 2, "no picture 'nowhere.png'"),
    mistake("photo.png --guide bad.toml", 2, "bad.toml is not a picture"),
    mistake("photo.png --guide photo.png --layer blok8", 2, "Did you mean 'block8'?"),
    mistake("photo.png --guide photo.png --match cos", 2, "--match", "cosine"),
    mistake("photo.png --guide photo.png --guide-scales big", 2, "--guide-scales", "1,0.5"),
    mistake("photo.png --guide photo.png --guide-scales 9", 2, "0.05 to 4"),
    mistake("photo.png --guide photo.png --top 0", 2, "--top", "1"),
    mistake("photo.png --layer best", 2, "--guide"),
    mistake("photo.png --objective layr(block8)", 2, "character 1", "'layer'"),
    mistake("photo.png --objective layer(blok8)", 2, "Did you mean 'block8'?"),
    mistake("photo.png --objective channel(block8,9999)", 2, "9999"),
    mistake("photo.png --objective class('tabbi')", 2, "Unknown class", "Did you mean"),
    mistake("photo.png --objective class(1000)", 2, "0 to 999"),
    mistake("photo.png --objective 0*block8", 2, "character"),
    mistake("photo.png --objective block8 --layer block3", 2, "leave out --layer"),
    mistake("photo.png --objective guide(block8,nowhere.png)", 2, "nowhere.png"),
    mistake("photo.png --objective __import__('os').getcwd()", 2, "character"),
    mistake("photo.png --mask nowhere.png", 2, "no picture 'nowhere.png'"),
    mistake("photo.png --mask alpha", 2, "no transparency"),
    mistake("photo.png --feather -3", 2, "--feather"),
    mistake("photo.png --region photo.png", 2, "--region", "@"),
    mistake("photo.png --region photo.png=layer(", 2, "character"),
    mistake("photo.png --region nowhere.png=block8", 2, "nowhere.png"),
    mistake("match photo.png", 2, "GUIDE"),
    mistake("match photo.png nowhere.png", 2, "nowhere.png"),
    mistake("match photo.png photo.png --by cos", 2, "cosine"),
    mistake("pattern", 2, "block8:37"),
    mistake("pattern blok8:3", 2, "Did you mean 'block8'?"),
    mistake("pattern block8:9999", 2, "9999"),
    mistake("pattern block8 --channels 5-3", 2, "--channels"),
    mistake("pattern block8:3 --size big", 2, "--size"),
    mistake("atlas nowhere.png", 2, "nowhere.png"),
    mistake("study photo.png", 2, "--vary jitter=0,32", "phosphene dream --help"),
    mistake("study nowhere.png --vary jitter=0,32", 2, "nowhere.png"),
    mistake("study photo.png --vary jiter=0,32", 2, "Did you mean 'jitter'?", "phosphene dream --help"),
    mistake("study photo.png --vary jitter", 2, "jitter=0,32"),
    mistake("study photo.png --vary jitter=0 --vary jitter=32", 2, "jitter", "twice"),
    mistake("study photo.png --vary jitter=-3", 2, "--jitter is -3", "from 0 to"),
    mistake("study photo.png --vary steps=some,3", 2, "--steps is 'some'", "whole number"),
    mistake("study photo.png --vary normalise=mean,lap", 2, "--normalise is 'lap'", "laplacian"),
    mistake("study photo.png --vary layer=block8,blok8", 2, "Did you mean 'block8'?"),
    mistake("study photo.png --vary preset=beast", 2, "Did you mean 'beasts'?"),
    mistake("study photo.png --vary model=googlenet", 3, "phosphene networks get googlenet"),
    mistake("study photo.png --vary guide=nowhere.png", 2, "no picture 'nowhere.png'"),
    mistake("study photo.png --of dreams --vary steps=1", 2, "Did you mean 'dream'?"),
    mistake("study photo.png --of style --vary steps=1", 2, "--filter"),
    mistake("study photo.png --of style --vary jitter=1", 2, "style has no setting", "phosphene style --help"),
    mistake("study photo.png --of style --jitter 3 --vary steps=1", 2, "--jitter is for a study of dream"),
    mistake("study block8 --of pattern --vary steps=1", 2, "block8:37"),
    mistake("study photo.png --vary steps=1 -o nothing-in-it/x/y", 2, "no folder", "mkdir"),
    mistake("study photo.png --vary steps=1 -o other.png", 2, "other.png is a file"),
    mistake("study photo.png other.png --vary steps=1", 2, "other.png"),
    mistake("study - --vary steps=1", 2, "phosphene study takes a file"),
    mistake("study photo.png --vary steps=1 --workers 2 --scheduler tcp://127.0.0.1:1", 2, "Give one"),
    mistake("photo.png --model nowhere.py:net", 2, "nowhere.py"),
    mistake("photo.png --model timm:resnet18", 3, "pip install"),
    mistake("studio --folder nowhere", 2, "--folder nowhere", "no folder"),
    mistake("studio --port 99999", 2, "--port", "65535"),
    mistake("studio --host 192.0.2.1", 2, "192.0.2.1", "no address of this computer"),
    mistake("studio --host no.such.host.invalid", 2, "no.such.host.invalid", "no address of this computer"),
    mistake("studio --port 9 --host localhost", 2, "--port 9", before=every_port_is_taken),
    # What is read
    mistake("", 0),
    mistake("dream", 2, "Name a picture", "clouds"),
    mistake("photto.png", 2, "'photto.png'", "Did you mean 'photo.png'?"),
    mistake("nowhere/photo.png", 2, "nowhere", "no folder"),
    mistake("dream cluods", 2, "'cluods'", "Did you mean 'clouds'?"),
    mistake("empty.jpg", 2, "empty.jpg", "0 bytes"),
    mistake("cut.jpg", 2, "cut.jpg", "damaged"),
    mistake("text.png", 2, "text.png", "not a picture", "JPEG"),
    mistake("page.jpg", 2, "page.jpg", "web page"),
    mistake("folder.png", 2, "folder.png", "is a folder"),
    mistake("bomb.png", 2, "bomb.png", "60000", "--max-pixels"),
    mistake("photo.png --max-pixels 100", 2, "photo.png", "--max-pixels"),
    mistake("nothing-in-it", 2, "nothing-in-it", "no picture"),
    mistake(LONG, 2, "xxx", "too long", "shorter"),
    mistake(f"{LONG}.png", 2, "xxx", "too long", "shorter"),
    mistake(f"dream {LONG}.png", 2, "xxx", "too long", "shorter"),
    mistake("loop.png", 2, "loop.png", "leads back to itself", before=looped_link),
    mistake("*.gif", 2, "*.gif", "No picture matches"),
    # Words
    mistake("laysers", 2, "'laysers'", "Did you mean 'layers'?"),
    mistake("frobnicate", 2, "'frobnicate'", "The commands are dream, style, pattern, film"),
    mistake("photo.png --octavs 3", 2, "--octavs", "--octaves", "--help"),
    mistake("photo.png --color 1", 2, "--color", "--colour"),
    mistake("photo.png --steps", 2, "--steps", "requires an argument"),
    mistake("layers --everything", 2, "--everything", "phosphene layers --help"),
    mistake("networks fetch googlenet", 2, "fetch", "--help"),
    # Settings
    mistake("photo.png --steps -3", 2, "--steps is -3", "1 to"),
    mistake("photo.png --steps many", 2, "--steps is 'many'", "whole number"),
    mistake("photo.png --steps 2.5", 2, "--steps is '2.5'", "whole number"),
    mistake("photo.png --step-size nan", 2, "--step-size is nan", "0 to 1000"),
    mistake("photo.png --octave-scale 0.5", 2, "--octave-scale is 0.5", "1.05"),
    mistake("photo.png --octaves 0", 2, "--octaves is 0", "1 to 32"),
    mistake("photo.png --colour red", 2, "--colour is 'red'", "a number"),
    mistake("photo.png --tile 10", 2, "--tile is 10", "or more"),
    mistake("wide.png --tile 64 --overlap 100 --octaves 1", 2, "64", "--tile", "--overlap"),
    mistake("photo.png --overlap foo", 2, "--overlap is 'foo'", "exact"),
    mistake("photo.png --memory 12", 2, "--memory is '12'", "2GB"),
    mistake("wide.png --memory 1MB", 2, "--memory 1MB"),
    mistake("photo.png --device cud", 2, "--device is 'cud'", "Did you mean 'cuda'?"),
    mistake("photo.png --device xpu", 2, "--device xpu", "computes on cpu"),
    mistake("photo.png --dtype float16", 2, "--dtype is 'float16'", "float32 or float64"),
    mistake("photo.png --normalise foo", 2, "--normalise is 'foo'", "mean"),
    mistake("photo.png --clip sotf", 2, "--clip is 'sotf'", "Did you mean 'soft'?"),
    mistake("photo.png --seed -1", 2, "--seed is -1", "from 0 to 9223372036854775807"),
    mistake("photo.png --quality 0", 2, "--quality", "1<=x<=100"),
    mistake("photo.png --long-side 0", 2, "--long-side", "x>=1"),
    mistake("photo.png --threads 0", 2, "--threads", "1<=x"),
    mistake("photo.png --size 64x64", 2, "--size is for canvases", "--long-side"),
    mistake("clouds --long-side 64", 2, "--long-side 64", "--size"),
    mistake("clouds --size big", 2, "--size is 'big'", "768x512"),
    mistake("clouds --size 0x10", 2, "--size is '0x10'", "768x512"),
    mistake("clouds --size 90000x90000", 2, "90000x90000", "--max-pixels"),
    # Names
    mistake("photo.png --layer blok8", 2, "'blok8'", "Did you mean 'block8'?", "phosphene layers"),
    mistake("photo.png --layer block8:x", 2, "'x'", "block8:0.5"),
    mistake("photo.png --channel 9999", 2, "9999", "0 to 191"),
    mistake("photo.png --layer block5 --layer block8 --channel 3", 2, "--channel 3", "2"),
    mistake(
        "photo.png --preset beasts",
        2,
        *("'block10' in tiny", "Preset 'beasts' is made for efficientnet-lite0; name a --layer of tiny."),
        before=foreign_network,
    ),
    mistake("photo.png --model gogglenet", 2, "'gogglenet'", "Did you mean 'googlenet'?", "phosphene networks"),
    mistake("photo.png --recipe google2051", 2, "'google2051'", "Did you mean 'google2015'?"),
    mistake("photo.png --preset nonesuch", 2, "Unknown preset 'nonesuch'"),
    mistake("layers gogglenet", 2, "'gogglenet'", "Did you mean 'googlenet'?"),
    mistake("networks get gogglenet", 2, "'gogglenet'", "Did you mean 'googlenet'?"),
    # Weights
    mistake("photo.png --model googlenet", 3, "googlenet", "phosphene networks get googlenet"),
    mistake("photo.png --model googlenet", 3, "hash", "--force", before=damaged_download),
    mistake("networks get googlenet", 3, "hash", "--force", before=damaged_download),
    mistake(
        "networks get googlenet", 3, "no connection", "127.0.0.1", "bvlc_googlenet.caffemodel", before=no_connection
    ),
    mistake(f"photo.png --model {LONG}.pth", 2, "xxx", "too long", "shorter"),
    mistake("photo.png --model nowhere.pth", 3, "nowhere.pth", "no weights file"),
    mistake("photo.png --model cut.pth", 3, "cut.pth", "damaged"),
    mistake("photo.png --model foreign.pth", 3, "foreign.pth", "no weights of efficientnet-lite0"),
    mistake("photo.png --model garbage.caffemodel", 3, "garbage.caffemodel"),
    # Files of settings
    mistake("photo.png --config nowhere.toml", 2, "nowhere.toml", "No such file"),
    mistake("photo.png --config bad.toml", 2, "bad.toml", "line 2"),
    mistake("photo.png --config unknown.toml", 2, "unknown.toml", "'octavs'", "Did you mean 'octaves'?"),
    mistake("photo.png --config wrong.toml", 2, "wrong.toml", "--steps is -3"),
    mistake("photo.png", 2, "unknown.toml", "'octavs'", before=own_file),
    # What is written
    mistake("done.png -o done-dream.png", 2, "done-dream.png", "--force", "-o"),
    mistake("photo.png -o other.png", 2, "other.png", "--force", "-o"),
    mistake("photo.png -o photo.png --force", 2, "its own input", "-o"),
    mistake("photo.png -o nowhere/x.png", 2, "no folder nowhere", "mkdir"),
    mistake("photo.png -o nowhere/deeper/", 2, "no folder nowhere/deeper", "mkdir"),
    mistake("photo.png -o no/{stem}/a.png", 2, "no folder no/photo", "mkdir"),
    mistake("photo.png -o x.pgn", 2, "'.pgn'", "Did you mean '.png'?"),
    mistake("photo.png -o x", 2, "no suffix", ".png"),
    mistake("photo.png -o folder.png --force", 2, "folder.png", "is a folder"),
    mistake("photo.png -o /dev/null", 2, "/dev/null", "-o -"),
    mistake("photo.png -o {sten}.png", 2, "{sten}", "Did you mean 'stem'?"),
    mistake("photo.png -o {stem.png", 2, "template", "{stem}"),
    mistake("photo.png other.png -o x.png", 2, "2 pictures", "x.png", "-o"),
    mistake("photo.png -o {tile:d}.png", 2, "template", "{tile:d}"),
    mistake(f"photo.png -o {LONG}.png", 2, "xxx", "too long", "shorter"),
    mistake(f"photo.png --preview {LONG}.png", 2, "xxx", "too long", "shorter"),
    mistake("photo.png photo.jpg", 2, "2 pictures", "photo-dream.png", "{suffix}"),
    mistake("photo.png other.png -o -", 2, "2 pictures", "-o dreams/"),
    mistake("photo.png -o - --json", 2, "--json", "-o -"),
    mistake("photo.png --preview other.png", 2, "other.png", "no preview", "--force"),
    mistake("photo.png --preview photo.png --force", 2, "--preview photo.png", "name of its own"),
    mistake("photo.png --preview x.bmp", 2, "'.bmp'", ".png"),
    mistake("photo.png --preview nowhere/x.png", 2, "no folder nowhere"),
    mistake("photo.png", 4, "no room", "photo-dream.png", prelude=LITTLE_DISK),
    mistake("photo.png -o -", 4, "no room", prelude="pass", stdout="/dev/full"),
    # Records
    mistake("info photo.png", 2, "photo.png", "does not say how it was made"),
    mistake("info nowhere.png", 2, "nowhere.png"),
    mistake("redo photo.png", 2, "photo.png", "does not say how it was made"),
    mistake("redo orphan.png", 2, "gone.png", "--input"),
    mistake("redo orphan.png --input nowhere.png", 2, "nowhere.png"),
    mistake("redo orphan.png --input photo.png --steps 0", 2, "--steps is 0"),
    mistake("redo orphan.png --input photo.png -o {sten}.png", 2, "{sten}", "Did you mean 'stem'?"),
    mistake("redo orphan.png --input photo.png -o {preset}.png", 2, "{preset}", "{layer}"),
    mistake("redo orphan.png --input photo.png -o no/deeper/", 2, "no folder no/deeper", "mkdir"),
    mistake("redo orphan.png --input -", 2, "--input is '-'", "takes a file"),
    mistake("info -", 2, "not a picture", before=piped_nonsense),
    mistake("redo -", 2, "not a picture", before=piped_nonsense),
    mistake("info -", 2, "Nothing is piped in", "phosphene info -", before=at_a_terminal),
    mistake("redo -", 2, "Nothing is piped in", before=at_a_terminal),
    mistake("redo", 2, "PICTURE", "phosphene redo --help"),
    # On the way
    mistake("photo.png", 1, "finite", before=no_number),
    mistake("photo.png", 4, "Memory", "--long-side", before=no_memory),
    mistake("photo.png", 1, "fault of Phosphene", "ZeroDivisionError", "--debug", before=bug),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with everything that people trip over."""
    folder = tmp_path_factory.mktemp("prepared")
    noise = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    picture = Image.fromarray(noise)
    for name in ("photo.png", "photo.jpg", "other.png", "done.png", "done-dream.png", "whole.jpg", "gone.png"):
        picture.save(folder / name)
    picture.resize((200, 32)).save(folder / "wide.png")
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("I am no picture.\n" * 10)
    (folder / "page.jpg").write_text("<!DOCTYPE html><html>Not found</html>")
    (folder / "bomb.png").write_bytes(bomb(60000, 60000))
    (folder / "folder.png").mkdir()
    (folder / "nothing-in-it").mkdir()
    weights = registry.find(registry.SOURCES["efficientnet-lite0"]).read_bytes()
    (folder / "cut.pth").write_bytes(weights[:100_000])
    torch.save({"conv.weight": torch.zeros(3)}, folder / "foreign.pth")
    (folder / "garbage.caffemodel").write_bytes(b"\xff\xfe garbage " * 50)
    (folder / "damaged").mkdir()
    (folder / "damaged" / "bvlc_googlenet.caffemodel").write_bytes(b"not what it should be")
    (folder / "bad.toml").write_text("steps = 3\noctaves 4\n")
    (folder / "unknown.toml").write_text("octavs = 3\n")
    (folder / "wrong.toml").write_text("steps = -3\n")
    with pytest.raises(SystemExit):
        main([str(folder / "gone.png"), "-o", str(folder / "orphan.png"), *QUICK, "-q"])
    (folder / "gone.png").unlink()
    return folder


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("each", MISTAKES, ids=lambda each: each.line.replace(" ", "_") or "nothing")
def test_mistakes_are_explained(each, prepared, tmp_path, monkeypatch, capfd):
    if (each.prelude or "/dev/" in each.line) and sys.platform != "linux":
        pytest.skip("needs Linux's devices and limits")
    folder = tmp_path / "here"
    shutil.copytree(prepared, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(configuration, "user_file", lambda: folder / "no-such.toml")
    monkeypatch.setenv("PHOSPHENE_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("PHOSPHENE_DEBUG", raising=False)
    if each.before:
        each.before(monkeypatch, folder)
    before = contents(folder)

    code = run(each, capfd)

    said = capfd.readouterr()
    assert code == each.code, said.err
    assert contents(folder) == before
    if code:
        assert 1 <= len(said.err.splitlines()) <= 3, said.err
    assert "Traceback" not in said.err
    for fragment in each.says:
        assert fragment in said.err


def run(each: Mistake, capfd: pytest.CaptureFixture[str]) -> int:
    arguments = each.line.split()
    if not each.prelude:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        return left.value.code
    program = f"{each.prelude}\nfrom phosphene.cli import main; main({arguments!r})"
    with open(each.stdout or os.devnull, "wb") as stdout:  # noqa: PTH123 - it may be a device
        return subprocess.run([sys.executable, "-c", program], stdout=stdout, check=False).returncode


@pytest.mark.parametrize("flag", front._OTHER_FLAGS)
def test_flags_of_other_programs_are_answered_by_ours(flag):
    said = CliRunner().invoke(main, ["dream", "clouds", flag, "1"])
    assert said.exit_code == 2
    meant = front._OTHER_FLAGS[flag]
    assert f"It is: {meant}" in said.output
    words = meant.replace(",", "").split()
    commands = [words[at + 1] for at, word in enumerate(words) if word == "phosphene"]
    assert all(name in main.list_commands(None) for name in commands)
    if not commands:
        makers = [main.get_command(None, name) for name in ("dream", "pattern")]
        known = {name for each in makers for option in each.params for name in option.opts} | {"--debug"}
        assert words[0] in known


@pytest.mark.parametrize(
    ("line", "belongs"),
    [
        ("clouds --filter night", "style"),
        ("match a.png b.png --octaves 3", "dream, pattern"),
        ("layers --port 1", "studio"),
    ],
)
def test_a_flag_of_another_command_says_whose_it_is(line, belongs):
    said = CliRunner().invoke(main, line.split())
    assert said.exit_code == 2
    flag = next(word for word in line.split() if word.startswith("--"))
    assert f"No such option '{flag}' here; it belongs to: phosphene {belongs}" in said.output


@pytest.mark.parametrize("word", front._OTHER_WORDS)
def test_words_of_other_programs_are_answered_by_ours(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, [word])
    assert said.exit_code == 2
    assert f"It is: {front._OTHER_WORDS[word]}" in said.output
    named = re.findall(r"phosphene (\w+)", front._OTHER_WORDS[word])
    assert all(name in main.list_commands(None) for name in named if name != "FOLDER")


@pytest.mark.parametrize(("words", "shown"), [(["help"], "photo.jpg"), (["help", "film"], "FILM")])
def test_help_is_a_word_too(words, shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, words)
    assert said.exit_code == 0
    assert shown in said.output


def test_one_number_is_the_side_of_a_square(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick = ["--octaves", "1", "--steps", "1", "--layer", "block1"]
    assert CliRunner().invoke(main, ["clouds", "--size", "40", *quick]).exit_code == 0
    with Image.open("clouds-dream.png") as image:
        assert image.size == (40, 40)


class TestTranslate:
    def test_what_others_raise_is_told_with_its_cause(self):
        with pytest.raises(WeightsError, match="KeyError") as told, translate(lambda e: WeightsError(type(e).__name__)):
            {}["weight"]
        assert isinstance(told.value.__cause__, KeyError)

    @pytest.mark.parametrize(
        "own", [SettingsError("ours"), StopRequested(), MemoryError(), KeyboardInterrupt(), SystemExit(3)]
    )
    def test_our_own_errors_and_ways_out_pass(self, own):
        with pytest.raises(type(own)) as passed, translate(lambda _: WeightsError("never said")):
            raise own
        assert passed.value is own

    def test_what_is_not_spoken_of_passes(self):
        with pytest.raises(BrokenPipeError), translate(lambda _: None):
            raise BrokenPipeError

    def test_an_exit_is_told_where_that_is_wanted(self):
        with pytest.raises(WeightsError, match="3"), translate(lambda e: WeightsError(str(e)), (Exception, SystemExit)):
            raise SystemExit(3)


def test_what_is_to_be_typed_is_quoted_for_the_users_shell(monkeypatch, tmp_path):
    words = ("phosphene", "my cat.jpg", "-o", "{stem}.png", r"C:\cats", "")
    assert shlex.split(errors.in_shell(*words)) == list(words)
    monkeypatch.setattr(errors, "WINDOWS", True)
    assert errors.in_shell(*words) == r'phosphene "my cat.jpg" -o "{stem}.png" C:\cats ""'
    monkeypatch.setattr(sources, "WINDOWS", True)
    with pytest.raises(ImageError, match=r"Create it: mkdir \"?[^-]"):
        sources.check_folder(tmp_path / "no such")
