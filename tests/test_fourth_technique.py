"""A technique of one small file has a command, functions, folders, records, resume and studies."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import fade
import phosphene
from phosphene.cli import main
from phosphene.records import record
from phosphene.techniques import TECHNIQUES, register


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(TECHNIQUES, "fade", fade.FADE)
    register(fade.FADE)
    (tmp_path / "trip").mkdir()
    for name in ("photo.png", "trip/a.png", "trip/b.png"):
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)).save(tmp_path / name)
    return tmp_path


def run(line, code=0):
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == code, result.output
    return result.output


def pixels(name):
    with Image.open(name) as picture:
        return np.asarray(picture).astype(float)


def test_it_is_small():
    assert len(Path(fade.__file__).read_text().splitlines()) < 80


def test_it_has_a_command_with_help_and_completion(here):
    assert "Fades a picture." in run("--help")
    assert "how far it goes towards the negative [1.0]" in " ".join(run("fade --help").split())
    command = main.get_command(None, "fade")
    (dtype,) = (param for param in command.params if param.name == "dtype")
    assert [each.value for each in dtype.shell_complete(None, "float")] == ["float32", "float64"]
    run("fade photo.png --strength 1 -q")
    assert np.abs(pixels("photo-fade.png") - (255 - pixels("photo.png"))).max() <= 1
    assert "takes a number from 0 to 1" in run("fade photo.png --strength 7", code=2)


def test_it_has_a_function_records_and_folders(here):
    made = phosphene.make("fade", "photo.png", strength=0.5)
    assert (made.record.recipe, made.record.settings["strength"]) == ("fade", 0.5)
    run("fade trip -o {stem}_{strength}.png --strength 0.25 -q")
    assert "there already" in run("fade trip -o {stem}_{strength}.png --strength 0.25")
    assert record.read("a_0.25.png").complete
    run("redo a_0.25.png --input trip/a.png --strength 0 -q")
    assert np.abs(pixels("a_0.25-redo.png") - pixels("trip/a.png")).max() <= 1


def test_it_goes_on_where_it_stopped_and_can_be_studied(here, monkeypatch):
    monkeypatch.setattr("phosphene.records.journal.PAUSE", 0.0)

    def killed(step):
        if step.step == 3:
            raise KeyboardInterrupt

    keep = phosphene.run.CheckpointOptions(
        here / "photo-fade.png.unfinished", {"arguments": ["fade", "photo.png"], "folder": str(here)}
    )
    with pytest.raises(KeyboardInterrupt):
        phosphene.make("fade", "photo.png", keep=keep, on_step=killed)
    told = run("resume photo-fade.png")
    assert "goes on where it stopped" in told
    assert np.abs(pixels("photo-fade.png") - (255 - pixels("photo.png"))).max() <= 1
    rows = phosphene.study("photo.png", {"strength": [0.2, 0.8]}, "study", of="fade")
    assert [row["strength"] for row in rows] == [1.0, 0.2, 0.8]
    assert rows[1]["command"].startswith("phosphene fade photo.png --strength 0.2")
