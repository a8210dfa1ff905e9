"""From settings to guides, masks and regions: what a run makes of names, and what its record says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import phosphene
from conftest import photograph
from phosphene import batch, networks, run
from phosphene.batch import Input, Job
from phosphene.cli import main
from phosphene.errors import PhospheneError, RecordError, SettingsError
from phosphene.recipes.settings import join_region, settings, split_region
from phosphene.records import record
from phosphene.techniques import DREAM

QUICK = {"octaves": 1, "steps": 1}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A photograph, a guide and a mask whose left half is white, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    Image.open(photograph("china")).resize((96, 64)).save("photo.png")
    Image.open(photograph("flower")).resize((60, 40)).save("flower.png")
    half = np.zeros((64, 96), np.uint8)
    half[:, :48] = 255
    Image.fromarray(half).save("half.png")
    return tmp_path


def changed(made):
    """Where a dream differs from its photograph, `[H, W]`."""
    before = phosphene.load("photo.png").pixels
    return (made.pixels - before).abs().amax((0, 1)) > 0


def test_a_mask_keeps_its_black_half(folder):
    made = phosphene.dream("photo.png", mask="half.png", **QUICK)
    where = changed(made)
    assert where[:, :48].float().mean() > 0.9
    assert not where[:, 48:].any()


def test_a_mask_may_be_inverted_feathered_or_an_array(folder):
    inverted = changed(phosphene.dream("photo.png", mask="half.png", invert=True, **QUICK))
    assert not inverted[:, :48].any()
    soft = changed(phosphene.dream("photo.png", mask=np.pad(np.ones((64, 48)), ((0, 0), (0, 48))), feather=6, **QUICK))
    assert soft[:, 50].any()
    assert not soft[:, 70:].any()


def test_transparency_may_be_the_mask(folder):
    photo = Image.open("photo.png").convert("RGBA")
    photo.putalpha(Image.open("half.png"))
    photo.save("cut.png")
    made = phosphene.dream("cut.png", mask="alpha", **QUICK)
    before = phosphene.load("cut.png").pixels
    assert torch.equal(made.pixels[..., 48:], before[..., 48:])
    assert not torch.equal(made.pixels[..., :48], before[..., :48])


def test_a_guide_changes_the_dream_and_is_recorded(folder):
    made = phosphene.dream("photo.png", guide="flower.png", layer="block5", **QUICK)
    assert made.record.objective == "guide(block5, flower.png, scales=[0.6])"
    assert set(made.record.pictures) == {"flower.png"}
    other = phosphene.dream("photo.png", layer="block5", **QUICK)
    assert not torch.equal(made.pixels, other.pixels)


def test_several_guides_may_be_handed_over_as_they_are(folder):
    made = phosphene.dream("photo.png", guide=[Image.open("flower.png"), "half.png"], layer="block5", **QUICK)
    assert made.record.settings["guide"] == ["guide", "half.png"]


def test_the_best_layers_are_chosen_and_told(folder):
    made = phosphene.dream("photo.png", guide="flower.png", top=2, **QUICK)
    layers = made.record.settings["layer"].split(",")
    assert len(layers) == 2
    assert set(layers) < set(networks.load().layers)
    assert any(layers[0] in note for note in made.notes)


def test_an_objective_in_words(folder):
    words = "channel(block3, 5) - 0.01*tv()"
    made = phosphene.dream("photo.png", objective=words, **QUICK)
    composed = phosphene.dream("photo.png", objective=phosphene.channel("block3", 5) - 0.01 * phosphene.tv(), **QUICK)
    assert made.record.objective == composed.record.objective == words
    assert torch.equal(made.pixels, composed.pixels)


def test_regions_have_objectives_of_their_own(folder):
    usual = phosphene.dream("photo.png", layer="block2", **QUICK)
    made = phosphene.dream("photo.png", layer="block2", region=("half.png=layer(block5) @ 0.5",), **QUICK)
    still = phosphene.dream("photo.png", layer="block2", regions=[("half.png", "", 0)], **QUICK)
    assert not torch.equal(made.pixels[..., :30], usual.pixels[..., :30])
    assert not changed(still)[:, :48].any()
    assert made.record.settings["region"] == ["half.png=layer(block5) @ 0.5"]


@pytest.mark.parametrize(
    "wishes",
    [
        {"guide": "flower.png", "top": 1},
        {"guide": "flower.png", "layer": "block4:0.5,block6", "match": "dot"},
        {"objective": "guide(block5, flower.png) + 0.5*direction(block3, 'flower.png')"},
        {"mask": "half.png", "feather": 4.0, "invert": True, "layer": "block3"},
        {"layer": "block3", "region": ("half.png=guide(block5, flower.png) @ 2", "half.png=@ 0.5")},
    ],
)
def test_redo_finds_the_pictures_again(folder, wishes, monkeypatch):
    made = phosphene.dream("photo.png", **wishes, **QUICK)
    made.save("made.png")
    monkeypatch.chdir(folder.parent)
    again = phosphene.redo(folder / "made.png")
    assert torch.equal(again.pixels, made.pixels)
    assert again.record.pictures == made.record.pictures
    (folder / "flower.png").unlink()
    (folder / "half.png").unlink()
    with pytest.raises(RecordError, match="no file in"):
        phosphene.redo(folder / "made.png")


def test_redo_says_if_a_guide_is_another_picture(folder):
    phosphene.dream("photo.png", guide="flower.png", layer="block3", **QUICK).save("made.png")
    Image.open("half.png").save("flower.png")
    assert any("flower.png" in note for note in phosphene.redo("made.png").notes)


def test_a_record_never_names_folders(folder):
    (folder / "own").mkdir()
    Image.open("flower.png").save("own/flower.png")
    Image.open("half.png").save("own/half.png")
    wishes = {"region": ("own/half.png=guide(block3, own/flower.png)",), "mask": str(folder / "own" / "half.png")}
    made = phosphene.dream("photo.png", guide="own/flower.png", layer="block3", **wishes, **QUICK)
    assert "own" not in made.record.to_json().replace("unknown", "")


def test_a_batch_knows_its_guided_dreams_again(folder):
    network, chosen = networks.load(), settings(guide=("flower.png",), **QUICK)
    made = phosphene.dream("photo.png", network=network, guide="flower.png", **QUICK)
    made.save("photo-dream.png")
    job = Job(Input("photo.png"), folder / "photo-dream.png")

    def standing(**changes):
        wanted = settings(guide=("flower.png",), **QUICK | changes)
        ready = run.prepare(DREAM, wanted, network)
        return batch.standing(job, ready, ready.check())

    assert record.read("photo-dream.png").settings["guide"] == ["flower.png"]
    assert standing() == "finished"
    assert standing(match="dot") == "other"
    Image.open("half.png").save("flower.png")
    assert standing() == "other"
    assert chosen.layer is None


@pytest.mark.parametrize(
    "text",
    [
        "half.png=layer(block3)",
        "half.png=layer(block3) @ 0.5",
        "half.png=@ 2",
        "a=b=c @ 0",
        "x.png= block3@1",
        "m.png=guide(block8, 'a@b.jpg')",
    ],
)
def test_regions_are_split_and_joined(text):
    assert split_region(join_region(*split_region(text))) == split_region(text)


@pytest.mark.parametrize("text", ["half.png", "=layer(a)", "half.png=", "half.png=layer(a) @ much", "m=a @ -1", ""])
def test_malformed_regions_say_how(text):
    with pytest.raises(SettingsError, match="--region"):
        split_region(text)


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"layer": "best"}, "--guide"),
        ({"guide": "none.png"}, "no picture"),
        ({"mask": "none.png"}, "no picture"),
        ({"mask": "alpha"}, "no transparency"),
        ({"mask": "flower.png", "feather": -1.0}, "--feather"),
        ({"mask": "tall.png"}, "proportions"),
        ({"mask": "black.png"}, "black everywhere"),
        ({"objective": "layer(blok8)"}, "'block8'"),
        ({"objective": "layer(block8"}, "character"),
        ({"objective": "layer(block8)", "guide": "flower.png"}, "leave out"),
        ({"guide": "flower.png", "guide_scales": "big"}, "--guide-scales"),
        ({"guide": "flower.png", "match": "cos"}, "cosine"),
        ({"guide": "flower.png", "channel": 3}, "exclude each other"),
        ({"region": ("none.png=layer(block3)",)}, "no picture"),
        ({"region": ("half.png=layer(",)}, "character"),
        ({"guide": ("flower.png", "own/flower.png"), "layer": "block3"}, "Two different pictures"),
    ],
)
def test_impossible_wishes_say_why(folder, wishes, said):
    Image.new("L", (64, 96), 255).save("tall.png")
    Image.new("L", (96, 64), 0).save("black.png")
    (folder / "own").mkdir()
    Image.open("half.png").save("own/flower.png")
    with pytest.raises(PhospheneError, match=said):
        phosphene.dream("photo.png", **wishes, **QUICK)


def test_what_is_typed_overrules_a_file_of_settings(folder, capfd):
    Path("mine.toml").write_text('layer = "block3"\nchannel = 5\n', "utf-8")
    for words in (["--objective", "block2"], ["--guide", "flower.png", "--layer", "block2"]):
        with pytest.raises(SystemExit) as done:
            main(["photo.png", "--config", "mine.toml", *words, "--octaves", "1", "--steps", "1", "--force", "-q"])
        assert done.value.code == 0, capfd.readouterr().err
        assert "block2" in record.read("photo-dream.png").objective


def test_a_pattern_finds_its_pictures_beside_it_and_names_no_folder(folder, monkeypatch):
    words = f"direction(block3, '{folder / 'flower.png'}')"
    made = phosphene.pattern(objective=words, size=(64, 64), octaves=1, steps=2)
    typed = phosphene.pattern(size=(64, 64), octaves=1, steps=2, layer=None, **{"objective": words})
    assert str(folder) not in made.record.to_json()
    assert torch.equal(made.pixels, typed.pixels)
    made.save("pattern.png")
    monkeypatch.chdir(folder.parent)
    assert torch.equal(phosphene.redo(folder / "pattern.png").pixels, made.pixels)


def test_a_redo_may_be_given_words_and_a_name(folder, capfd):
    phosphene.dream("photo.png", layer="block3", **QUICK).save("made.png")
    with pytest.raises(SystemExit) as done:
        main(["redo", "made.png", "--objective", "layer(block2)", "-o", "other.png", "-q"])
    assert done.value.code == 0, capfd.readouterr().err
    assert record.read("other.png").objective == "layer(block2)"
