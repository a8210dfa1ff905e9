"""What every technique can do: the same table for dreams, paintings and patterns, in the shell and in Python."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import phosphene
from phosphene import images
from phosphene.cli import configuration, main
from phosphene.errors import SettingsError
from phosphene.records import journal, record
from phosphene.techniques import TECHNIQUES
from phosphene.techniques.opening import Opening

QUICK = {
    "dream": {"octaves": 1, "steps": 2},
    "style": {"style": ("waves.png",), "scales": 1, "steps": 3, "semantics": 0.0},
    "pattern": {"octaves": 2, "steps": 3},
}
NAMES = {"dream": ["trip"], "style": ["trip"], "pattern": ["block1:3", "block2:5"]}
STEMS = {"dream": ("a", "b"), "style": ("a", "b"), "pattern": ("block1-3", "block2-5")}


@pytest.fixture(params=list(TECHNIQUES))
def technique(request):
    return TECHNIQUES[request.param]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a photograph, a style, and a folder of two with one below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(configuration, "user_file", lambda: tmp_path / "settings.toml")
    rng = np.random.default_rng(3)
    for folder in ("trip/deep", "out", "trip/a-atlas", "trip/.hidden"):
        (tmp_path / folder).mkdir(parents=True)
    names = ("photo", "waves", "trip/a", "trip/b", "trip/deep/c", "trip/a-atlas/no", "trip/.hidden/no")
    for name in names:
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


def words(wishes):
    """OutputOptions as flags."""
    found = []
    for name, value in wishes.items():
        for each in value if isinstance(value, tuple) else (value,):
            found += [f"--{name.replace('_', '-')}", str(each)]
    return found


def run(*line, code=0):
    result = CliRunner().invoke(main, [str(word) for word in line])
    assert result.exit_code == code, result.output
    return result


def called(technique, *more, quick=None):
    """The words that make many pictures."""
    size = ("--size", "64x48") if technique.takes == "words" else ()
    return [technique.name, *NAMES[technique.name], *words(quick or QUICK[technique.name]), *size, *more]


def pixels(name):
    with Image.open(name) as picture:
        return np.asarray(picture).astype(int)


def test_a_folder_through_a_template_is_made_once(here, technique):
    said = run(*called(technique, "-o", "out/{stem}_{steps}.png", "--json"))
    told = [json.loads(line) for line in said.stdout.splitlines()]
    steps = QUICK[technique.name]["steps"]
    assert sorted(each.name for each in (here / "out").iterdir()) == [
        f"{stem}_{steps}.png" for stem in STEMS[technique.name]
    ]
    assert [each["record"]["recipe"] for each in told] == [technique.name] * 2
    again = run(*called(technique, "-o", "out/{stem}_{steps}.png"))
    assert again.stderr.count("there already") == 2
    other = run(*called(technique, "-o", "out/{stem}_{steps}.png", "--seed", "9"), code=1)
    assert other.stderr.count("made otherwise") == 2


def test_what_a_version_without_a_setting_made_is_there_already(here, technique):
    run(*called(technique, "-o", "out/{stem}.png"))
    for file in (here / "out").iterdir():
        made = record.read(file)
        former = {name: value for name, value in made.settings.items() if name not in ("device", "memory")}
        images.save(images.load(file).pixels, file, metadata=replace(made, settings=former).metadata(), overwrite=True)
    again = run(*called(technique, "-o", "out/{stem}.png"))
    assert again.stderr.count("there already") == 2


def test_python_makes_the_same_folder(here, technique):
    run(*called(technique, "-o", "out/"))
    before = [pixels(f"out/{stem}-{technique.name}.png") for stem in STEMS[technique.name]]
    opening = Opening((64, 48)) if technique.takes == "words" else None
    about = {"of": technique.name, "opening": opening, **QUICK[technique.name]}
    assert [made.picture for made in phosphene.many(NAMES[technique.name], "out/", **about)] == [None, None]
    made = list(phosphene.many(NAMES[technique.name], "out/", force=True, **about))
    for stem, each, pixels_ in zip(STEMS[technique.name], made, before, strict=True):
        assert each.output.as_posix() == f"out/{stem}-{technique.name}.png"
        assert np.array_equal(pixels(each.output), pixels_)


def test_settings_from_files(here, technique):
    steps = QUICK[technique.name]["steps"]
    quick = {name: value for name, value in QUICK[technique.name].items() if name != "steps"}
    table = "".join(f"{name} = {json.dumps(value)}\n" for name, value in quick.items())
    (here / "settings.toml").write_text(f"strength = 3\n[{technique.name}]\nseed = 7\nsteps = 1\n")
    (here / "mine.toml").write_text(f"steps = {steps}\n{table}")
    line = [technique.name, NAMES[technique.name][-1], "--config", "mine.toml", "--json"]
    one = here / "trip" / "b.png" if technique.takes == "picture" else NAMES[technique.name][-1]
    said = run(line[0], one, *line[2:], "-o", "one.png", *(("--size", "64x48") if technique.takes == "words" else ()))
    kept = json.loads(said.stdout)["record"]["settings"]
    assert (kept["steps"], kept["seed"]) == (steps, 7)
    assert kept.get("strength") == {"dream": 3, "style": 0.5, "pattern": None}[technique.name]
    (here / "mine.toml").write_text("colours = 'natural'\nkeep_colour = true\nmask = 'photo.png'\n")
    assert "unknown setting" in run(*line, code=2).stderr


def test_previews_records_and_studies(here, technique):
    one = [technique.name, "trip/a.png" if technique.takes == "picture" else "block1:3"]
    size = ("--size", "64x48") if technique.takes == "words" else ()
    run(*one, *words(QUICK[technique.name]), *size, "-o", "one.png", "--preview", "now.png", "-q")
    assert max(pixels("now.png").shape) == 64
    (here / "a.png").write_bytes((here / "trip" / "a.png").read_bytes())
    run("redo", "one.png", "-o", "two.png", "-q")
    assert np.array_equal(pixels("one.png"), pixels("two.png"))
    run("redo", "one.png", "-o", "three.png", "-q", "--steps", "1")
    assert record.read("three.png").settings["steps"] == 1
    rows = phosphene.study(
        one[1], {"steps": [1]}, "study", of=technique.name, size=(64, 48) if size else None, **QUICK[technique.name]
    )
    assert [row["variant"] for row in rows] == ["baseline", "steps 1"]


def test_a_killed_run_goes_on_with_the_same_pixels(here, technique, monkeypatch):
    monkeypatch.setattr(journal, "PAUSE", 0.0)
    quick = {**QUICK[technique.name], "steps": 6} | ({"scales": 2} if technique.name == "style" else {"octaves": 2})
    size = ("--size", "96x96") if technique.takes == "words" else ()
    of = "block2:5" if technique.takes == "words" else "photo.png"
    line = [technique.name, of, *words(quick), *size, "-q", "-o"]
    run(*line, "whole.png")
    program = (
        "import sys, time, phosphene.records.journal as j; j.PAUSE = 0.0\n"
        "write = j.Journal.write\n"
        "def slowly(self):\n"
        "    write(self)\n"
        "    print('kept', flush=True)\n"
        "    time.sleep(60)\n"
        "j.Journal.write = slowly\n"
        "from phosphene.cli import main; main(sys.argv[1:])\n"
    )
    started = [sys.executable, "-c", program, *line, "killed.png"]
    with subprocess.Popen(started, stdout=subprocess.PIPE, text=True, env=os.environ) as killed:
        assert killed.stdout.readline() == "kept\n"
        killed.kill()
    assert not (here / "killed.png").exists()
    kept = here / "killed.png.unfinished" / "run.json"
    told = json.loads(kept.read_text("utf-8"))
    del told["about"]["settings"]["device"]  # as a version wrote it that had no such setting
    kept.write_text(json.dumps(told), "utf-8")
    run("resume", "killed.png")
    assert np.array_equal(pixels("killed.png"), pixels("whole.png"))
    assert not (here / "killed.png.unfinished").exists()


def test_a_sheet_goes_on_with_the_pattern_after_the_last(here, monkeypatch):
    monkeypatch.setattr(journal, "PAUSE", 0.0)
    about = {"channels": "0-2", "steps": 2, "octaves": 1}
    whole, told = phosphene.pattern("block1", size=(64, 64), **about), []

    def killed(step):
        if step.octave == 3:
            raise KeyboardInterrupt

    keep = phosphene.run.CheckpointOptions(here / "sheet.unfinished")
    make = {"of": "pattern", "opening": Opening((64, 64)), "keep": keep, "layer": "block1", **about}
    with pytest.raises(KeyboardInterrupt):
        phosphene.make(on_step=killed, **make)
    again = phosphene.make(on_step=told.append, **make)
    assert {step.octave for step in told} == {3}
    assert (again.pixels == whole.pixels).all()


@pytest.mark.parametrize("of", ["dream", "style"])
def test_a_tree_of_folders_is_kept(here, of):
    quick = words(QUICK[of])
    run(of, "trip", *quick, "--recursive", "-o", "out/", "-q")
    made = sorted(path.relative_to(here / "out").as_posix() for path in (here / "out").rglob("*.png"))
    assert made == [f"a-{of}.png", f"b-{of}.png", f"deep/c-{of}.png"]
    run(of, "trip", *quick, "--recursive", "-q")
    assert (here / "trip" / "deep" / f"c-{of}.png").is_file()
    run(of, "trip", *quick, "--recursive", "-o", "new/{folder}/{stem}.png", "-q")
    assert (here / "new" / "deep" / "c.png").is_file()
    run(of, "trip", *quick, "--recursive", "-o", "nowhere/new/", code=2)
    again = run(of, "trip", *quick, "--recursive")
    assert again.stderr.count("there already") == 3


def test_many_workers_make_every_technique(here, technique):
    pytest.importorskip("distributed")
    run(*called(technique, "-o", "out/", "-q"))
    alone = [pixels(f"out/{stem}-{technique.name}.png") for stem in STEMS[technique.name]]
    began = time.monotonic()
    run(*called(technique, "-o", "out/", "-q", "--force", "--workers", "2"))
    for stem, before in zip(STEMS[technique.name], alone, strict=True):
        assert np.array_equal(pixels(f"out/{stem}-{technique.name}.png"), before)
    assert time.monotonic() - began < 120


# Words


def test_after_a_filter_every_word_is_a_picture(here):
    quick = ("--scales", "1", "--steps", "2", "--semantics", "0", "-q")
    run("style", "trip/a.png", "trip/b.png", "--filter", "woodcut", *quick)
    assert {path.name for path in (here / "trip").glob("*-style.png")} == {"a-style.png", "b-style.png"}


def test_a_style_takes_canvases_and_pipes(here):
    run("style", "clouds", "waves.png", "--size", "64x48", "--scales", "1", "--steps", "2", "-q")
    assert pixels("clouds-style.png").shape == (48, 64, 3)
    piped = (here / "photo.png").read_bytes()
    line = ["style", "-", "waves.png", "--scales", "1", "--steps", "2", "-q", "-o", "piped.png"]
    assert CliRunner().invoke(main, line, input=piped).exit_code == 0
    assert pixels("piped.png").shape == (48, 64, 3)


def test_a_template_names_a_style_by_its_stem(here):
    quick = words({"scales": 1, "steps": 2, "semantics": 0})
    run("style", "photo.png", "waves.png", "trip/a.png:2", *quick, "-q", "-o", "{stem}_{style}.png")
    assert (here / "photo_waves+a.png").is_file()


def test_a_style_among_the_pictures_of_its_folder_is_not_written_over(here):
    said = run(
        "style", "trip", "trip/a.png", "-o", "{stem}.png", "-q", "--scales", "1", "--steps", "1", "--semantics", "0"
    )
    assert said.exit_code == 0  # trip/a.png becomes a.png here
    told = run("style", "photo.png", "waves.png", "-o", "waves.png", "--force", code=2)
    assert "waves.png would be written over" in told.stderr


def test_a_picture_of_the_regions_is_of_one(here):
    told = run("style", "trip", "waves.png", "--show-regions", "map.png", code=2)
    assert "one picture" in told.stderr


def test_many_says_what_it_cannot(here):
    (here / "trip" / "bad.png").write_bytes(b"no picture")
    made = list(phosphene.many("trip", "out/", **QUICK["dream"]))
    assert [each.error is None for each in made] == [True, True, False]
    with pytest.raises(SettingsError, match="Name files"):
        list(phosphene.many("-", **QUICK["dream"]))
    with pytest.raises(SettingsError, match="steps"):
        phosphene.many("trip", "out/", steps=-1)  # what is wrong with all is said at once
    waiting = phosphene.many("trip", "out/", force=True, **QUICK["dream"])
    assert "batch of 3" in repr(waiting)
    with pytest.warns(RuntimeWarning, match="Nothing was made: phosphene.many makes each of the 3"):
        del waiting


def test_nothing_loads_torchs_compiler(here, technique):
    """It takes two seconds, and torch's own optimisers and checkpoints load it."""
    program = "import sys; from phosphene.cli import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
    program += "    print('torch._dynamo' in sys.modules)"
    line = [word for word in called(technique, "-q", "-o", "out/") if word != NAMES["pattern"][1]]
    done = subprocess.run([sys.executable, "-c", program, *line], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_batch_of_a_program_of_ones_own_is_known_again(here):
    """Records hold no folders; what is compared with them must not either."""
    (here / "own.py").write_text(
        "import torch\nfrom torch import nn\n\ndef network():\n    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, padding=1))\n"
    )
    line = ["dream", "trip", "--model", f"{here / 'own.py'}:network", *words(QUICK["dream"]), "-o", "out/"]
    run(*line, "-q")
    assert run(*line).stderr.count("there already") == 2
