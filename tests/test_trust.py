"""What a stranger's files may not do: a record, a journal and a settings file are data, and name no file elsewhere."""

import json
import os
import shlex
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import phosphene
from conftest import photograph
from phosphene import filters, images
from phosphene.cli import configuration, main
from phosphene.errors import PhospheneError, RecordError, SettingsError
from phosphene.records import journal, record
from phosphene.techniques import DREAM

QUICK = {"octaves": 1, "steps": 1, "layer": "block2"}


@pytest.fixture
def parcel(tmp_path, monkeypatch):
    """A stranger's folder with a picture and its dream; a secret lies above it."""
    Image.open(photograph("china")).resize((96, 64)).save(tmp_path / "photo.png")
    Image.open(photograph("flower")).resize((96, 64)).save(tmp_path / "secret.png")
    folder = tmp_path / "home" / "parcel"
    folder.mkdir(parents=True)
    (tmp_path / "photo.png").rename(folder / "photo.png")
    phosphene.dream(folder / "photo.png", **QUICK).save(folder / "made.png")
    monkeypatch.chdir(folder)
    return folder


def forged(folder, **settings):
    """The dream again, with a record that says something else."""
    made = record.read(folder / "made.png")
    text = replace(made, settings={**made.settings, **settings}).metadata()
    images.save(images.load(folder / "made.png").pixels, folder / "forged.png", metadata=text, overwrite=True)
    return folder / "forged.png"


def outward(folder, way):
    """A name for the secret, in one of many ways."""
    secret = folder.parent.parent / "secret.png"
    if way == "link":
        (folder / "link.png").symlink_to(secret)
    if way == "linked folder":
        (folder / "linked").symlink_to(secret.parent)
    if way == "pipe":
        os.mkfifo(folder / "pipe.png")
    if way == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.png")
    if way == "loop":
        (folder / "loop.png").symlink_to("loop.png")
    return {
        "up": "../../secret.png",
        "down and up": "sub/../../../secret.png",
        "whole": str(secret),
        "link": "link.png",
        "linked folder": "linked/secret.png",
        "pipe": "pipe.png",
        "socket": "socket.png",
        "loop": "loop.png",
        "device": "/dev/zero",
        "drive": "C:\\secret.png",
        "server": "\\\\server\\share\\secret.png",
        "backslashes": "..\\..\\secret.png",
        "nothing": ".",
        "nul": "secret\0.png",
    }[way]


WAYS = (
    "up", "down and up", "whole", "link", "linked folder", "pipe", "socket", "loop", "device", "drive", "server",
    "backslashes", "nothing", "nul",
)  # fmt: skip
FORGED = {
    "guide": lambda name: [name],
    "mask": lambda name: name,
    "region": lambda name: [f"{name}=@ 0.5"],
    "objective": lambda name: f"guide(block2, {name!r})",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("setting", FORGED)
def test_a_record_names_no_picture_elsewhere(parcel, setting, way):
    picture = forged(parcel, **{"layer": None, setting: FORGED[setting](outward(parcel, way))})
    with pytest.raises(PhospheneError):
        phosphene.redo(picture)
    assert CliRunner().invoke(main, ["redo", "forged.png", "-o", "new.png"]).exit_code == 2
    assert not (parcel / "new.png").exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_record_names_no_input_and_no_weights_elsewhere(parcel, way):
    name, made = outward(parcel, way), record.read(parcel / "made.png")
    assert record.beside(parcel, name) is None
    text = replace(made, input={**made.input, "name": name}).metadata()
    images.save(images.load(parcel / "made.png").pixels, parcel / "forged.png", metadata=text)
    with pytest.raises(PhospheneError):
        phosphene.redo("forged.png")


def test_a_record_of_a_style_names_no_picture_elsewhere(parcel):
    phosphene.style("photo.png", "made.png", steps=1, long_side=64).save("styled.png")
    made = record.read("styled.png")
    for setting, value in (("style", ["../../secret.png"]), ("regions", ["made.png", "../../secret.png"])):
        text = replace(made, settings={**made.settings, setting: value}).metadata()
        images.save(images.load("styled.png").pixels, "forged.png", metadata=text, overwrite=True)
        with pytest.raises(RecordError, match="no file in"):
            phosphene.redo("forged.png")
    text = replace(made, input={"canvas": "../../secret.png", "width": 8, "height": 8}).metadata()
    images.save(images.load("styled.png").pixels, "forged.png", metadata=text, overwrite=True)
    with pytest.raises(RecordError, match="canvas"):
        phosphene.redo("forged.png")


def test_a_recorded_picture_may_lie_beneath_the_folder(parcel, monkeypatch):
    (parcel / "sub").mkdir()
    Image.open(parcel / "photo.png").rotate(180).save(parcel / "sub" / "guide.png")
    picture = forged(parcel, guide=["sub/guide.png"])
    monkeypatch.chdir(parcel.parent)
    with_it = phosphene.redo(picture)
    assert with_it.record.pictures.keys() == {"guide.png"}


def test_what_the_user_names_may_lie_anywhere(parcel):
    picture = forged(parcel, guide=["../../secret.png"])
    named = phosphene.redo(picture, guide="../../secret.png")
    assert named.record.pictures.keys() == {"secret.png"}
    result = CliRunner().invoke(main, ["redo", "forged.png", "--guide", "../../secret.png", "-o", "new.png"])
    assert result.exit_code == 0, result.output
    assert torch.equal(phosphene.load("new.png").pixels, (named.pixels * 255).round() / 255)


def test_a_name_that_is_typed_is_not_a_link_beside_the_picture(parcel, monkeypatch):
    (parcel / "guide.png").symlink_to(parcel.parent.parent / "secret.png")
    Image.open(parcel / "photo.png").rotate(180).save(parcel.parent / "guide.png")
    monkeypatch.chdir(parcel.parent)
    made = phosphene.redo(parcel / "made.png", guide="guide.png")
    assert made.record.pictures["guide.png"] == phosphene.load("guide.png").sha256


@given(st.text(st.sampled_from("./\\:aC~\0"), max_size=8))
def test_no_name_leads_out_of_a_folder(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp() / "root"
    (root / "a").mkdir(parents=True, exist_ok=True)
    for folder in (root.parent, root, root / "a"):
        (folder / "aa").write_bytes(b"")
    found = record.beside(root, name)
    assert found is None or (Path(os.path.normpath(found)).is_relative_to(root) and found.is_file())


# A run that was killed goes on where its folder lies now, and a stranger's journal names nothing elsewhere


class Killed(BaseException):
    """The end of a process, as far as a test can have it."""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Pictures and results in folders of one tree, a second of some of them elsewhere; a key of our own."""
    monkeypatch.setattr("phosphene.cli.resuming.key_file", lambda: tmp_path / "keys" / "journal.key")
    monkeypatch.setattr("phosphene.cli.configuration.user_file", lambda: tmp_path / "none.toml")
    monkeypatch.setattr("phosphene.records.journal.PAUSE", 0.0)
    for folder in ("tree/in put", "tree/out"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("a", "b"):
        Image.open(photograph("china")).resize((48, 32)).save(tmp_path / "tree" / "in put" / f"{name}.png")
    return tmp_path / "tree"


def run(*words, code=0):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


def kill(monkeypatch, *words, writes=2):
    """Runs a command line that is killed after so many writings of its journal."""
    left, write = [writes], journal.Journal.write

    def count(self):
        write(self)
        left[0] -= 1
        if not left[0]:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(journal.Journal, "write", count)
        with pytest.raises(Killed):
            CliRunner().invoke(main, [str(word) for word in words])


LINE = ("--layer", "block1", "--octaves", "1", "--steps", "4", "-q")
COMMANDS = {
    "beside": ("in put", ["a.png"], "in put/a-dream.png"),
    "from above": (".", ["in put/a.png"], "in put/a-dream.png"),
    "with a dot": (".", ["./in put/a.png"], "in put/a-dream.png"),
    "into another": (".", ["in put/a.png", "-o", "out/x.png"], "out/x.png"),
    "up and down": ("out", ["../in put/a.png", "-o", "x.png"], "out/x.png"),
    "a folder": (".", ["in put", "-o", "out/"], "out/a-dream.png"),
    "a template": (".", ["in put/a.png", "-o", "out/{stem}_{seed}.png"], "out/a_0.png"),
    "whole": ("..", ["{tree}/in put/a.png", "-o", "{tree}/out/x.png"], "out/x.png"),
    "a mask": (".", ["in put/a.png", "--region", "{tree}/in put/b.png=@ 0.5", "-o", "out/x.png"], "out/x.png"),
    "an objective": (
        "..", ["{tree}/in put/a.png", "--objective", "guide(block1, '{tree}/in put/b.png')", "-o", "tree/out/x.png"],
        "out/x.png",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", ["moved", "copied", "renamed", "left"])
@pytest.mark.parametrize("case", COMMANDS)
def test_a_stopped_run_goes_on_where_it_lies_now(tree, monkeypatch, case, way):
    folder, words, output = COMMANDS[case]
    line = ["dream", *(word.replace("{tree}", str(tree)) for word in words), *(() if "--objective" in words else LINE)]
    line += ["--octaves", "1", "--steps", "4", "-q"] if "--objective" in words else []
    monkeypatch.chdir(tree / folder)
    kill(monkeypatch, *line)
    elsewhere = tree.parent / "elsewhere" / ("other" if way == "renamed" else "tree")
    if way == "copied":
        shutil.copytree(tree, elsewhere)
    elif way == "left":
        elsewhere = tree
    else:
        monkeypatch.chdir(tree.parent)
        elsewhere.parent.mkdir()
        tree.rename(elsewhere)
    monkeypatch.chdir(elsewhere / folder if way == "copied" else elsewhere.parent)
    run("resume", elsewhere / output)
    assert (elsewhere / output).is_file()
    assert record.read(elsewhere / output).complete
    assert not list(elsewhere.rglob("*.unfinished"))
    assert way != "copied" or not (tree / output).exists()


@pytest.mark.parametrize("technique", ["redo", "pattern", "style"])
def test_other_runs_go_on_where_they_lie_now(tree, monkeypatch, technique):
    place = tree / "in put"
    monkeypatch.chdir(place)
    if technique == "redo":
        run("a.png", *LINE)
    of = {"redo": ["a-dream.png"], "pattern": ["block1:3", "--size", "64x64"], "style": ["a.png", "b.png"]}[technique]
    kill(monkeypatch, technique, *of, "-o", "x.png", *LINE[4:], writes=2 if technique == "redo" else 1)
    monkeypatch.chdir(tree)
    place.rename(tree / "other")
    run("resume", "other/x.png")
    assert record.read(tree / "other" / "x.png").recipe == ("dream" if technique == "redo" else technique)


def test_a_stopped_film_goes_on_where_it_lies_now(tree, monkeypatch):
    pytest.importorskip("av", reason="films need the extra film")
    pytest.importorskip("cv2", reason="films need the extra film")
    place = tree / "in put"
    frames = [Image.open(place / "a.png").rotate(90 * turn) for turn in range(4)]
    frames[0].save(place / "f.gif", save_all=True, append_images=frames[1:], duration=100)
    monkeypatch.chdir(place)
    kill(monkeypatch, "film", "f.gif", *LINE, "-o", "x.gif", writes=2)
    monkeypatch.chdir(tree)
    place.rename(tree / "other")
    run("resume", "other/x.gif")
    with Image.open(tree / "other" / "x.gif") as made:
        assert made.n_frames == 4
    assert not place.exists()


@pytest.mark.parametrize("report", [["atlas"], ["study", "--vary", "strength=1,2"]], ids=["atlas", "study"])
def test_a_stopped_report_goes_on_where_it_lies_now(tree, monkeypatch, report):
    place, (kind, *more) = tree / "in put", report
    line = [kind, "a.png", *more, "--octaves", "1", "--steps", "1", "-q"]
    monkeypatch.chdir(place)
    write, left = images.write_atomically, [3]

    def count(path, *arguments, **options):
        left[0] -= kind == "atlas" or path.parent.name == "pictures"
        if not left[0]:
            raise Killed
        write(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(images, "write_atomically", count)
        with pytest.raises(Killed):
            CliRunner().invoke(main, line)
    made = {path.name: path.stat().st_mtime_ns for path in place.rglob("pictures/*")}
    assert made
    monkeypatch.chdir(tree)
    place.rename(tree / "other")
    assert f"phosphene {kind}" in run("resume", f"other/a-{kind}", code=2)
    monkeypatch.chdir(tree / "other")
    run(*line)
    there = {path.name: path.stat().st_mtime_ns for path in Path().rglob("pictures/*")}
    assert len(there) > len(made)
    assert kind == "atlas" or {name: there[name] for name in made} == made  # a study takes what is there


def edited(output, **command):
    """Writes another command into a journal, as a stranger may."""
    path = journal.folder_of(Path(output)) / "run.json"
    found = json.loads(path.read_text("utf-8"))
    found["command"] = command
    path.write_text(json.dumps(found), "utf-8")


def test_a_journal_of_an_earlier_version_is_read(tree, monkeypatch):
    place = tree / "in put"
    monkeypatch.chdir(place)
    kill(monkeypatch, "a.png", *LINE)
    edited("a-dream.png", arguments=["dream", str(place / "a.png"), *LINE], folder=str(tree))
    monkeypatch.chdir(tree)
    place.rename(tree / "other")
    run("resume", tree / "other" / "a-dream.png")
    assert record.read(tree / "other" / "a-dream.png").complete


@pytest.mark.parametrize(
    "more",
    [
        ["--guide", "../../secret.png"],
        ["--guide", "{secret}"],
        ["--guide={secret}"],
        ["--guide", "link.png"],
        ["--region", "{secret}=@ 0.5"],
        ["--objective", "guide(block1, '{secret}')"],
        ["--objective", "guide(block1, ../../secret.png)"],
        ["--objective", 'guide(block1,"link.png")'],
        ["--mask", "/dev/zero"],
        ["--mask", "C:\\secret.png"],
        ["--preview", "../../preview.png"],
        ["--config", "look.toml"],
        ["--config=look.toml"],
        ["--scheduler", "tcp://host:8786"],
        ["--scheduler=tcp://host:8786"],
        ["--weights", "../../secret.png"],
    ],
)
def test_the_journal_of_a_stranger_names_nothing_elsewhere(tree, monkeypatch, more):
    place, secret = tree / "in put", tree.parent / "secret.png"
    Image.open(place / "b.png").save(secret)
    (place / "link.png").symlink_to(secret)
    (place / "look.toml").write_text(f"guide = ['{secret}']", "utf-8")
    monkeypatch.chdir(place)
    kill(monkeypatch, "a.png", *LINE)
    words = [word.replace("{secret}", str(secret)) for word in more]
    edited("a-dream.png", arguments=["dream", "a.png", *LINE, *words], folder=str(place))
    assert "give the command yourself" in run("resume", "a-dream.png", code=2)
    assert not (place / "a-dream.png").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["dream", "{place}/a.png", "-o", "{place}/other.png"], "writes another file"),
        (["dream", "a.png", "-o", "../../x.png"], "give the command yourself"),
        (["dream", ".", "-o", "other/"], "give the command yourself"),
        (["studio", "--host", "0.0.0.0"], "give the command yourself"),
        (["match", "a.png", "b.png"], "give the command yourself"),
        ([], "give the command yourself"),
        ("dream a.png", "does not say"),
    ],
)
def test_the_journal_of_a_stranger_writes_nothing_elsewhere(tree, monkeypatch, line, message):
    place = tree / "in put"
    (place / "link.png").symlink_to(tree.parent / "secret.png")
    monkeypatch.chdir(place)
    kill(monkeypatch, "a.png", *LINE)
    words = line if isinstance(line, str) else [word.replace("{place}", str(place)) for word in line]
    edited("a-dream.png", arguments=words, folder=str(place))
    assert message in run("resume", "a-dream.png", code=2)


def test_without_a_home_what_lies_beside_goes_on(tree, monkeypatch):
    monkeypatch.setattr("phosphene.cli.resuming.key_file", lambda: Path("/dev/null/key"))
    monkeypatch.chdir(tree / "in put")
    kill(monkeypatch, "a.png", *LINE)
    run("resume", "a-dream.png")
    kill(monkeypatch, "a.png", "--guide", "b.png", "-o", "../out/x.png", *LINE)
    said = run("resume", "../out/x.png", code=2)
    words = shlex.split(said.rpartition("yourself: phosphene ")[2])
    run(*words)
    assert record.read(tree / "out" / "x.png").complete


# Text files from Windows


@pytest.mark.parametrize("wrap", [
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    lambda text: text.replace("\n", "\r").encode(),
])  # fmt: skip
def test_settings_and_filters_from_windows_are_read(tmp_path, monkeypatch, wrap):
    path = tmp_path / "look.toml"
    path.write_bytes(wrap("steps = 3\n# für\noctaves = 2\n"))
    monkeypatch.setattr(configuration, "user_file", lambda: path)
    assert configuration.read(DREAM, None) == {"steps": 3, "octaves": 2}
    assert configuration.read(DREAM, str(path)) == {"steps": 3, "octaves": 2}
    monkeypatch.setenv("PHOSPHENE_FILTERS", str(tmp_path))
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "filter.toml").write_bytes(wrap('about = "für"\ndrawing = "woodcut"\n'))
    assert filters.read("night").about == "für"


@pytest.mark.parametrize(
    ("encoding", "message"), [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-32", "UTF-16"), ("cp1252", "line 2")]
)
def test_settings_in_other_encodings_are_refused_in_words(tmp_path, monkeypatch, encoding, message):
    path = tmp_path / "look.toml"
    path.write_bytes("steps = 3\n# für\noctaves = 2\n".encode(encoding))
    with pytest.raises(SettingsError, match=f"look.toml.*{message}"):
        configuration.read(DREAM, str(path))
    monkeypatch.setenv("PHOSPHENE_FILTERS", str(tmp_path))
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "filter.toml").write_bytes(path.read_bytes())
    with pytest.raises(SettingsError, match=message):
        filters.read("night")
