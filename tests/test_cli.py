import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import fields
from io import BytesIO
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import phosphene.run
from phosphene.cli import configuration, main, options
from phosphene.errors import ImageError, StopRequested
from phosphene.recipes.settings import NAMES, RECIPES, DreamSettings
from phosphene.records import record

QUICK = ("--octaves", "1", "--steps", "1")
PROGRAM = (sys.executable, "-c", "from phosphene.cli import main; main()")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with two small pictures, and no standing wishes."""
    rng = np.random.default_rng(0)
    for name in ("photo.png", "other.png"):
        Image.fromarray(rng.integers(0, 256, (32, 48, 3), np.uint8)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(configuration, "user_file", lambda: tmp_path / "settings.toml")
    return tmp_path


def cli(*arguments, code=0, **more):
    """Runs a command line here, and returns what it said."""
    result = CliRunner().invoke(main, arguments, **more)
    assert result.exit_code == code, result.output
    return result


def dreamt(*arguments, **more):
    return cli(*arguments, *QUICK, **more)


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


def pixels(path):
    return np.asarray(opened(path)).tobytes()


def settings_of(path):
    return record.read(path).settings


# What is loaded


@pytest.mark.parametrize(
    "program",
    [
        "import phosphene",
        *(
            f"from phosphene.cli import main; main({line!r}.split())"
            for line in ("--help", "dream --help", "studio --help", "study --help")
        ),
    ],
)
def test_a_quick_question_loads_nothing_heavy(program):
    of_pictures, of_servers = {"torch", "numpy", "PIL", "matplotlib"}, {"starlette", "uvicorn", "websockets", "anyio"}
    heavy = of_pictures | of_servers | {"rich", "pooch", "pyvips"}
    program = (
        f"import atexit, sys\natexit.register(lambda: print(*{heavy} & set(sys.modules), file=sys.stderr))\n{program}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


def test_help_explains_every_setting_and_names_each_once():
    said = cli("dream", "--help").stdout
    switches = {entry.name for entry in fields(DreamSettings) if entry.type is bool}
    assert switches == {"invert"}
    for name in NAMES:
        assert said.count(f"\n  --{'[no-]' if name in switches else ''}{name.replace('_', '-')} ") == 1
    assert said.index("The look") < said.index("--strength") < said.index("--jitter")


def test_every_flag_of_a_grouped_command_has_a_group():
    for command in main.commands.values():
        params = command.get_params(click.Context(command))
        if isinstance(command, options.Grouped):
            flags = [each for each in params if isinstance(each, click.Option) and "--help" not in each.opts]
            assert [each.name for each in flags if not isinstance(each, options.Flag)] == []
            assert options.grouped(params)[0][0] != options.REST


def test_version_and_help():
    assert cli("--version").stdout.startswith("phosphene 0.")
    assert "photo.jpg" in cli().stdout


# From input to output


def test_a_picture_alone_is_dreamt_upon(here):
    before = (here / "photo.png").read_bytes()
    said = dreamt("photo.png")
    assert opened("photo-dream.png").size == (48, 32)
    assert pixels("photo-dream.png") != pixels("photo.png")
    assert (here / "photo.png").read_bytes() == before
    assert said.stdout == ""
    assert "photo-dream.png: 48×32 pixels" in said.stderr


def test_flags_may_come_first(here):
    cli("--steps", "1", "--octaves", "1", "photo.png", "-o", "x.png")
    assert settings_of("x.png")["steps"] == 1


def test_a_folder_and_a_pattern(here):
    (here / "out").mkdir()
    dreamt(".", "-o", "out")
    assert sorted(each.name for each in (here / "out").iterdir()) == ["other-dream.png", "photo-dream.png"]
    dreamt("ph*.png", "-o", "{stem}_{seed}.webp", "--seed", "5")
    assert opened("photo_5.webp").size == (48, 32)


@pytest.mark.parametrize("words", ["photo.png -o dreams/", "photo.png other.png -o dreams/{stem}-dream.png"])
def test_a_folder_that_is_named_is_made(here, words):
    dreamt(*words.split())
    assert settings_of("dreams/photo-dream.png")["steps"] == 1
    cli("redo", "dreams/photo-dream.png", "--input", "photo.png", "-o", "again/")
    assert [each.name for each in Path("again").iterdir()] == ["photo-dream-redo.png"]


def test_pipes(here):
    done = dreamt("-", "-o", "-", input=(here / "photo.png").read_bytes())
    dreamt("photo.png", "-q")
    assert np.asarray(Image.open(BytesIO(done.stdout_bytes))).tobytes() == pixels("photo-dream.png")
    assert "standard output" in done.stderr


def test_a_canvas_of_a_size(here):
    dreamt("grey", "--size", "40x24")
    assert opened("grey-dream.png").size == (40, 24)
    assert record.read("grey-dream.png").input["canvas"] == "grey"


def test_canvases_and_pictures_together_have_sizes_of_their_own(here):
    dreamt("photo.png", "grey", "--size", "40x24", "--long-side", "24")
    assert opened("grey-dream.png").size == (40, 24)
    assert opened("photo-dream.png").size == (24, 16)


def test_a_smaller_copy(here):
    assert "shrunk from 48×32 to 24×16" in dreamt("photo.png", "--long-side", "24").stderr
    assert opened("photo-dream.png").size == (24, 16)


def test_nothing_is_overwritten_unasked(here):
    (here / "photo-dream.png").write_bytes(b"precious")
    assert "photo-dream-2.png" in dreamt("photo.png").stderr
    assert "--force" in dreamt("photo.png", "-o", "photo-dream.png", code=2).stderr
    assert (here / "photo-dream.png").read_bytes() == b"precious"
    dreamt("photo.png", "--force")
    assert opened("photo-dream.png").size == (48, 32)


def test_quiet_is_quiet(here):
    said = dreamt("photo.png", "-q", "--long-side", "24")
    assert said.stdout == said.stderr == ""


def test_alpha_and_a_single_pixel(here):
    alpha = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(np.dstack([np.full((16, 16, 3), 99, np.uint8), alpha])).save("clear.png")
    Image.new("RGB", (1, 1), "red").save("dot.png")
    dreamt("clear.png", "dot.png")
    assert np.array_equal(np.asarray(opened("clear-dream.png"))[..., 3], alpha)
    assert opened("dot-dream.png").size == (1, 1)


def test_settings_reach_the_dream(here):
    line = ("--layer", "block5:0.5", "--layer", "block8", "--jitter", "4", "--colour", "0.25", "--tile", "64")
    dreamt("photo.png", *line)
    made = settings_of("photo-dream.png")
    assert (made["layer"], made["jitter"], made["colour"], made["tile"]) == ("block5:0.5,block8", 4, 0.25, 64)


def test_a_recipe_gives_way_to_flags(here):
    here_too = ("--model", "efficientnet-lite0", "--layer", "block5")  # Google's network may not be here
    cli("photo.png", "--recipe", "tensorflow2016", *here_too, "--octaves", "1", "--steps", "1")
    made = settings_of("photo-dream.png")
    assert made["step_size"] == RECIPES["tensorflow2016"].changes["step_size"]
    assert made["steps"] == 1


def test_without_metadata(here):
    dreamt("photo.png", "--no-metadata")
    assert opened("photo-dream.png").info.keys().isdisjoint({"parameters", "phosphene"})


def test_json(here):
    (told,) = map(json.loads, dreamt("photo.png", "--json").stdout.splitlines())
    assert (told["input"], told["output"], told["complete"]) == ("photo.png", "photo-dream.png", True)
    assert told["seconds"] > 0
    assert told["record"]["settings"]["steps"] == 1


def test_a_preview(here):
    Image.fromarray(np.zeros((600, 20, 3), np.uint8)).save("tall.png")
    dreamt("tall.png", "--preview", "now.png")
    assert opened("now.png").size == (17, 512)
    dreamt("photo.png", "--preview", "now.png")  # an earlier preview may go
    assert opened("now.png").size == (48, 32)


def test_a_dream_outlives_its_preview(here, monkeypatch):
    def full(*_):
        raise ImageError("no room")

    monkeypatch.setattr("phosphene.cli.runner._draw_preview", full)
    assert "no more previews: no room" in dreamt("photo.png", "--preview", "now.png").stderr
    assert opened("photo-dream.png").size == (48, 32)


# Settings from files


def test_the_nearer_wish_wins(here):
    (here / "settings.toml").write_text('octaves = 1\nsteps = 3\njitter = 3\nrecipe = "tensorflow2016"\n')
    (here / "mine.toml").write_text('steps = 2\nstep-size = 0.5\nlayer = ["block5", "block8"]\noverlap = 16\n')
    cli("photo.png", "--config", "mine.toml", "--steps", "1", "--model", "efficientnet-lite0")
    made = settings_of("photo-dream.png")
    expected = {"steps": 1, "step_size": 0.5, "jitter": 3, "octaves": 1, "normalise": "mean", "overlap": "16"}
    assert {name: made[name] for name in expected} == expected
    assert made["layer"] == "block5,block8"


def test_a_typed_preset_beats_the_looks_of_files(here):
    (here / "settings.toml").write_text('layer = "block5"\nchannel = 3\ncolour = 0.9\nstrength = 2\nsteps = 1\n')
    (here / "mine.toml").write_text("octaves = 1\nmodel = 'efficientnet-lite0'\n")
    cli("photo.png", "--config", "mine.toml", "--preset", "coils")
    made = settings_of("photo-dream.png")
    expected = {
        "layer": "block6",
        "channel": None,
        "colour": None,
        "chroma": 0.4,
        "strength": 2,
        "steps": 1,
        "octaves": 1,
    }
    assert {name: made[name] for name in expected} == expected
    cli("photo.png", "--config", "mine.toml", "--preset", "coils", "--colour", "0.1", "--force")
    assert settings_of("photo-dream.png")["colour"] == 0.1


def test_a_files_preset_gives_way_to_files(here):
    (here / "settings.toml").write_text('preset = "coils"\noctaves = 1\nsteps = 1\n')
    (here / "mine.toml").write_text('layer = "block5"\n')
    cli("photo.png", "--config", "mine.toml")
    made = settings_of("photo-dream.png")
    assert (made["layer"], made["chroma"]) == ("block5", 0.4)


def test_a_typed_layer_is_not_blamed_on_the_preset(here):
    said = cli("photo.png", "--preset", "beasts", "--layer", "blok8", code=2)
    assert "made for" not in said.stderr


# Batches


def test_a_batch_skips_what_is_there_and_the_same(here):
    dreamt("photo.png", "other.png")
    before = {name: (here / name).stat().st_mtime_ns for name in ("photo-dream.png", "other-dream.png")}
    said = dreamt("photo.png", "other.png", "--json")
    assert said.stderr.count("there already") == 2
    assert all(json.loads(line)["skipped"] for line in said.stdout.splitlines())
    assert before == {name: (here / name).stat().st_mtime_ns for name in before}


def test_a_batch_goes_on_where_it_was_interrupted(here, monkeypatch):
    make = phosphene.run.Prepared.make

    def interrupted(*arguments, **options):
        def stop(step):
            raise StopRequested

        return make(*arguments, **options | {"on_step": stop})

    with monkeypatch.context() as patch:
        patch.setattr("phosphene.run.Prepared.make", interrupted)
        dreamt("photo.png")
    assert not record.read("photo-dream.png").complete
    assert "photo-dream-2.png" in dreamt("photo.png", "other.png", "--seed", "1").stderr  # another picture
    (here / "other-dream.png").unlink()
    said = dreamt("photo.png", "other.png")
    assert "it was interrupted, and is made anew" in said.stderr
    assert record.read("photo-dream.png").complete
    assert "there already" in dreamt("photo.png", "other.png").stderr


def test_a_second_try_gets_a_name_of_its_own(here):
    dreamt("photo.png", "--seed", "1")
    for _ in range(2):
        said = dreamt("photo.png", "--seed", "2")
    assert "photo-dream-2.png: there already" in said.stderr
    assert "photo-dream.png: there already" in dreamt("photo.png", "--seed", "1").stderr
    dreamt(".")
    seeds = {path.name: settings_of(path.name)["seed"] for path in here.glob("*-dream*.png")}
    assert seeds == {"photo-dream.png": 1, "photo-dream-2.png": 2, "photo-dream-3.png": 0, "other-dream.png": 0}
    dreamt(".", "--force")
    assert settings_of("photo-dream.png")["seed"] == 0
    assert len(list(here.glob("*-dream*.png"))) == 4


def test_a_name_that_was_typed_is_kept_or_refused(here):
    dreamt("photo.png", "-o", "x.png")
    assert "exists already" in dreamt("photo.png", "-o", "x.png", "--seed", "1", code=2).stderr
    dreamt("photo.png", "other.png", "-o", "{stem}_d.png")
    said = dreamt("photo.png", "other.png", "-o", "{stem}_d.png", "--seed", "1", code=1)
    assert "made otherwise" in said.stderr


def test_a_batch_goes_on_after_a_failure(here):
    (here / "broken.png").write_text("no picture")
    said = dreamt("broken.png", "missing.png", "photo.png", "--json", code=1)
    told = [json.loads(line) for line in said.stdout.splitlines()]
    assert [each.get("exit_code") for each in told] == [2, 2, None]
    assert "broken.png" in said.stderr
    assert "2 of 3" in said.stderr
    assert opened("photo-dream.png").size == (48, 32)


# Records


def test_info(here):
    dreamt("photo.png")
    said = cli("info", "photo-dream.png").stdout
    assert "layer(" in said
    assert hashlib.sha256((here / "photo.png").read_bytes()).hexdigest() in said
    again, another = (shlex.split(line)[-3:] for line in said.splitlines() if "phosphene redo" in line)
    assert again == ["phosphene", "redo", "photo-dream.png"]
    assert another[-2:] == ["--input", "PICTURE"]
    assert "--steps" in said  # which was typed
    assert "--jitter" not in said  # which is the usual one
    assert "--jitter" in cli("info", "photo-dream.png", "--all").stdout
    cli("redo", "photo-dream.png", "--input", "other.png", "-o", "so.png")
    told = json.loads(cli("info", "photo-dream.png", "--json").stdout)
    assert told["record"]["settings"] == settings_of("photo-dream.png")
    assert cli("info", "photo-dream.png", "photo.png", code=1).stdout


def test_redo_says_where_the_photograph_is_if_it_lies_where_one_stands(here):
    (here / "made").mkdir()
    dreamt("photo.png", "-o", "made/x.png")
    said = cli("redo", "made/x.png", code=2).stderr
    assert "--input photo.png" in said
    cli("redo", "made/x.png", "--input", "photo.png")
    (here / "photo.png").rename("elsewhere.png")
    assert "--input PATH" in cli("redo", "made/x.png", code=2).stderr


def test_redo_gives_the_same_pixels_beside_the_first(here):
    dreamt("photo.png", "--seed", "3")
    cli("redo", "photo-dream.png")
    assert pixels("photo-dream-redo.png") == pixels("photo-dream.png")
    cli("redo", "photo-dream.png", "--seed", "4")
    assert pixels("photo-dream-redo2.png") != pixels("photo-dream.png")
    assert settings_of("photo-dream-redo2.png")["steps"] == 1


def test_redo_with_its_input_elsewhere_or_changed(here):
    (here / "far").mkdir()
    dreamt("photo.png", "-o", "far/x.png")
    assert "--input" in cli("redo", "far/x.png", code=2).stderr
    cli("redo", "far/x.png", "--input", "photo.png")
    assert pixels("far/x-redo.png") == pixels("far/x.png")
    said = cli("redo", "far/x.png", "--input", "other.png", "-o", "y.png")
    assert "not the recorded one" in said.stderr
    piped = cli("redo", "far/x.png", "--input", "photo.png", "-o", "-")
    assert np.asarray(Image.open(BytesIO(piped.stdout_bytes))).tobytes() == pixels("far/x.png")


def test_redo_into_folders_and_templates(here):
    (here / "again").mkdir()
    dreamt("photo.png")
    for output, path in (("again", "photo-dream-redo.png"), ("again/", "photo-dream-redo2.png")):
        cli("redo", "photo-dream.png", "-o", output)
        assert pixels(here / "again" / path) == pixels("photo-dream.png")
    cli("redo", "photo-dream.png", "-o", "{stem}_{seed}_{layer}.{ext}", "--seed", "5", "--layer", "block2")
    assert settings_of("photo-dream_5_block2.png")["seed"] == 5


def test_records_of_what_is_piped_in(here):
    dreamt("photo.png")
    data = (here / "photo-dream.png").read_bytes()
    assert "layer(" in cli("info", "-", input=data).stdout
    cli("redo", "-", input=data)
    assert pixels("stdin-redo.png") == pixels("photo-dream.png")


def test_redo_says_where_versions_differ(here, monkeypatch):
    dreamt("photo.png")
    now = record.versions()
    monkeypatch.setattr(record, "versions", lambda *_: now | {"torch": "9.9"})
    assert f"torch {now['torch']} (now 9.9)" in cli("redo", "photo-dream.png").stderr


# Tables


def test_layers():
    few, many = (cli("layers", *flags).stdout for flags in ((), ("--all",)))
    assert "block11" in few
    assert "block11/expand_pre_relu" not in few
    assert "block11/expand_pre_relu" in many
    rows = json.loads(cli("layers", "--json").stdout)
    assert next(row for row in rows if row["name"] == "block8")["channels"] == 112


def test_networks(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOSPHENE_MODELS", str(tmp_path))
    said = cli("networks").stdout
    assert "phosphene networks get googlenet" in said
    rows = {row["name"]: row for row in json.loads(cli("networks", "--json").stdout)}
    assert rows["efficientnet-lite0"]["present"]
    assert not rows["googlenet"]["present"]
    assert rows["efficientnet-lite0"]["file"] in cli("networks", "get", "efficientnet-lite0").stderr


def test_presets():
    assert "google2015" in cli("presets").stdout
    assert {row["name"] for row in json.loads(cli("presets", "--json").stdout)} >= set(RECIPES)


# A program among programs


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_dream_is_saved(here, number, code):
    opened("photo.png").resize((96, 96)).save("large.png")
    line = ("large.png", "other.png", "--octaves", "1", "--steps", "100000", "--preview", "now.png")
    with subprocess.Popen([*PROGRAM, *line], stderr=subprocess.PIPE, text=True) as process:
        waited = time.monotonic() + 60
        while not Path("now.png").exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < waited
            time.sleep(0.02)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert "Traceback" not in said
    assert "Stopped at octave 1 of 1, step" in said
    assert "phosphene redo large-dream.png" in said
    made = record.read("large-dream.png")
    assert not made.complete
    assert made.reached.startswith("octave 1 of 1")
    assert not Path("other-dream.png").exists()


def test_an_interruption_before_the_first_step_saves_nothing(here, monkeypatch):
    def interrupted(*_, **__):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("phosphene.run.Prepared.make", interrupted)
    said = dreamt("photo.png", "other.png", code=130)
    assert "nothing of it is saved" in said.stderr
    assert sorted(each.name for each in here.iterdir()) == ["other.png", "photo.png"]


def test_an_interruption_that_something_swallows_is_heard_at_the_next_step(here, monkeypatch):
    make = phosphene.run.Prepared.make

    def deaf(*arguments, **options):
        try:
            signal.raise_signal(signal.SIGINT)
        except Exception:
            return make(*arguments, **options)

    monkeypatch.setattr("phosphene.run.Prepared.make", deaf)
    cli("photo.png", "--octaves", "1", "--steps", "3", code=130)
    assert record.read("photo-dream.png").reached == "octave 1 of 1, step 1 of 3"


def test_the_second_interruption_ends_at_once(here, monkeypatch):
    def twice(*_, **__):
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("phosphene.run.Prepared.make", twice)
    dreamt("photo.png", code=130)
    assert not Path("photo-dream.png").exists()


def test_debug_shows_where(here):
    assert "Traceback" in cli("--debug", "missing.png", code=2).stderr
    assert "Traceback" in cli("missing.png", "--debug", code=2).stderr
    assert "Traceback" in cli("missing.png", code=2, env={"PHOSPHENE_DEBUG": "1"}).stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_a_reader_that_goes_away_is_no_fault():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*PROGRAM, "presets", "--json"], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 141


# Memory


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a system that tells a process's peak memory")
@pytest.mark.parametrize("more", [("--layer", "block5"), ("--layer", "block8", "--octaves", "3")])
def test_a_memory_limit_is_kept(here, more):
    limit = 800
    told = "import atexit; atexit.register(lambda: print(open('/proc/self/status').read()))"
    program = (sys.executable, "-W", "ignore", "-c", f"{told}; {PROGRAM[-1]}")
    wishes = ("--size", "1200x900", "--steps", "1", "--octaves", "1", "--memory", f"{limit}MB", "-q", *more)
    run = subprocess.run([*program, "grey", *wishes], capture_output=True, text=True, check=True)
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", run.stdout)[1])
    assert 100_000 < peak * 1.024 < limit * 1000


def test_a_long_run_without_a_terminal_says_how_far_it_is(here, monkeypatch):
    monkeypatch.setattr("phosphene.cli.progress.EVERY", 0.0)
    said = cli("photo.png", "--octaves", "2", "--steps", "2", "--layer", "block2", "-o", "x.png").stderr
    assert re.search(r"^photo\.png: \d+%, octave 1/1$", said, re.MULTILINE)
    quiet = cli("photo.png", "--octaves", "2", "--steps", "2", "--layer", "block2", "-o", "y.png", "-q").stderr
    assert quiet == ""
