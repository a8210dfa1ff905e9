"""Names and folders as people have them: none of a batch stops the others, and no input is written over."""

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import phosphene
from phosphene import batch
from phosphene.cli import main
from phosphene.errors import FaultError, ImageError, SettingsError
from phosphene.records import journal

QUICK = ("--octaves", "1", "--steps", "1", "--layer", "block1")
BYTES = os.fsdecode(b"\xff.jpg")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr("phosphene.cli.configuration.user_file", lambda: tmp_path / "none.toml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paint(*names):
    """Small pictures of these names, each another one."""
    for number, name in enumerate(names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)
        suffix = Path(name).suffix.lower()[1:]
        known = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
        Image.fromarray(pixels).save(name, known if known in ("jpeg", "png", "gif", "webp", "bmp", "tiff") else "png")


def run(*words, code=0):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


def made(folder="."):
    return sorted(path.name for path in Path(folder).rglob("*-dream*.png"))


# One that cannot be made leaves the others alone


@pytest.mark.parametrize("more", [(), ("--json",), ("-o", "out/"), ("-o", "{stem}-dream.png")])
def test_a_name_that_is_no_text_is_one_of_many(here, more):
    paint("in/a.png", f"in/{BYTES}", "in/b.png")
    Path("out").mkdir()
    said = run("in", *QUICK, *more)
    assert len(made()) == 3
    if more == ("--json",):
        told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert {each["input"] for each in told} >= {f"in/{BYTES}"}
    dreamt = next(path for path in Path().rglob("*-dream.png") if not path.name.isascii())
    assert phosphene.redo(dreamt, image=f"in/{BYTES}").record.complete
    run("info", dreamt)
    run("info", dreamt, "--json")
    run("redo", dreamt, "--input", f"in/{BYTES}")


@pytest.mark.parametrize("suffix", ["mp4", "gif", "webp", "png"])
def test_films_of_names_that_are_no_text(here, suffix):
    pytest.importorskip("av", reason="films need the extra film")
    pytest.importorskip("cv2", reason="films need the extra film")
    paint(BYTES)
    source, output = os.fsdecode(b"f\xff.gif"), os.fsdecode(b"o\xff.") + suffix
    with Image.open(BYTES) as image:
        image.save(source, save_all=True, append_images=[image.rotate(180)], duration=100)
    run("film", source, "--guide", BYTES, *QUICK, "-o", output)
    run("zoom", BYTES, *QUICK, "--seconds", "0.2", "--fps", "10")
    run("info", output)
    run("redo", output, "-o", f"again.{suffix}")


@pytest.mark.parametrize("name", [f"{'n' * 248}.png", f"{'ü' * 124}.png"])
def test_a_name_too_long_is_one_of_many(here, name):
    paint("in/a.png", f"in/{name}", "in/b.png")
    said = run("in", *QUICK, code=1)
    assert made() == ["a-dream.png", "b-dream.png"]
    assert "shorter name" in said
    assert "1 of 3 pictures did not come about" in said
    assert "shorter name" in run(f"in/{name}", *QUICK, code=2)


def test_what_cannot_be_read_is_one_of_many(here):
    paint("in/a.png", "in/b.png")
    Path("in/broken.png").symlink_to("gone.png")
    Path("in/damaged.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    Path("in/empty.png").touch()
    Path("in/loop.png").symlink_to("loop.png")
    said = run("in", *QUICK, code=1)
    assert made() == ["a-dream.png", "b-dream.png"]
    for name in ("broken", "damaged", "empty", "loop"):
        assert f"{name}.png" in said
    assert "is a link to 'gone.png'" in said


def test_a_name_of_several_that_means_nothing_is_one_of_many(here):
    paint("a.png", "in/b.png")
    Path("empty").mkdir()
    said = run("a.png", "empty", "*.webp", "gone.png", "in", "https://host/cat.png", *QUICK, code=1)
    assert made() == ["a-dream.png", "b-dream.png"]
    for word in ("empty holds no picture", "'*.webp'", "'gone.png'", "https://host/cat.png"):
        assert word in said
    assert "4 of 6" in said


def test_a_fault_of_one_is_one_of_many(here, monkeypatch):
    paint("in/a.png", "in/b.png", "in/c.png")
    load = phosphene.images.load

    def fail(source, **more):
        if "b.png" in str(source):
            raise KeyError("what nobody foresaw")
        return load(source, **more)

    monkeypatch.setattr("phosphene.images.load", fail)
    said = run("in", *QUICK, "--json", code=1)
    assert made() == ["a-dream.png", "c-dream.png"]
    assert "fault of Phosphene: KeyError" in said
    found = list(batch.many("in", force=True, octaves=1, steps=1, layer="block1"))
    assert [type(each.error) for each in found] == [type(None), FaultError, type(None)]


def test_what_a_caller_raises_over_one_picture_is_his_own(here):
    class EnoughError(ValueError):
        pass

    def enough(step):
        raise EnoughError

    paint("a.png")
    with pytest.raises(EnoughError):
        list(batch.many("a.png", octaves=1, steps=1, layer="block1", on_step=enough))


def test_outputs_that_would_be_one_leave_the_others_alone(here):
    paint("in/cat.jpg", "in/cat.png", "in/dog.png")
    said = run("in", *QUICK, code=1)
    assert made() == ["dog-dream.png"]
    assert "2 of 3 pictures did not come about" in said
    found = list(batch.many("in", octaves=1, steps=1, layer="block1"))
    assert [type(each.error) for each in found] == [SettingsError, SettingsError, type(None)]


@pytest.mark.parametrize("occupied", ["in/b-dream.png", "out"])
def test_what_stands_in_the_way_of_one_leaves_the_others_alone(here, occupied):
    paint("in/a.png", "in/b.png")
    Path("in/b-dream.png").mkdir()
    said = run("in", *QUICK, code=1)
    assert made() == ["a-dream.png", "b-dream.png"]
    assert "b-dream.png is a folder" in said


# Advice that works


def advised(said):
    return shlex.split(re.search(r"template, as (-o .+)$", said, re.MULTILINE)[1])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.png", "a.gif"], ["."]),
        (["a.png", "a.jpg", "b.png", "b.webp", "c.png"], ["."]),
        (["in/a.png", "in/a.gif"], ["in"]),
        (["in/a.png", "in/a.gif"], ["in", "-o", "out/"]),
        (["x/a.png", "y/a.png"], ["x", "y", "-o", "out/"]),
        (["x/a.png", "y/a.png", "y/a.gif"], ["x", "y", "-o", "out"]),
        (["in/a.png", "in/b.png"], ["in", "-o", "one.png"]),
        (["in/a.png", "in/b.png"], ["in", "-o", "out/{seed}.png"]),
        (["in/x/a.png", "in/x/a.gif", "in/y/a.png"], ["in", "--recursive"]),
        (["in/x/a.png", "in/x/a.gif", "in/y/a.png"], ["in", "--recursive", "-o", "out/"]),
        (["{in} put/a.png", "{in} put/a.gif"], ["{in} put"]),
        (["a.png", "a"], ["."]),
        (["a.PNG", "a.png"], ["."]),
    ],
)
def test_the_advice_for_outputs_that_would_be_one_works(here, names, words):
    paint(*names)
    Path("out").mkdir()
    result = CliRunner().invoke(main, [*words, *QUICK])
    assert result.exit_code in (1, 2), result.output
    kept = [word for number, word in enumerate(words) if "-o" not in words[max(0, number - 1) : number + 1]]
    before = set(Path().rglob("*-dream.png"))
    for path in before:
        path.unlink()
    run(*kept, *QUICK, *advised(result.output))
    assert len(made()) == len(names)


def test_the_advice_for_a_changed_input_works(here, monkeypatch):
    paint("a.png", "b.png")
    monkeypatch.setattr("phosphene.records.journal.PAUSE", 0.0)

    class Killed(BaseException):
        pass

    def kill(self, *_, **__):
        write(self)
        raise Killed

    write = journal.Journal.write
    begin = ["a.png", "-o", "my dream.png", *QUICK[:2], "--steps", "3"]
    with monkeypatch.context() as patched:
        patched.setattr(journal.Journal, "write", kill)
        with pytest.raises(Killed):
            CliRunner().invoke(main, begin)
    was = Path("a.png").read_bytes()
    Path("a.png").write_bytes(Path("b.png").read_bytes())
    said = run("resume", "my dream.png", code=2)
    assert "input" in said
    commands = re.findall(r"phosphene (.+)$", said, re.MULTILINE)
    assert len(commands) == 2
    Path("a.png").write_bytes(was)
    run(*shlex.split(commands[0]))
    Path("my dream.png").unlink()
    with monkeypatch.context() as patched:
        patched.setattr(journal.Journal, "write", kill)
        with pytest.raises(Killed):
            CliRunner().invoke(main, begin)
    Path("a.png").write_bytes(Path("b.png").read_bytes())
    run(*shlex.split(commands[1]))
    assert phosphene.records.record.read("my dream.png").input["sha256"] == phosphene.load("b.png").sha256


# No input is written over


@pytest.mark.parametrize("way", ["same", "link", "hard link", "dots", "chain"])
@pytest.mark.parametrize(
    "line",
    [
        "a.png --guide g.png -o {g} --force",
        "a.png --mask g.png -o {g} --force",
        "a.png --region g.png=@2 -o {g} --force",
        "a.png --objective guide(block1,g.png) -o {g} --force",
        "a.png -o x.png --guide g.png --preview {g} --force",
        "a.png -o x.png --mask g.png --preview {g} --force",
        "g.png -o x.png --preview {g} --force",
        "g.png -o {g} --force",
        "a.png g.png -o {g} --force",
        "style a.png g.png -o {g} --force",
        "style a.png g.png -o x.png --show-regions {g} --force",
        "style a.png g.png -o x.png --preview {g} --force",
        "match a.png g.png -o {g} --force",
        "redo made.png -o {made} --force",
        "redo made.png --guide g.png -o {g} --force",
        "redo made.png --input g.png -o {g} --force",
        "redo made.png --preview {g} --guide g.png -o x.png --force",
        "redo made.png -o {a} --force",
        "redo made.png --preview {a} -o x.png --force",
        "pattern block1:1 --objective guide(block1,g.png) -o {g} --force",
        "film g.png -o {g} --force",
        "film g.gif -o x.mp4 --guide g.png --preview {g} --force",
        "zoom g.png -o {g} --force",
        "zoom a.png --mask g.png -o {g} --force",
    ],
)
def test_no_input_is_written_over(here, line, way):
    if line.startswith(("film", "zoom")):
        pytest.importorskip("av", reason="films need PyAV")
        pytest.importorskip("cv2", reason="films need OpenCV")
    paint("a.png", "g.png", "g.gif")
    phosphene.dream("a.png", octaves=1, steps=1, layer="block1").save("made.png")
    before = {name: Path(name).read_bytes() for name in ("a.png", "g.png", "made.png", "g.gif")}
    named = {}
    for name in ("a", "g", "made"):
        named[name] = {"same": f"{name}.png", "dots": f"sub/../{name}.png"}.get(way, f"other-{name}.png")
        if way == "link":
            Path(named[name]).symlink_to(f"{name}.png")
        if way == "chain":
            Path(f"via-{name}.png").symlink_to(f"{name}.png")
            Path(named[name]).symlink_to(f"via-{name}.png")
        if way == "hard link":
            Path(named[name]).hardlink_to(f"{name}.png")
    Path("sub").mkdir()
    words = [word.format(**named) for word in line.split()]
    run(*words, *(() if words[0] in ("redo", "match", "film", "zoom") else ("--steps", "1")), code=2)
    assert {name: Path(name).read_bytes() for name in before} == before


@pytest.mark.parametrize("command", ["atlas", "study"])
def test_a_report_writes_over_no_input(here, command):
    Path("report/pictures").mkdir(parents=True)
    Path(f"report/{command}.json").write_text(json.dumps({f"phosphene-{command}": 1, "subject": "a.png"}), "utf-8")
    paint("report/pictures/a.png")
    more = ["--vary", "steps=1"] if command == "study" else ["--quick"]
    said = run(command, "report/pictures/a.png", "-o", "report", "--force", *more, code=2)
    assert "holds the input" in said


def test_names_that_differ_in_capitals_are_one_where_the_disk_takes_them_for_one(here, monkeypatch):
    paint("Cat.png", "cat.jpg", "dog.png")
    run(".", *QUICK)
    assert made() == ["Cat-dream.png", "cat-dream.png", "dog-dream.png"]
    for path in Path().glob("*-dream.png"):
        path.unlink()
    monkeypatch.setattr("phosphene.batch.conflicts._folds", lambda _: True)
    said = run(".", *QUICK, code=1)
    assert made() == ["dog-dream.png"]
    run(".", *QUICK, *advised(said))
    assert len(made()) == 4


# What is a picture


def test_what_is_left_out_of_a_folder_is_counted(here):
    paint("in/a.png", "in/suffixless", "in/odd.jpg_large", "in/photo.img")
    for name in ("x.psd", "y.psd", "z.PSD", "notes.txt", "README", ".hidden", "shot.zip"):
        Path("in", name).write_text("no picture")
    said = run("in", *QUICK)
    assert "Left out: 3 of PSD, 1 of TXT, 1 of ZIP, 1 without a suffix." in said
    assert made() == ["a-dream.png", "odd-dream.png", "photo-dream.png", "suffixless-dream.png"]
    assert "Left out" not in run("in", *QUICK, "-q")
    for path in Path("in").iterdir():
        if path.suffix in (".png", ".jpg_large", ".img") or path.name == "suffixless":
            path.unlink()
    assert "3 of PSD" in run("in", *QUICK, code=2)


def test_first_bytes_say_what_a_file_is_whatever_it_is_called(here):
    paint("in/a.png")
    Image.new("RGB", (8, 8)).save("in/raw.tif")
    Path("in/raw.tif").rename("in/raw.xyz")
    Path("in/shot.psd").write_bytes(b"8BPS" + bytes(60))
    Path("in/clip.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(60))
    Path("in/phone.xyz").write_bytes(b"\0\0\0\x18ftypheic" + bytes(60))
    found = [Path(each.name).name for each in batch.expand(["in"])[0]]
    assert found == ["a.png", "phone.xyz", "raw.xyz"]


def test_many_kinds_are_told_in_one_line(here):
    paint("in/a.png")
    for number in range(30):
        Path(f"in/x.{number}z").touch()
    said = run("in", *QUICK)
    assert "22 of OTHER KINDS" in said


def test_one_name_alone_is_refused_in_words(here):
    with pytest.raises(ImageError, match="address"):
        batch.expand(["https://host/cat.png"])
    Path("gone.png").symlink_to("nowhere.png")
    assert "is a link to 'nowhere.png', which is not there" in run("gone.png", *QUICK, code=2)
    assert "https://host/x.png" in run("clouds", "--guide", "https://host/x.png", *QUICK, code=2)


# What is said, whatever takes it

EMOJI = "für 😀.png"
PROGRAM = (sys.executable, "-c", "from phosphene.cli import main; main()")


@pytest.mark.parametrize("charset", ["cp1252", "ascii"])
def test_every_command_speaks_in_every_encoding(here, charset):
    paint(EMOJI, "in/b.png", f"in/{BYTES}")
    lines = [
        [EMOJI, *QUICK], ["info", "für 😀-dream.png"], ["info", "für 😀-dream.png", "--json"], ["in", *QUICK, "--json"],
        ["redo", "für 😀-dream.png"], ["layers"], ["presets"], ["networks"], ["filters"], ["--help"],
        ["pattern", "block1:1", "--size", "32x32", *QUICK[:4], "-o", "😀.png", "--json"], ["atlas", "--help"],
    ]  # fmt: skip
    for line in lines:
        result = CliRunner(charset=charset).invoke(main, line)
        assert result.exit_code == 0, (line, result.exception, result.stdout_bytes, result.stderr_bytes)
    for line in (["info", "gone 😀.png"], ["gone 😀.png"], ["in", "--guide", "gone 😀.png"], ["resume", "gone 😀.png"]):
        result = CliRunner(charset=charset).invoke(main, line)
        assert result.exit_code == 2, (line, result.exception, result.stderr_bytes)
        assert b"gone" in result.stderr_bytes


def test_names_with_spaces_and_emoji_go_through_everything(here):
    paint(f"my photos/{EMOJI}", "my photos/other.png")
    run("my photos", *QUICK, "-o", "my dréams/😀/", code=2)
    run("my photos", *QUICK, "--guide", f"my photos/{EMOJI}", "-o", "my dréams 😀/")
    assert "there already" in run("my photos", *QUICK, "--guide", f"my photos/{EMOJI}", "-o", "my dréams 😀/")
    run("redo", "my dréams 😀/other-dream.png", "--input", "my photos/other.png", "--guide", f"my photos/{EMOJI}")


@pytest.mark.skipif(os.name == "nt", reason="needs a shell of POSIX")
@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("a.png {quick} >&-", 0, ""),
        ("a.png {quick} <&- >&- 2>&-", 0, ""),
        ("clouds --size 32x32 {quick} -o - >&-", 2, "which is closed"),
        ("layers --json | true; exit ${{PIPESTATUS[0]}}", 141, ""),
        ("a.png {quick} --force --json | true; exit ${{PIPESTATUS[0]}}", 141, ""),
        ("- {quick} -o x.png <&-", 2, "piped"),
    ],
)
def test_streams_that_are_closed(here, line, code, message):
    paint("a.png", "b.png")
    phosphene.dream("a.png", octaves=1, steps=1).save("b-dream.png")
    Path("b-dream.png").rename("a-dream.png") if "info" in line else None
    program = shlex.join(PROGRAM)
    said = subprocess.run(
        ["bash", "-c", f"{program} {line.format(quick=shlex.join(QUICK))}"], capture_output=True, text=True, check=False
    )
    assert said.returncode in {code, 0 if code == 141 else code}, said.stderr
    assert message in said.stderr
    assert "Traceback" not in said.stderr
    assert "fault of" not in said.stderr
    if "a.png" in line:
        assert Path("a-dream.png").stat().st_size > 100
        with Image.open("a-dream.png") as picture:
            picture.load()


# Nothing is no name


@pytest.mark.parametrize("blank", ["", " ", "\t"])
@pytest.mark.parametrize(
    "line",
    [
        ["{}"], ["dream", "{}"], ["a.png", "{}"], ["style", "a.png", "{}"], ["style", "{}", "a.png"], ["pattern", "{}"],
        ["match", "a.png", "{}"], ["atlas", "{}"], ["study", "{}", "--vary", "steps=1"], ["redo", "{}"], ["info", "{}"],
        ["resume", "{}"], ["film", "{}"], ["zoom", "{}"], ["layers", "--model", "{}"], ["studio", "--folder", "{}"],
        ["a.png", "-o", "{}"], ["redo", "a.png", "--input", "{}"], ["atlas", "a.png", "-o", "{}"],
        *(
            ["a.png", *words]
            for flag in ("guide", "mask", "region", "config", "preview", "output", "model", "objective", "scheduler")
            for words in ([f"--{flag}", "{}"], [f"--{flag}={{}}"])
        ),
    ],
)  # fmt: skip
def test_an_empty_name_is_a_mistake_in_words(here, line, blank):
    paint("a.png", "b.png")
    said = run(*(word.replace("{}", blank) for word in line), code=2)
    assert "empty" in said
    assert made() == []


@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_name_is_a_mistake_in_python(here, blank):
    paint("a.png")
    for call in (
        lambda: phosphene.dream(blank), lambda: phosphene.dream("a.png", guide=blank), lambda: phosphene.redo(blank),
        lambda: phosphene.dream("a.png", mask=blank), lambda: list(batch.many(blank)),
        lambda: list(batch.many("a.png", blank)),
    ):  # fmt: skip
        with pytest.raises((ImageError, SettingsError), match="empty"):
            call()
    assert made() == []


# Two runs in one folder


def test_two_runs_at_once_make_each_picture_once(here):
    paint(*(f"in/{number}.png" for number in range(6)))
    line = [*PROGRAM, "in", *QUICK, "--json", "--threads", "1"]
    runs = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate(timeout=120) for each in runs]
    assert [each.returncode for each in runs] == [0, 0], said
    told = [json.loads(line) for out, _ in said for line in out.splitlines()]
    assert len(told) == 12
    assert sum("record" in each for each in told) == 6
    assert len(made()) == 6


def test_two_runs_of_one_picture_at_once_make_it_once(here):
    paint("a.png")
    line = [*PROGRAM, "a.png", *QUICK, "--threads", "1"]
    runs = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate(timeout=120) for each in runs]
    assert [each.returncode for each in runs] == [0, 0], said
    assert made() == ["a-dream.png"]


def test_what_another_run_is_making_is_passed_over(here):
    paint("in/a.png", "in/b.png")
    with batch.claimed(Path("in/a-dream.png")) as ours:
        assert ours
        said = run("in", *QUICK)
        assert "in/a-dream.png: another run is making it" in said
        a, _ = batch.many("in", octaves=1, steps=1, layer="block1")
        assert a.picture is None
        assert a.error is None
    assert made() == ["b-dream.png"]
    run("in", *QUICK)
    assert made() == ["a-dream.png", "b-dream.png"]


def test_what_another_run_has_just_made_is_passed_over(here, monkeypatch):
    paint("in/a.png", "in/b.png")

    @contextlib.contextmanager
    def unclaimed(_):
        yield True

    monkeypatch.setattr("phosphene.batch.claimed", unclaimed)
    make = phosphene.run.Prepared.make

    def twice(self, source, **more):
        result = make(self, source, **more)
        result.save(Path(source).with_name(f"{Path(source).stem}-dream.png"), overwrite=True)
        return result

    monkeypatch.setattr(phosphene.run.Prepared, "make", twice)
    assert run("in", *QUICK).count("there already") == 2


def test_a_claim_needs_no_temporary_folder(here, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/dev/null")
    with batch.claimed(Path("a.png")) as ours:
        assert ours


@pytest.mark.parametrize("name", ["aux.png", "CON.png", "nul", "com1.tar.png", "LPT9 .png", "dots./x.png", "a?b.png"])
def test_names_that_windows_reserves_are_refused_there(here, monkeypatch, name):
    assert batch.files._RESERVED.search(name.split("/")[0])
    monkeypatch.setattr("phosphene.batch.files.WINDOWS", True)
    paint("a.png")
    with pytest.raises(ImageError, match="Windows takes no file"):
        batch.plan(["a.png"], name)
    assert batch.plan(["a.png"], "../console.aux.png").jobs


def test_a_pattern_of_one_pixel_is_refused_in_words(here):
    assert "--size 1x1" in run("pattern", "block1:1", "--size", "1x1", code=2)


def test_films_at_an_address_or_behind_a_broken_link(here):
    pytest.importorskip("av", reason="films need PyAV")
    pytest.importorskip("cv2", reason="films need OpenCV")
    Path("gone.mp4").symlink_to("nowhere.mp4")
    assert "is an address" in run("film", "https://host/walk.mp4", "-o", "x.mp4", code=2)
    assert "is a link to 'nowhere.mp4'" in run("film", "gone.mp4", code=2)
