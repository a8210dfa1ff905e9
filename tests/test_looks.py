"""Looks that are passed on: --like, and `phosphene looks`."""

import json
import tomllib
from dataclasses import replace

import pytest
import torch

import phosphene
from phosphene import images
from phosphene.cli import looks, main
from phosphene.records import record

QUICK = {"octaves": 1, "steps": 1}


def run(*words, code=0):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert (ended.value.code or 0) == code, words


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("photo.png", "other.png")):
        images.save(torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(number)), tmp_path / name)
    made = phosphene.dream("photo.png", preset="coils", strength=0.7, seed=5, mask="1", feather=3.0, **QUICK)
    made.save("friend.png")
    return tmp_path


def test_a_dream_like_another_has_its_settings_but_not_its_places(here):
    run("other.png", "--like", "friend.png", "--steps", "2", "-q")
    made, friend = record.read("other-dream.png").settings, record.read("friend.png").settings
    assert {name for name in made if made[name] != friend[name]} == {"mask", "feather", "seed", "steps"}
    assert (made["mask"], made["seed"], made["steps"]) == (None, 0, 2)


def test_what_is_typed_stands_in_place_of_the_look(here):
    run("other.png", "--like", "friend.png", "--layer", "block2", "-q")
    assert record.read("other-dream.png").objective == "layer(block2)"


def test_a_look_is_kept_passed_on_and_kept_again_elsewhere(here, capfd, monkeypatch):
    run("looks", "import", "friend.png", "--name", "ropes")
    run("looks", "export", "ropes", "ropes.toml")
    content = tomllib.loads((here / "ropes.toml").read_text("utf-8"))
    told = {"strength": 0.7, "layer": "block6", "octaves": 1, "steps": 1, "chroma": 0.4, "octave_scale": 1.4}
    assert content["dream"].items() >= told.items()
    assert not content["dream"].keys() & {"mask", "feather", "seed", "device", "memory"}
    assert content["look"]["preview"].startswith("data:image/webp;base64,")
    assert len(json.dumps(content)) < 20_000
    monkeypatch.setattr(looks, "folder", lambda: here / "elsewhere")
    run("looks", "import", "ropes.toml")
    assert tomllib.loads((here / "elsewhere" / "ropes.toml").read_text("utf-8")) == content
    capfd.readouterr()
    run("looks", "--json")
    rows = json.loads(capfd.readouterr().out)
    assert {"flag": "--like", "name": "ropes", "about": "as friend.png, one of the dreams"} in rows
    assert {row["name"] for row in rows} >= {"neon", "woodcut"}
    run("other.png", "--like", "ropes", "-q")
    run("other.png", "--like", "ropes.toml", "-q", "-o", "file.png")
    run("other.png", "--like", "friend.png", "-q", "-o", "picture.png")
    ways = [record.read(name).settings for name in ("other-dream.png", "file.png", "picture.png")]
    assert ways[0] == ways[1] == ways[2]


def test_a_presets_look_is_exported(here):
    run("looks", "export", "neon", "neon.toml")
    run("other.png", "--like", "neon.toml", "-q", "-o", "a.png", "--steps", "1")
    run("other.png", "--preset", "neon", "-q", "-o", "b.png", "--steps", "1")
    assert record.read("a.png").settings == record.read("b.png").settings


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["other.png", "--like", "neon"], "'neon' is a preset. It is: --preset neon"),
        (["other.png", "--like", "gone"], "phosphene looks lists yours."),
        (["other.png", "--like", "photo.png"], "photo.png"),
        (
            ["style", "other.png", "--like", "friend.png", "--filter", "night"],
            "phosphene dream PICTURE --like friend.png",
        ),
        (["looks", "import", "friend.png", "--name", "A b"], "small letters"),
        (["looks", "import", "friend.png", "--name", "neon"], "--name my-neon"),
        (["looks", "export", "friend.png", "look.json"], "look.toml"),
        (["looks", "export", "friend.png", "gone/look.toml"], "gone"),
        (["looks", "export", "guided.png", "look.toml"], "phosphene dream PICTURE --like guided.png"),
        (["other.png", "--like", "program.toml"], "--model"),
        (["looks", "import", "program.toml"], "--model"),
        (["other.png", "--like", "broken.toml"], "not TOML"),
    ],
)
def test_a_look_that_cannot_be_is_told(here, capfd, words, said):
    (here / "program.toml").write_text('[dream]\nmodel = "net.py:make"\n', "utf-8")
    (here / "broken.toml").write_text("[dream\n", "utf-8")
    phosphene.dream("photo.png", guide="other.png", layer="block3", **QUICK).save("guided.png")
    run(*words, code=2)
    assert said in capfd.readouterr().err


def recorded_as(path, **settings):
    """A picture whose record says other settings."""
    made = record.read("friend.png")
    told = replace(made, settings=made.settings | settings)
    images.save(torch.rand(1, 3, 32, 32), path, metadata=told.metadata(), overwrite=True)


def test_a_strangers_picture_reaches_no_file_elsewhere(here, capfd, tmp_path_factory):
    secret = tmp_path_factory.mktemp("secret") / "p.png"
    images.save(torch.rand(1, 3, 32, 32), secret)
    for settings in (
        {"layer": None, "objective": f"guide(block3, '{secret}')"},
        {"guide": [str(secret)]},
        {"guide": [f"../{secret.parent.name}/p.png"]},
        {"guide": [5]},
        {"strength": {"a": 1}},
    ):
        recorded_as("stranger.png", **settings)
        run("other.png", "--like", "stranger.png", "-q", "-o", "x.png", code=2)
        assert "Traceback" not in capfd.readouterr().err
        assert not (here / "x.png").exists()


def test_a_typed_network_is_the_one_that_is_taken(here):
    made = replace(record.read("friend.png"), network={"name": "gone", "file": "gone.pth"})
    images.save(torch.rand(1, 3, 32, 32), "friend.png", metadata=made.metadata(), overwrite=True)
    run("other.png", "--like", "friend.png", "-q", "-o", "x.png", code=3)
    run("other.png", "--like", "friend.png", "--model", "efficientnet-lite0", "-q", "-o", "x.png")
    assert record.read("x.png").objective == "layer(block6)"


def test_a_file_that_names_a_preset_is_passed_on_whole(here):
    (here / "mine.toml").write_text('preset = "coils"\nsteps = 2\n', "utf-8")
    run("looks", "import", "mine.toml")
    run("looks", "export", "mine", "copy.toml")
    kept = tomllib.loads((here / "copy.toml").read_text("utf-8"))["dream"]
    assert (kept["layer"], kept["steps"], kept["chroma"]) == ("block6", 2, 0.4)


def test_what_a_stranger_writes_of_a_look_is_shown_as_letters(here, capfd):
    (here / "red.toml").write_text('[look]\nabout = "\\u001b[31mred"\n[dream]\nsteps = 2\n', "utf-8")
    run("looks", "import", "red.toml")
    capfd.readouterr()
    run("looks", "--json")
    assert {"flag": "--like", "name": "red", "about": "[31mred"} in json.loads(capfd.readouterr().out)


def test_a_look_with_a_guide_takes_the_guide_beside_it(here, tmp_path_factory):
    phosphene.dream("photo.png", guide="other.png", layer="block3", **QUICK).save("guided.png")
    run("photo.png", "--like", "guided.png", "-q", "-o", "like.png")
    assert record.read("like.png").settings["guide"] == ["other.png"]
    (here / "other.png").rename(here / "moved.png")
    run("photo.png", "--like", "guided.png", "-q", "-o", "again.png", code=2)


def test_a_painting_like_another(here):
    phosphene.style("photo.png", filter="woodcut", steps=1, scales=1, strength=0.3).save("cut.png")
    run("style", "other.png", "--like", "cut.png", "-q", "-o", "like.png")
    made = record.read("like.png").settings
    assert (made["filter"], made["strength"], made["steps"]) == ("woodcut", 0.3, 1)
    run("looks", "import", "cut.png")
    run("style", "other.png", "--like", "cut", "-q", "-o", "again.png")
    assert record.read("again.png").settings == made
