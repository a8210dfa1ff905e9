"""Runs that stop, in every way, and go on."""

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import phosphene
from conftest import photograph, tiny
from phosphene import images, run
from phosphene.ascent import executor, planning
from phosphene.cli import main
from phosphene.errors import OutOfSpaceError, RecordError, SettingsError, StopRequested
from phosphene.images import huge, rasters, sources
from phosphene.images.tags import Tags
from phosphene.recipes import style
from phosphene.records import journal, record
from phosphene.run import CheckpointOptions
from phosphene.techniques.opening import Opening

CHOSEN = {"layer": "deep", "octaves": 2, "steps": 3, "dtype": "float64", "jitter": 9}
SIZE = (150, 131)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Every step is kept, and what has more than some thousand pixels is large."""
    monkeypatch.setattr(journal, "PAUSE", 0.0)
    monkeypatch.setattr(executor, "SIDE", 230)


@pytest.fixture
def photo(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "photo.png"
    Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).save(path)
    return path


def dream(photo, keep=None, on_step=None, **changes):
    return phosphene.dream(photo, network=tiny(torch.float64), keep=keep, on_step=on_step, **{**CHOSEN, **changes})


def stopping(count):
    """Raises at the call of that number, as a process is killed."""
    left = [count]

    def on_step(_):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return on_step


@settings(deadline=None, max_examples=6)
@given(st.integers(1, 6))
def test_a_dream_in_memory_goes_on_after_any_step(tmp_path_factory, count):
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).save(folder / "photo.png")
    keep = CheckpointOptions(folder / "kept")
    with contextlib.suppress(KeyboardInterrupt):
        dream(folder / "photo.png", keep, stopping(count))
    assert keep.folder.is_dir()
    steps = []
    resumed = dream(folder / "photo.png", keep, steps.append)
    assert len(steps) == 6 - min(count, 5)  # the last step is not kept: the picture is written instead
    assert torch.equal(resumed.pixels, dream(folder / "photo.png").pixels)


def test_a_large_dream_is_the_one_in_memory_and_says_how_it_was_made(photo, tmp_path, monkeypatch):
    wanted = dream(photo)
    monkeypatch.setattr(planning, "LARGE", 1000)
    for format in ("tif", "png"):
        made = dream(photo, CheckpointOptions(tmp_path / "kept"))
        assert isinstance(made, run.LargeDream)
        path = tmp_path / f"dream.{format}"
        made.save(path)
        made.journal.close()
        assert (images.load(path, dtype=torch.float64).pixels - wanted.pixels).abs().max() <= 0.5 / 255 + 1e-9
        told, known = record.read(path), wanted.record
        assert (told.settings, told.input, told.objective) == (known.settings, known.input, known.objective)
    assert not (tmp_path / "kept").exists()


def test_a_large_dream_that_is_stopped_says_how_to_go_on(photo, tmp_path, monkeypatch):
    wanted = dream(photo)
    monkeypatch.setattr(planning, "LARGE", 1000)
    keep = CheckpointOptions(journal.folder_of(tmp_path / "dream.tif"))

    def stop(step):
        if step.done > 0.5:
            raise StopRequested

    with pytest.raises(StopRequested, match=r"resume dream\.tif"):
        dream(photo, keep, stop)
    monkeypatch.setattr(planning, "LARGE", 10**9)  # it goes on as it was begun
    resumed = dream(photo, keep)
    assert (resumed.raster.read(dtype=torch.float64) - wanted.pixels).abs().max() < 1e-9


@pytest.mark.parametrize("larger", [1000, 10**9])
def test_a_run_of_other_settings_is_not_lost(photo, tmp_path, monkeypatch, larger):
    monkeypatch.setattr(planning, "LARGE", larger)
    keep = CheckpointOptions(tmp_path / "kept")
    with contextlib.suppress(KeyboardInterrupt):
        dream(photo, keep, stopping(4))
    before = (keep.folder / "run.json").read_bytes()
    with pytest.raises(SettingsError, match=r"strength.*\n.*resume.*\n.*--force"):
        dream(photo, keep, strength=2.0)
    assert (keep.folder / "run.json").read_bytes() == before
    anew = dream(photo, CheckpointOptions(keep.folder, anew=True), strength=2.0)
    assert anew.record.settings["strength"] == 2.0


def test_a_damaged_checkpoint_is_refused_and_left(photo, tmp_path):
    keep = CheckpointOptions(tmp_path / "kept")
    with contextlib.suppress(KeyboardInterrupt):
        dream(photo, keep, stopping(3))
    (kept,) = keep.folder.glob("*.raw")
    whole = kept.read_bytes()
    for damaged, said in ((whole[:-8], "not whole"), (whole[:-8] + b"damaged!", "damaged")):
        kept.write_bytes(damaged)
        with pytest.raises(RecordError, match=said):
            dream(photo, keep)
    (keep.folder / "run.json").write_text("{")
    with pytest.raises(RecordError, match=r"damaged.*\n.*--force"):
        dream(photo, keep)


@pytest.mark.parametrize(
    "state",
    [
        *({"octave": 0}, {"step": 1}, {"size": None}, {"size": [1]}, {"size": ["a", "b"]}, {"checksum": None}),
        *({"octave": "../../x"}, {"octave": True}, {"step": -1}, {"step": 10**30}, {"size": [10**30, 1]}),
    ],
)
def test_a_state_that_makes_no_sense_is_refused(photo, tmp_path, state):
    keep = CheckpointOptions(tmp_path / "kept")
    with contextlib.suppress(KeyboardInterrupt):
        dream(photo, keep, stopping(3))
    path = keep.folder / "run.json"
    facts = json.loads(path.read_text())
    facts["state"] = facts["state"] | state if len(facts["state"] | state) > 1 and state != {"octave": 0} else state
    path.write_text(json.dumps(facts))
    with pytest.raises(RecordError):
        dream(photo, keep)


def test_a_full_disk_keeps_the_last_good_state(photo, tmp_path, monkeypatch):
    wanted = dream(photo)
    monkeypatch.setattr(planning, "LARGE", 1000)
    keep, put, left = CheckpointOptions(journal.folder_of(tmp_path / "dream.tif")), rasters.Raster.put, [9]

    def full(*arguments, **more):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(rasters.Raster, "put", full)
        with pytest.raises(OutOfSpaceError, match=r"disk is full.*\n.*resume dream\.tif"):
            dream(photo, keep)
    resumed = dream(photo, keep)
    assert (resumed.raster.read(dtype=torch.float64) - wanted.pixels).abs().max() < 1e-9


def test_too_little_disk_is_said_before(photo, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "LARGE", 1000)
    monkeypatch.setattr(journal.shutil, "disk_usage", lambda _: journal.shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(OutOfSpaceError, match=r"needs 0\.\d GB of disk"):
        dream(photo, CheckpointOptions(tmp_path / "kept"), on_step=pytest.fail)


def test_a_full_disk_does_not_end_a_dream_in_memory(photo, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(rasters.Raster, "put", full)
    made = dream(photo, CheckpointOptions(tmp_path / "kept"))
    assert any("not kept" in note for note in made.notes)
    assert torch.equal(made.pixels, dream(photo).pixels)


def test_what_needs_memory_says_so(photo, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "PICTURE_NUMBERS", 10**6)
    Image.new("L", SIZE[::-1], 255).save(tmp_path / "mask.png")
    with pytest.raises(SettingsError, match=r"--mask needs it in memory.*\n.*--memory"):
        dream(photo, CheckpointOptions(tmp_path / "kept"), mask=str(tmp_path / "mask.png"), memory="1GB")
    with pytest.raises(OutOfSpaceError, match="a file to dream into"):
        dream(photo, memory="1GB")


def test_resuming_what_was_never_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["resume", "dream.png"])
    assert result.exit_code == 2
    assert "dream.png.unfinished" in result.output


PROGRAM = "import sys, phosphene.records.journal as j, phosphene.ascent.planning as p; j.PAUSE = 0.0; p.LARGE = {}; "
PROGRAM += "from phosphene.cli import main; main(sys.argv[1:])"


KEPT = "dream.png.unfinished/run.json"


def finished(folder, *arguments, larger):
    line = (sys.executable, "-c", PROGRAM.format(larger), *arguments)
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)


def killed(folder, *arguments, larger, after):
    """Starts a command line, and kills it so many seconds after its first checkpoint; false if it was done before."""
    line, journal_file = (
        (sys.executable, "-c", PROGRAM.format(larger), *arguments),
        folder / "dream.png.unfinished/run.json",
    )
    before = journal_file.stat().st_mtime_ns if journal_file.exists() else 0
    with subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                if journal_file.stat().st_mtime_ns != before:
                    break
            time.sleep(0.01)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def kill_and_resume(folder, kills, larger, steps):
    """A dream that is killed so many times, beside the same one unbroken."""
    Image.open(photograph("china")).resize((200, 134)).save(folder / "photo.png")
    chosen = ("photo.png", "--layer", "block3", "--octaves", "2", "--steps", str(steps), "--strength", "0.1")
    assert finished(folder, *chosen, "-o", "whole.png", larger=larger).returncode == 0
    chance, command = random.Random(0), (*chosen, "-o", "dream.png")
    for _ in range(kills):
        assert killed(folder, *command, larger=larger, after=0.2 * chance.random())
        state = json.loads((folder / "dream.png.unfinished" / "run.json").read_text())["state"]
        assert state["octave"] >= 0 or larger == 1000
        command = ("resume", "dream.png")
    result = finished(folder, "resume", "dream.png", larger=larger)
    assert result.returncode == 0, result.stderr
    pictures = [np.asarray(Image.open(folder / name)) for name in ("whole.png", "dream.png")]
    assert np.array_equal(*pictures)
    assert sorted(each.name for each in folder.iterdir()) == ["dream.png", "photo.png", "whole.png"]


@pytest.mark.parametrize(("larger", "kills"), [(1000, 2), (10**9, 1)])
def test_a_run_that_is_killed_goes_on(tmp_path, larger, kills):
    kill_and_resume(tmp_path, kills, larger, 16)


@pytest.mark.slow
@pytest.mark.parametrize("larger", [1000, 10**9])
def test_a_run_that_is_killed_twenty_times_goes_on(tmp_path, larger):
    kill_and_resume(tmp_path, 20, larger, 200)


def test_pictures_are_unpacked_as_they_are_read(tmp_path):
    picture = Image.open(photograph("china"))
    exif = Image.Exif()
    exif[274] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    clear = picture.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(picture.size))
    clear.save(tmp_path / "clear.png")
    picture.convert("L").save(tmp_path / "grey.png")
    images.save(torch.rand(1, 3, 40, 50), tmp_path / "deep.tif", depth=16)
    for path in list(tmp_path.iterdir()):
        read, unpacked = images.load(path), huge.unpack(path, tmp_path / "numbers.raw")
        pixels = unpacked.raster.read(dtype=torch.float32)
        assert images.size_of(path) == tuple(read.pixels.shape[-2:])
        assert torch.equal(pixels[:, :3], read.pixels), path.name
        assert read.alpha is None or torch.equal(pixels[:, 3:], read.alpha)
        assert (sources.sha256_of(path), unpacked.depth) == (read.sha256, read.depth)


@pytest.mark.parametrize("name", ["dream.png", "dream.jpg", "dream.tif"])
@pytest.mark.parametrize("depth", [8, 16])
def test_large_pictures_are_written_as_others_are(tmp_path, name, depth):
    pixels = torch.rand(1, 3, 300, 260)
    raster = rasters.Raster(tmp_path / "a.raw", 300, 260).create()
    raster.write(pixels)
    source = rasters.Raster(tmp_path / "b.raw", 300, 260, 4, "u1").create()
    source.write(torch.cat([pixels, torch.rand(1, 1, 300, 260)], 1))
    texts = {"parameters": "Phosphene dream of größe\nSteps: 3", "phosphene": '{"a": "ü"}'}
    opened = huge.Opened(source, depth, Tags(), ())
    huge.save(raster, opened, tmp_path / name, metadata=texts, tags=Tags(), quality=100, overwrite=False)
    alpha = source.read(dtype=torch.float32)[:, 3:]
    read = images.load(tmp_path / name)
    if name != "dream.jpg":
        assert read.depth == depth
        assert (read.pixels - pixels).abs().max() <= 0.51 / (2**depth - 1)
        assert (read.alpha - alpha).abs().max() <= 0.51 / 255
    else:
        assert (read.pixels - (pixels * alpha + 1 - alpha)).abs().mean() < 0.01
    found = images.metadata(tmp_path / name)
    assert json.loads(found["phosphene"]) == {"a": "ü"}
    assert found["parameters"].endswith("\nSteps: 3")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["a.raw", "b.raw", name])


def test_a_painting_goes_on_after_any_window(tmp_path, efficientnet, monkeypatch):
    monkeypatch.setattr(style, "window_area", lambda *_: 160**2)
    content, look = (images.load(photograph(name), long_side=220).pixels for name in ("coffee", "china"))

    def paint(keep=None, on_step=None):
        told = {"steps": 3, "scales": 2, "semantics": 0.0, "keep": keep, "on_step": on_step}
        return phosphene.style(content, look, network=efficientnet, **told)

    steps = []
    wanted = paint(on_step=steps.append)
    assert steps[-1].steps > 2 * 3  # several windows
    for count in (5, 11):
        keep, resumed = CheckpointOptions(tmp_path / f"kept-{count}"), []
        with contextlib.suppress(KeyboardInterrupt):
            paint(keep, stopping(count))
        assert torch.equal(paint(keep, resumed.append).pixels, wanted.pixels)
        assert len(resumed) == len(steps) - (count - 1) // 3 * 3


def test_a_run_that_was_killed_when_its_picture_was_there_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["clouds", "--size", "48x40", "-o", "a.png", "--octaves", "1", "--steps", "1"]
    assert CliRunner().invoke(main, words).exit_code == 0
    made = (tmp_path / "a.png").read_bytes()
    for again in (lambda: CliRunner().invoke(main, words).exit_code, lambda: 0 * len(list(_again(tmp_path)))):
        (tmp_path / "a.png.unfinished").mkdir()
        (tmp_path / "a.png.unfinished" / "octave1-step0.raw").write_bytes(b"x")
        assert again() == 0
        assert [path.name for path in tmp_path.iterdir() if "settings" not in path.name] == ["a.png"]
        assert (tmp_path / "a.png").read_bytes() == made


@pytest.mark.parametrize("technique", ["dream", "style"])
def test_a_run_that_was_killed_while_its_journal_went_is_done(tmp_path, monkeypatch, technique):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(journal, "PAUSE", 0.0)
    words = {"dream": ["grey", "--octaves", "1"], "style": ["style", "grey", "clouds.png", "--scales", "1"]}[technique]
    Image.open(photograph("china")).resize((48, 40)).save("clouds.png")
    folder, kept = tmp_path / "a.png.unfinished", tmp_path / "kept"
    close = journal.Journal.close

    def copied(self):
        shutil.copytree(self.folder, kept)
        close(self)

    with monkeypatch.context() as patched:
        patched.setattr(journal.Journal, "close", copied)
        line = [*words, "--size", "48x40", "--steps", "4", "-o", "a.png"]
        assert CliRunner().invoke(main, line).exit_code == 0
    made = (tmp_path / "a.png").read_bytes()
    for gone in ([], [path.name for path in kept.iterdir() if path.name != "run.json"]):
        shutil.copytree(kept, folder)
        sources.sweep.cache_clear()  # as in a process of its own
        leftover = sources.temporary_beside(tmp_path / "a.png")
        leftover = leftover.with_name(leftover.name.replace(f"-{os.getpid()}-", "-999999999-"))  # of one that is gone
        leftover.write_bytes(made)
        sources.sweep.cache_clear()
        for name in gone:
            (folder / name).unlink()
        said = CliRunner().invoke(main, ["resume", "a.png"])
        assert said.exit_code == 0, said.output
        assert "there already" in said.output
        assert not folder.exists()
        assert not leftover.exists()
        assert (tmp_path / "a.png").read_bytes() == made


def test_what_says_of_which_run_a_journal_is_goes_last(tmp_path, monkeypatch):
    folder = tmp_path / "a.png.unfinished"
    folder.mkdir()
    for name in ("run.json", "a.raw", "z.raw"):
        (folder / name).write_bytes(b"x")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.forget(tmp_path / "a.png")
    assert [path.name for path in folder.iterdir()] == ["run.json"]


def _again(folder):
    wishes = {"octaves": 1, "steps": 1}
    return phosphene.many("clouds", output=str(folder / "a.png"), opening=Opening((48, 40)), **wishes)
