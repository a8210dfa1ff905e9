import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import phosphene
from conftest import photograph
from phosphene import images, networks
from phosphene.cli import main
from phosphene.errors import PhospheneError, RecordError, SettingsError, UnknownNameError, WeightsError
from phosphene.filters import library
from phosphene.recipes.fields import described, memory_bytes
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.recipes.settings import NAMES, PRESETS, RECIPES, DreamSettings, settings
from phosphene.recipes.style_settings import StyleSettings
from phosphene.recipes.typed import DreamChanges, PatternChanges, StyleChanges
from phosphene.records import record

QUICK = {"octaves": 1, "steps": 1, "layer": "block3"}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    pixels = np.random.default_rng(5).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_every_kind_of_input_dreams_the_same(photo):
    array = np.asarray(Image.open(photo))
    tensor = torch.from_numpy(array / np.float32(255)).permute(2, 0, 1)
    wanted = phosphene.dream(photo, **QUICK).pixels
    for image in (
        str(photo),
        photo.read_bytes(),
        Image.open(photo),
        array,
        tensor,
        tensor[None],
        io.BytesIO(photo.read_bytes()),
    ):
        torch.testing.assert_close(phosphene.dream(image, **QUICK).pixels, wanted, rtol=0, atol=2e-5)


def test_a_result_shows_and_saves_itself(photo, tmp_path):
    dreamt = phosphene.dream(photo, **QUICK)
    assert dreamt.image.size == (56, 40)
    assert Image.open(io.BytesIO(dreamt._repr_jpeg_())).size == (56, 40)
    dreamt.save(tmp_path / "out.png")
    saved = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.array_equal(saved, np.asarray(dreamt.image))


def test_python_shows_in_one_line_what_holds_many_numbers(photo):
    assert repr(phosphene.dream(photo, **QUICK)) == "<phosphene dream of photo.png, 56×40: layer(block3)>"
    assert repr(phosphene.dream("clouds", size=(48, 40), **QUICK)).startswith("<phosphene dream of clouds, 48×40: ")
    for shown in (repr(phosphene.network()), repr(phosphene.load(photo))):
        assert "photo.png" in shown or "efficientnet-lite0" in shown
        assert "tensor(" not in shown
        assert len(shown) < 300


def test_several_pictures_may_be_listed(photo, tmp_path):
    other = shutil.copy(photo, tmp_path / "other.png")
    of_a_list, one_by_one = (
        phosphene.style(photo, *styles, scales=1, steps=1, semantics=0) for styles in ([[photo, other]], [photo, other])
    )
    assert torch.equal(of_a_list.pixels, one_by_one.pixels)
    assert of_a_list.record.settings["style"] == one_by_one.record.settings["style"] == ["photo.png", "other.png"]
    assert str(phosphene.guide("block3", [photo, other])) == str(phosphene.guide("block3", photo, other))
    with pytest.raises(SettingsError, match="Name a style"):
        phosphene.style(photo, [])


def test_a_ranking_takes_whatever_a_dream_does(photo, tiny32):
    pixels = phosphene.load(photo).pixels
    ranked = phosphene.rank(pixels, [pixels], tiny32)
    for guides in (photo, [str(photo)], photo.read_bytes(), pixels):
        assert phosphene.rank(photo, guides, tiny32) == ranked
    assert phosphene.rank(photo, photo, layers=["block1"])[0].layer == "block1"
    with pytest.raises(SettingsError, match="no guide"):
        phosphene.rank(photo, [], tiny32)
    with pytest.raises(SettingsError, match="network is a int"):
        phosphene.rank(photo, photo, 3)


def test_a_notebook_is_shown_a_small_picture(photo):
    dreamt = phosphene.dream(photo, **QUICK)
    clear = replace(dreamt.source, alpha=torch.zeros(1, 1, 600, 3000))
    large = replace(dreamt, pixels=torch.rand(1, 3, 600, 3000), source=clear)
    shown = Image.open(io.BytesIO(large._repr_jpeg_()))
    assert (shown.format, shown.size) == ("JPEG", (1024, 205))
    assert shown.getextrema() == ((255, 255),) * 3  # what is clear is laid on white


def test_a_record_says_how_it_was_made(photo, tmp_path):
    dreamt = phosphene.dream(photo, seed=9, **QUICK)
    dreamt.save(tmp_path / "out.png")
    read = record.read(tmp_path / "out.png")
    assert read == dreamt.record
    assert read.input["name"] == "photo.png"
    assert str(tmp_path) not in read.to_json()
    assert read.settings["seed"] == 9
    assert read.network["name"] == "efficientnet-lite0"
    assert read.objective == "layer(block3)"
    assert set(read.settings) == set(NAMES)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_redo_gives_the_same_bytes_of_pixels(photo, tmp_path, suffix):
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    phosphene.dream(photo, jitter=5, **QUICK).save(first)
    again = phosphene.redo(first)
    again.save(second)
    assert again.notes == ()
    assert np.array_equal(np.asarray(Image.open(first)), np.asarray(Image.open(second)))


def test_redo_of_a_canvas_and_of_a_shrunk_picture(photo, tmp_path):
    for number, made in enumerate(
        (phosphene.dream("clouds", size=(48, 36), seed=3, **QUICK), phosphene.dream(photo, long_side=40, **QUICK))
    ):
        made.save(tmp_path / f"{number}.png")
        assert torch.equal(phosphene.redo(tmp_path / f"{number}.png").pixels, made.pixels)


def test_redo_with_a_change(photo, tmp_path):
    phosphene.dream(photo, **QUICK).save(tmp_path / "out.png")
    changed = phosphene.redo(tmp_path / "out.png", layer="block5")
    assert changed.record.objective == "layer(block5)"
    assert torch.equal(changed.pixels, phosphene.dream(photo, **QUICK | {"layer": "block5"}).pixels)


def test_redo_drops_a_channel_that_means_nothing_elsewhere(photo, tmp_path):
    phosphene.dream(photo, **QUICK, channel=39).save(tmp_path / "out.png")
    assert phosphene.redo(tmp_path / "out.png", layer="block1").record.objective == "layer(block1)"


def test_redo_finds_a_weights_file_beside_the_picture(photo, tmp_path, caffemodel, monkeypatch):
    monkeypatch.setenv("PHOSPHENE_MODELS", str(tmp_path / "none"))
    layers = "inception_3a/output:0.5,inception_3b/output"
    made = phosphene.dream(photo, model=str(caffemodel), layer=layers, octaves=1, steps=1)
    made.save(tmp_path / "out.png")
    assert made.record.settings["model"] == "googlenet"
    with pytest.raises(WeightsError, match="--model PATH"):
        phosphene.redo(tmp_path / "out.png")
    named = phosphene.redo(tmp_path / "out.png", model=str(caffemodel))
    assert named.record.objective == made.record.objective
    shutil.copy(caffemodel, tmp_path)  # a link that leads out of the folder would not be followed
    assert torch.equal(phosphene.redo(tmp_path / "out.png").pixels, made.pixels)


def test_redo_with_another_network_says_what_gives_way(photo, tmp_path, caffemodel):
    phosphene.dream(photo, **QUICK).save(tmp_path / "out.png")
    other = phosphene.redo(tmp_path / "out.png", model=str(caffemodel))
    assert other.record.objective == "layer(inception_4c/output)"
    assert any("block3" in note for note in other.notes)


def test_a_network_brings_its_own_name_and_arithmetic(photo):
    network = phosphene.network("efficientnet-lite0", dtype=torch.float64)
    made = phosphene.dream(photo, network=network, **QUICK)
    assert made.record.settings["dtype"] == "float64"
    assert made.pixels.dtype == torch.float64


def test_sizes_are_for_canvases_and_shrinking_is_for_pictures(photo):
    with pytest.raises(SettingsError, match="--long-side"):
        phosphene.dream(photo, size=(40, 30), **QUICK)
    with pytest.raises(SettingsError, match="--size"):
        phosphene.dream("grey", long_side=40, **QUICK)


def test_redo_says_that_a_compiled_gradient_made_it(tmp_path):
    made = phosphene.dream("clouds", size=(48, 32), octaves=1, steps=1)
    told = json.loads(made.record.to_json())
    told["versions"]["openvino"], told["settings"]["backend"] = "2026.4.1", "openvino"
    images.save(made.pixels, tmp_path / "dream.png", metadata={"phosphene": json.dumps(told)})
    again = phosphene.redo(tmp_path / "dream.png")
    assert any("OpenVINO" in note and "alike, not equal" in note for note in again.notes)
    assert torch.equal(again.pixels, made.pixels)


def test_redo_says_that_the_input_differs(photo, tmp_path):
    phosphene.dream(photo, **QUICK).save(tmp_path / "out.png")
    Image.new("RGB", (56, 40), "red").save(photo)
    for changes in ({}, {"strength": 2.0}):
        assert any("SHA-256" in note for note in phosphene.redo(tmp_path / "out.png", **changes).notes)
    photo.unlink()
    with pytest.raises(RecordError, match="--input"):
        phosphene.redo(tmp_path / "out.png")


def test_stopping_keeps_what_there_is(photo):
    def stop(step):
        if step.step == 2:
            raise phosphene.StopRequested

    stopped = phosphene.dream(photo, on_step=stop, **QUICK | {"steps": 5})
    assert not stopped.record.complete
    assert stopped.record.reached == "octave 1 of 1, step 2 of 5"
    torch.testing.assert_close(stopped.pixels, phosphene.dream(photo, **QUICK | {"steps": 2}).pixels)


def test_stopping_before_anything_is_done(photo, monkeypatch):
    def stop(*_, **__):
        raise phosphene.StopRequested

    monkeypatch.setattr("phosphene.recipes.dream.climb_", stop)
    with pytest.raises(phosphene.StopRequested):
        phosphene.dream(photo, **QUICK)


def test_other_exceptions_of_on_step_pass(photo):
    def fail(step):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        phosphene.dream(photo, on_step=fail, **QUICK)


def test_small_pictures_say_that_they_use_fewer_octaves(photo):
    (note,) = phosphene.dream(photo, layer="block3", octaves=4, steps=1).notes
    assert "1 of 4 sizes" in note


def test_transparency_is_kept(tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (40, 48, 4), dtype=np.uint8)
    phosphene.dream(picture, **QUICK).save(tmp_path / "out.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png"))[..., 3], picture[..., 3])


def test_float64_goes_from_bytes_to_bytes(photo):
    dreamt = phosphene.dream(photo, dtype="float64", **QUICK)
    assert dreamt.pixels.dtype == torch.float64
    untouched = phosphene.dream(photo, dtype="float64", strength=0, clip="none", **QUICK)
    exact = np.asarray(Image.open(photo)) / 255
    assert np.abs(untouched.pixels[0].permute(1, 2, 0).numpy() - exact).max() < 1e-15


def test_an_objective_composed_in_python_is_recorded_and_redone(photo, tmp_path):
    objective = phosphene.layer("block3") + 0.5 * phosphene.channel("block5", 7)
    made = phosphene.dream(photo, objective=objective, **QUICK)
    made.save(tmp_path / "out.png")
    assert record.read(tmp_path / "out.png").objective == "layer(block3) + 0.5*channel(block5, 7)"
    assert torch.equal(phosphene.redo(tmp_path / "out.png").pixels, made.pixels)
    assert phosphene.redo(tmp_path / "out.png", layer="block2").record.objective == "layer(block2)"


def test_memory_that_runs_out_is_said(photo, monkeypatch):
    def starve(*_, **__):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr("phosphene.recipes.dream.climb_", starve)
    with pytest.raises(PhospheneError, match="--long-side"):
        phosphene.dream(photo, **QUICK)


def test_a_dream_does_not_touch_the_input(photo):
    before = photo.read_bytes()
    phosphene.dream(photo, **QUICK)
    assert photo.read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0}, {"steps": -3}, {"steps": 2.5}, {"steps": "many"}, {"steps": True}, {"octaves": 0},
        {"octave_scale": 0.5}, {"octave_scale": float("nan")}, {"step_size": -1.0},
        {"strength": float("inf")}, {"jitter": -1}, {"tile": 8},
        {"overlap": "some"}, {"overlap": "-3"}, {"memory": "12"}, {"memory": "much"}, {"dtype": "float16"},
        {"normalise": "median"}, {"clip": "gently"}, {"seed": -1}, {"colour": 3.0}, {"layer": 5}, {"channel": -1},
    ],
)  # fmt: skip
def test_impossible_settings_are_refused_by_name(changes):
    (name,) = changes
    with pytest.raises(SettingsError, match="--" + name.replace("_", "-")):
        DreamSettings(**changes)


def test_unknown_names_are_answered_with_the_nearest():
    for wrong, nearest in (
        ({"preset": "neom"}, "neon"),
        ({"recipe": "google2016"}, "google2015"),
        ({"step": 3}, "steps"),
    ):
        with pytest.raises(UnknownNameError, match=nearest):
            settings(**wrong)


def test_recipes_and_presets_are_possible_settings():
    for name in RECIPES:
        settings(recipe=name)
    changes = [settings(preset=name) for name in PRESETS]
    assert len(set(changes)) == len(PRESETS) >= 6


@pytest.mark.parametrize(
    ("of", "typed", "given"),
    [
        (DreamSettings, DreamChanges, {"objective", "guide", "mask", "region"}),
        (StyleSettings, StyleChanges, {"mask", "initial", "regions"}),
        (PatternSettings, PatternChanges, {"objective"}),
    ],
)
def test_what_functions_take_by_name_is_typed_as_the_settings_are(of, typed, given):
    """An editor completes them; `given` are arguments of their own."""
    known = {name: each for name, each in described(of).items() if name not in given}
    hints = get_type_hints(typed)
    assert list(hints) == list(known)
    for name, each in known.items():
        said = {word for one in get_args(hints[name]) or () for word in (get_args(one) or (one,))}
        if each.choices or each.named:
            assert {*each.choices, *each.named} <= said
        assert (NoneType in said) == each.optional
        if not each.choices and each.kind != "tuple":
            assert (
                hints[name].__name__ == each.kind
                if not said
                else each.kind in {getattr(x, "__name__", "") for x in said}
            )


def test_a_preset_of_one_channel_keeps_it_on_a_network_that_is_named():
    named = settings(preset="facets", model="efficientnet-lite0")
    assert named == settings(preset="facets")
    assert named.channel == PRESETS["facets"].changes["channel"]
    assert settings(channel=3, model="googlenet").channel == 3


def test_looks_are_listed_in_python():
    assert list(phosphene.presets()) == list(PRESETS)
    assert phosphene.style_filters()["woodcut"] == library.read("woodcut").about


def test_no_two_presets_are_alike(efficientnet):
    """What a look adds to a photograph is not what another one adds: cosines of the changes of brightness."""
    palace = images.load(photograph("china"), long_side=128).pixels
    changes = []
    for name in PRESETS:
        dreamt = phosphene.dream(palace, network=efficientnet, preset=name, octaves=2).pixels
        changes.append((dreamt - palace).mean(1).flatten())
    directions = torch.nn.functional.normalize(torch.stack(changes), dim=1)
    cosines = directions @ directions.T - torch.eye(len(changes))
    assert float(cosines.max()) < 0.75
    assert min(float(each.abs().mean()) for each in changes) > 0.01


def test_the_later_choice_wins():
    assert settings(recipe="google2015", preset="neon", octaves=2).octaves == 2
    assert settings(recipe="google2015", preset="neon").octaves == PRESETS["neon"].changes["octaves"]
    assert settings(recipe="google2015").step_size == 1.5


def test_memory_is_read_in_its_units():
    assert [memory_bytes(text) for text in ("auto", "900MB", "1.5 GB", "2gib")] == [None, 9 * 10**8, 15 * 10**8, 2**31]


OWN = """
import torch


def small():
    torch.manual_seed(5)
    layers = [torch.nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 12, 3, padding=1)]
    return torch.nn.Sequential(*layers)
"""


def test_a_dream_of_an_own_network_is_made_again(photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my_net.py").write_text(OWN, "utf-8")
    made = phosphene.dream(photo, model="my_net.py:small", weights="random", **QUICK | {"layer": "2"})
    made.save("out.png")
    assert made.notes  # how its pictures are prepared is a guess, and that is said
    monkeypatch.chdir(tmp_path.parent)
    again = phosphene.redo(tmp_path / "out.png", image=photo, model=str(tmp_path / "my_net.py:small"))
    assert torch.equal(again.pixels, made.pixels)


TRAP = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n" + OWN


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A folder from a stranger, in which a program lies that says so when it runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(TRAP, "utf-8")
    Image.new("RGB", (40, 40), "teal").save("photo.png")
    yield tmp_path
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("recipe", ["dream", "pattern", "style", "painting"])
@pytest.mark.parametrize(
    ("name", "file"),
    [("net.py:small", "random"), ("net.py", ""), ("own", "net.py"), ("own", "net.py:small"), ("./net.py:small", "")],
)
def test_a_program_that_a_record_names_never_runs(trap, photo, recipe, name, file):
    made = phosphene.dream(photo, **QUICK).record
    settings = {
        "dream": made.settings,
        "pattern": PatternSettings(layer="block3").to_dict(),
        "style": StyleSettings(style=("photo.png",)).to_dict(),
        "painting": {"view": 40, "painting": {"strokes": []}},
    }[recipe]
    for network in ({"name": name, "file": file}, {"name": str(trap / name), "file": file}):
        network = {"sha256": "", **network}
        told = replace(made, recipe=recipe, network=network, settings={**settings, "model": name, "weights": file})
        images.save(torch.rand(1, 3, 40, 40), trap / "out.png", metadata=told.metadata(), overwrite=True)
        with pytest.raises(SettingsError, match=r"program net\.py.*\n.*--model net\.py"):
            phosphene.redo(trap / "out.png", image=photo)
        result = CliRunner().invoke(main, ["redo", "out.png", "--input", "photo.png"])
        assert result.exit_code == 2
        assert "--model net.py" in result.output


@pytest.mark.parametrize("name", ["../secret.png", "link.png", "linked/secret.png", "sub/../../secret.png", "{abs}"])
def test_a_record_reads_only_in_its_folder(tmp_path, name):
    (tmp_path / "secret.png").write_bytes(b"no picture: it is not opened")
    folder = tmp_path / "stranger"
    (folder / "sub").mkdir(parents=True)
    (folder / "link.png").symlink_to("../secret.png")
    (folder / "linked").symlink_to("..")
    Image.new("RGB", (40, 40), "teal").save(folder / "photo.png")
    name = name.format(abs=tmp_path / "secret.png")
    made = phosphene.dream(folder / "photo.png", **QUICK).record
    asked = [
        {"guide": [name]},
        {"mask": name},
        {"region": [f"{name}=block3"]},
        {"layer": None, "objective": f"guide(block3, '{name}')"},
    ]
    told = [replace(made, settings={**made.settings, **each}) for each in asked]
    told.append(replace(made, input={**made.input, "name": name}))
    canvas = {"canvas": name, "width": 40, "height": 40}
    told.append(replace(made, input=canvas))
    for each in told:
        images.save(torch.rand(1, 3, 40, 40), folder / "out.png", metadata=each.metadata(), overwrite=True)
        with pytest.raises(RecordError, match=r"is no file in .*stranger|is no canvas"):
            phosphene.redo(folder / "out.png")


def test_a_record_fetches_no_weights(trap, photo):
    made = phosphene.dream(photo, **QUICK).record
    for name in ("timm:resnet18", "torchvision:resnet18"):
        told = replace(made, network={"name": name, "file": "resnet18.pth", "sha256": ""})
        images.save(torch.rand(1, 3, 40, 40), trap / "out.png", metadata=told.metadata(), overwrite=True)
        with pytest.raises(WeightsError, match=f"not done because a picture asks.*\n.*--model {name}"):
            phosphene.redo(trap / "out.png", image=photo)


def test_a_program_runs_where_it_is_named_again(trap, photo):
    made = phosphene.dream(photo, model="net.py:small", weights="random", **QUICK | {"layer": "2"})
    made.save("out.png")
    Path("ran").unlink()
    networks.foreign._load.cache_clear()
    result = CliRunner().invoke(main, ["redo", "out.png", "--input", photo, "--model", "net.py:small", "-o", "o.png"])
    assert result.exit_code == 0, result.output
    assert Path("ran").exists()
    assert torch.equal(images.load("o.png").pixels, images.load("out.png").pixels)
    Path("ran").unlink()


@pytest.mark.parametrize("words", [["--model", "net.py:small"], ["--model=net.py:small"], ["--config", "look.toml"]])
def test_a_program_that_a_journal_names_never_runs(trap, words):
    (trap / "look.toml").write_text("model = 'net.py:small'", "utf-8")
    command = {"folder": str(trap), "arguments": ["dream", "photo.png", *words, "-o", "out.png"]}
    (trap / "out.png.unfinished").mkdir()
    facts = {"about": {}, "command": command, "state": {}}
    (trap / "out.png.unfinished" / "run.json").write_text(json.dumps(facts), "utf-8")
    result = CliRunner().invoke(main, ["resume", "out.png"])
    assert result.exit_code == 2
    assert "--model net.py:small" in result.output


def test_a_program_that_a_settings_file_names_runs_only_if_it_is_typed(trap):
    (trap / "look.toml").write_text("model = 'net.py:small'\nsteps = 1\noctaves = 1", "utf-8")
    for command in (["photo.png"], ["study", "photo.png", "--vary", "steps=1"]):
        result = CliRunner().invoke(main, [*command, "--config", "look.toml"])
        assert result.exit_code == 2
        assert "--model net.py:small" in result.output
    typed = ["photo.png", "--config", "look.toml", "--model", "net.py:small", "--layer", "2", "--weights", "random"]
    assert CliRunner().invoke(main, typed).exit_code == 0
    Path("ran").unlink()


def test_a_filter_does_not_choose_a_program(trap, monkeypatch):
    monkeypatch.setenv("PHOSPHENE_FILTERS", str(trap))
    (trap / "night").mkdir()
    (trap / "night" / "filter.toml").write_text("drawing = 'woodcut'\n[style]\nmodel = 'net.py:small'", "utf-8")
    result = CliRunner().invoke(main, ["style", "photo.png", "--filter", "night"])
    assert result.exit_code == 2
    assert "a filter does not choose the model" in result.output


def test_a_pattern_is_made_again(tmp_path):
    made = phosphene.pattern("block3:5", size=(64, 64), octaves=1, steps=2)
    made.save(tmp_path / "pattern.png")
    assert torch.equal(phosphene.redo(tmp_path / "pattern.png").pixels, made.pixels)
    other = phosphene.redo(tmp_path / "pattern.png", channel=6)
    assert other.record.objective == "channel(block3, 6)"
    with pytest.raises(PhospheneError, match="--strength is for dreams and paintings"):
        phosphene.redo(tmp_path / "pattern.png", strength=2.0)


# What a caller in Python may hand over


def test_a_result_is_a_picture_everywhere(photo, tmp_path):
    made = phosphene.dream(photo, **QUICK)
    height, width = made.size
    assert np.asarray(made).shape == (height, width, 3)
    assert np.asarray(made).dtype == np.uint8
    assert np.array_equal(np.asarray(made), np.asarray(made.image))
    assert torch.as_tensor(np.asarray(made)).shape == (height, width, 3)
    assert made.resize((20, 10)).size == (20, 10)  # as of Pillow's
    with pytest.raises(AttributeError):
        made.pixles  # noqa: B018
    assert torch.equal(images.load(made).pixels, made.pixels)
    again = phosphene.dream(made, guide=made, mask=made, **QUICK | {"layer": "block3"})
    assert again.size == made.size
    assert phosphene.style(made, made, scales=1, steps=1, semantics=0).size == made.size
    images.save(made, tmp_path / "saved.png")
    with Image.open(tmp_path / "saved.png") as saved:
        assert saved.size == (width, height)


def test_a_result_keeps_its_transparency_as_an_input(tmp_path):
    rng = np.random.default_rng(2)
    Image.fromarray(rng.integers(0, 256, (40, 56, 4), np.uint8), "RGBA").save(tmp_path / "clear.png")
    made = phosphene.dream(tmp_path / "clear.png", **QUICK)
    assert np.asarray(made).shape == (40, 56, 4)
    assert images.load(made).alpha is not None


@pytest.mark.parametrize("whole", [np.int64(1), np.int32(1), torch.tensor(1), np.uint8(1)])
def test_numbers_of_numpys_and_torchs_are_numbers(photo, whole):
    made = phosphene.dream(photo, octaves=whole, steps=whole, layer="block3", strength=np.float32(0.5), seed=whole)
    assert made.record.settings["steps"] == 1
    assert type(made.record.settings["seed"]) is int
    assert DreamSettings(strength=np.float64(2.0)).strength == 2.0
    assert StyleSettings(style="waves.jpg").style == ("waves.jpg",)
    assert StyleSettings(style=[Path("waves.jpg")], keep_colour=np.bool_(True)).style == ("waves.jpg",)


def test_the_range_of_a_seed_is_said_to_the_last_digit():
    with pytest.raises(SettingsError, match="a whole number from 0 to 9223372036854775807"):
        DreamSettings(seed=18446744073709551615)


def test_a_network_may_be_named(photo):
    made = phosphene.dream(photo, network="efficientnet-lite0", **QUICK)
    assert made.record.network["name"] == "efficientnet-lite0"
    with pytest.raises(SettingsError, match="it takes a name"):
        phosphene.dream(photo, network=5, **QUICK)
    with pytest.raises(PhospheneError, match="efficientnet-lite0"):
        phosphene.dream(photo, network="efficientnet-light0", **QUICK)


def test_a_size_is_checked_and_may_be_one_number():
    made = phosphene.pattern("block1:3", size=np.int64(64), steps=1, octaves=1)
    assert made.size == (64, 64)
    assert phosphene.dream("grey", size=[48, 32], **QUICK).size == (32, 48)
    for size in ("large", (0, 3), (3,), 2.5, (True, 4)):
        with pytest.raises(SettingsError, match="it takes width and height in pixels"):
            phosphene.dream("grey", size=size, **QUICK)
    with pytest.raises(SettingsError, match="a number of pixels"):
        phosphene.dream("grey", long_side="640", **QUICK)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "Memory ran out"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "Memory ran out"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "--device cpu"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), "--device cpu"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"), "graphics card's memory ran out"),
    ],
)
def test_memory_that_runs_out_is_told_as_such(photo, monkeypatch, error, says):
    def full(*_, **__):
        raise error

    monkeypatch.setattr("phosphene.recipes.dream.dream", full)
    with pytest.raises(PhospheneError, match=says) as caught:
        phosphene.dream(photo, **QUICK)
    assert caught.value.exit_code == 4


class Silent(torch.nn.Module):
    """A layer that gives the same whatever it sees."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (torch.nn.Conv2d(3, 4, 3, 2, 1), torch.nn.Conv2d(4, 4, 3, 2, 1))

    def forward(self, x):
        return self.second(self.first(x).clamp(1e6, 1e7))


FAINT = np.zeros((40, 56), np.uint8)
FAINT[10, 20] = 2


@pytest.mark.parametrize("wishes", [{"mask": FAINT}, {"strength": 0.0}, {"network": "silent", "layer": "second"}])
def test_a_run_through_which_nothing_happened_says_so(photo, wishes):
    if wishes.get("network"):
        wishes = wishes | {"network": phosphene.network(Silent(), mean=(0, 0, 0), std=(1, 1, 1))}
    made = phosphene.dream(photo, **QUICK | wishes)
    assert any("the picture is as it was" in note for note in made.notes)


def test_a_painting_and_a_dream_through_which_something_happened_do_not(photo):
    assert not any("as it was" in note for note in phosphene.dream(photo, **QUICK).notes)
    faint = phosphene.style(photo, photo, scales=1, steps=2, mask=FAINT)
    assert any("the picture is as it was" in note for note in faint.notes)


def test_redo_of_a_large_picture_of_an_earlier_version_begins_at_its_own_size(tmp_path):
    """Its record has no base size."""
    pixels = torch.rand(3, 60, 130, generator=torch.Generator().manual_seed(1))
    images.save(pixels[None], tmp_path / "in.png")
    made = phosphene.dream(tmp_path / "in.png", **QUICK | {"octaves": 2}, base_size=0)
    then = {name: value for name, value in made.record.settings.items() if name != "base_size"}
    images.save(made.pixels, tmp_path / "out.png", metadata=replace(made.record, settings=then).metadata())
    assert phosphene.redo(tmp_path / "out.png").record.settings["base_size"] == 0
