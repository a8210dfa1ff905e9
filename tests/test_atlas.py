import json
import re
import shlex
from dataclasses import fields
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from conftest import photograph
from phosphene import images, networks
from phosphene.cli import configuration, main, options
from phosphene.errors import ImageError, SettingsError, StopRequested
from phosphene.networks import Network
from phosphene.networks.network import table
from phosphene.recipes.settings import DreamSettings, settings
from phosphene.records import record
from phosphene.reports.atlas import FIELDS, active_channels, atlas, plan, report
from phosphene.reports.folder import Subject, flags, windows

SMALL = {"long_side": 40, "channels": 1, "steps": 2, "octaves": 1, "jitter": 4}
PICTURES = 4  # three layers, and a channel of the one in the middle
VOID = ("meta", "img", "link", "br", "input")


@pytest.fixture(autouse=True)
def small(request, monkeypatch):
    """Sketches smaller than small pictures, and collages of few scraps where they do not matter."""
    monkeypatch.setattr(plan, "_SKETCH_SIDE", 24)
    monkeypatch.setattr(plan, "_SKETCH_STEPS", 1)
    if "active" not in request.node.name and "collage" not in request.node.name:
        monkeypatch.setattr(plan, "_SCRAPS", 20)


@pytest.fixture
def photo(tmp_path):
    return pictured(tmp_path / "photo.png")


def pictured(path, seed=0):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (8, 12, 3), np.uint8))
    small.resize((72, 48), Image.Resampling.BICUBIC).save(path, "PNG")
    return path


def made(photo, network, folder="album", **more):
    return atlas(photo, photo.parent / folder, network=network, **{**SMALL, **more})


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in (folder / "pictures").iterdir()}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in its turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names))
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    def all(self, tag, kind=None):
        return [
            each for name, each in self.elements if name == tag and kind in (None, *(each.get("class") or "").split())
        ]


def page_of(result):
    return Page(result.page.read_text("utf-8"))


# The page


def test_every_layer_and_channel_has_a_picture_with_its_record(photo, tiny32):
    result = made(photo, tiny32)
    assert [entry.name for entry in result.entries[:3]] == ["shallow", "middle", "deep"]
    assert [entry.layer for entry in result.entries[3:]] == ["middle"]
    assert result.complete
    assert result.made == 2 * PICTURES
    sources = {each["src"].partition("?")[0] for each in page_of(result).all("img") if "src" in each}
    assert sources == {"pictures/original.jpg", *(f"pictures/{entry.file}" for entry in result.entries)}
    for entry in result.entries:
        kept = record.read(result.folder / "pictures" / entry.file)
        assert (kept.settings["layer"], kept.settings["channel"]) == (entry.layer, entry.channel)
        assert kept.complete
        assert kept.input["name"] == "photo.png"
        side = 40 if entry.channel is None else 30
        assert max(kept.output["width"], kept.output["height"]) == side


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(photo, tiny32):
    result = made(photo, tiny32)
    text = result.page.read_text("utf-8")
    page = Page(text)
    ids = [each["id"] for _, each in page.elements if "id" in each]
    assert len(ids) == len(set(ids))
    assert all(each["href"].removeprefix("#") in ids for each in page.all("a"))
    assert all("alt" in each for each in page.all("img"))
    assert all(each.get("type") == "button" for each in page.all("button"))
    assert not re.search(r"https?:|//[a-z]|@import", text)
    assert [each["data-running"] for each in page.all("body")] == ["false"]
    assert str(photo.parent) not in text


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>.jpg", "two 'quotes' \" and & spaces.png", "</script>.png".replace("/", "∕")]
)
def test_hostile_names_stay_text(tmp_path, tiny32, name):
    result = made(pictured(tmp_path / name), tiny32, quick=True, channels=1)
    page = page_of(result)
    assert {each.get("src", "").partition("/")[0] for each in page.all("img")} <= {"pictures", ""}
    assert not any("onerror" in each for _, each in page.elements)
    assert name in "".join(page.text)
    for view in page.all("button", "view")[1:]:
        assert shlex.split(view["data-full"])[:2] == ["phosphene", name]


def test_a_page_that_is_being_made_can_be_opened(photo, tiny32):
    seen = []

    def look(progress):
        text = (photo.parent / "album" / "index.html").read_text("utf-8")
        state = (photo.parent / "album" / "state.js").read_text("utf-8")
        seen.append((progress, Page(text), json.loads(state.removeprefix("phospheneAtlas(").removesuffix(");\n"))))

    result = made(photo, tiny32, on_entry=look)
    assert [progress.stage for progress, _, _ in seen] == ["sketch"] * PICTURES + ["picture"] * PICTURES
    assert [progress.done for progress, _, _ in seen] == sorted(progress.done for progress, _, _ in seen)
    _, page, state = seen[0]
    assert page.all("body")[0]["data-running"] == "true"
    assert state["running"]
    assert page.all("body")[0]["data-plan"] == state["plan"]
    assert any(each.get("http-equiv") == "refresh" for each in page.all("meta"))
    assert not any(each.get("http-equiv") == "refresh" for each in page_of(result).all("meta"))


def test_a_page_that_is_held_for_a_moment_ends_nothing(photo, tiny32, monkeypatch):
    monkeypatch.setattr(report, "_OFTEN", 0)
    write, calls = images.write_atomically, []

    def held(path, data, **more):
        if path.name == "index.html":
            calls.append(path)
            if len(calls) in (2, 3):
                raise ImageError("it is held")
        write(path, data, **more)

    monkeypatch.setattr(images, "write_atomically", held)
    assert made(photo, tiny32).complete
    assert len(calls) > 4


# What is there already


def test_what_is_there_is_kept(photo, tiny32):
    first = made(photo, tiny32)
    before = bytes_of(first.folder)
    again = made(photo, tiny32)
    assert again.complete
    assert again.made == 0
    assert bytes_of(again.folder) == before


@pytest.mark.parametrize("after", [1, 6])
def test_an_interrupted_atlas_goes_on_to_the_same_end(photo, tiny32, after):
    def stop(progress):
        if progress.number + PICTURES * (progress.stage == "picture") == after:
            raise StopRequested

    cut = made(photo, tiny32, on_entry=stop)
    assert not cut.complete
    assert cut.made == after
    page = page_of(cut)
    assert page.all("body")[0]["data-running"] == "false"
    stages = [each["data-stage"] for each in page.all("figure") if "data-stage" in each]
    assert len([stage for stage in stages if stage]) == min(after, PICTURES)
    went_on = made(photo, tiny32)
    assert went_on.complete
    assert went_on.made == 2 * PICTURES - after
    whole = made(photo, tiny32, "whole")
    assert bytes_of(went_on.folder) == bytes_of(whole.folder)


def test_pictures_no_larger_than_sketches_are_made_once(photo, tiny32, monkeypatch):
    monkeypatch.setattr(plan, "_SKETCH_SIDE", 64)
    assert made(photo, tiny32, long_side=32, steps=1, channels=0).made == 3


def test_half_a_dream_is_not_kept(photo, tiny32):
    def stop(step):
        raise StopRequested

    cut = made(photo, tiny32, on_step=stop)
    assert not cut.complete
    assert cut.made == 0
    assert list(bytes_of(cut.folder)) == ["original.jpg"]


@pytest.mark.parametrize("change", [{"strength": 2}, {"seed": 1}])
def test_other_settings_make_it_anew(photo, tiny32, change):
    made(photo, tiny32)
    assert made(photo, tiny32, **change).made == 2 * PICTURES


def test_another_picture_or_network_makes_it_anew(photo, tiny32):
    made(photo, tiny32)
    pictured(photo, seed=5)
    assert made(photo, tiny32).made == 2 * PICTURES
    other = Network(tiny32.name, tiny32.iter_layers, tiny32.layers, "deep", torch.float32, "tiny.pth", "1" * 64)
    assert made(photo, other, quick=True, force=True).made == PICTURES
    assert made(photo, other, quick=True, force=True).made == PICTURES


def test_sketches_are_refined_later_and_pictures_never_made_worse(photo, tiny32):
    quick = made(photo, tiny32, quick=True)
    assert quick.complete
    assert quick.made == PICTURES
    assert made(photo, tiny32).made == PICTURES
    before = bytes_of(quick.folder)
    assert made(photo, tiny32, quick=True).made == 0
    assert bytes_of(quick.folder) == before


def test_a_folder_that_holds_something_else_is_left_alone(photo, tiny32):
    with pytest.raises(ImageError, match="holds no atlas"):
        made(photo, tiny32, ".")
    made(photo, tiny32, quick=True)
    other = pictured(photo.parent / "other.png", 3)
    with pytest.raises(ImageError, match=r"atlas of 'photo\.png'"):
        made(other, tiny32, quick=True)
    assert made(other, tiny32, quick=True, force=True).made == PICTURES
    with pytest.raises(ImageError, match="mkdir"):
        made(photo, tiny32, "no/such")
    with pytest.raises(ImageError, match="is a file"):
        made(photo, tiny32, "photo.png")


@pytest.mark.parametrize("wrong", [{"layer": "deep"}, {"mask": "m.png"}, {"long_side": 3}, {"channels": -1}])
def test_what_an_atlas_does_not_take(photo, tiny32, wrong):
    with pytest.raises(SettingsError):
        made(photo, tiny32, **wrong)
    assert not (photo.parent / "album").exists()


# Command lines


def settings_from(line):
    """What a command line makes the settings, and the rest of it."""
    words = shlex.split(line)
    assert words[0] == "phosphene"
    flags = main.commands["dream"].make_context("dream", words[1:]).params
    names = {entry.name for entry in fields(DreamSettings)}
    return settings(**options.given({name: flags[name] for name in flags if name in names}, DreamSettings)), flags


def test_commands_make_the_pictures(photo, tiny32):
    result = made(photo, tiny32, strength=1.5, colour=0.25, tile=64, memory="900MB", seed=3)
    for entry, view in zip(result.entries, page_of(result).all("button", "view")[1:], strict=True):
        kept = record.read(result.folder / "pictures" / entry.file)
        same, flags = settings_from(view["data-same"])
        assert same.to_dict() | {"device": "cpu"} == kept.settings  # a record says what auto was
        assert flags["words"] == ("photo.png",)
        assert flags["long_side"] == kept.input["long_side"]
        full, flags = settings_from(view["data-full"])
        assert full.to_dict() | {"base_size": 800, "device": "cpu"} == kept.settings
        assert full.base_size == (40 if entry.channel is None else 30)  # the sides of their pictures
        assert flags["long_side"] is None


def test_a_command_of_a_real_network_makes_exactly_the_picture(tmp_path, efficientnet, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(configuration, "user_file", lambda: tmp_path / "settings.toml")
    few = {name: layer for name, layer in efficientnet.layers.items() if name in ("block3", "block8")}
    network = Network(
        "efficientnet-lite0", efficientnet.iter_layers, few, "block8", torch.float32, *_weights(efficientnet)
    )
    pictured(tmp_path / "photo.png")
    result = atlas("photo.png", "album", network=network, **{**SMALL, "channels": 1})
    view = page_of(result).all("button", "view")[1]
    words = [*shlex.split(view["data-same"])[1:], "-o", "again.jpg", "--quality", "88", "--threads", "1"]
    assert CliRunner().invoke(main, words).exit_code == 0
    pictures = [images.load(path).pixels for path in ("again.jpg", f"album/pictures/{result.entries[0].file}")]
    assert torch.equal(*pictures)


def _weights(network):
    return network.file, network.sha256


@pytest.mark.parametrize("name", ["-x.jpg", "layers", "clouds"])
def test_names_that_could_be_mistaken(name):
    assert Subject(name, 10, 10).word == f"./{name}"


def test_windows_quotes_otherwise():
    chosen = flags(settings(layer="block3", model="/home/me/n.pth"), settings(), ("layer", "model"))
    words = ["phosphene", Subject("my cat & I.jpg", 900, 600).word, *chosen]
    assert windows(words) == 'phosphene "my cat & I.jpg" --layer block3 --model n.pth'


# What is active


def test_a_planted_channel_is_active():
    """A channel that answers to a cross, among some that answer to edges, to brightness, and to nothing."""
    cross = torch.full((5, 5), -1.0)
    cross[2, :] = cross[:, 2] = 1.5
    edge = torch.zeros(5, 5)
    edge[:, 1], edge[:, 3] = -1, 1
    filters = [edge, edge.T, torch.ones(5, 5), torch.zeros(5, 5), cross, edge / 100]
    weight = torch.stack(filters)[:, None].expand(-1, 3, -1, -1) / 75

    def iter_layers(pixels, wanted=()):
        yield "only", torch.nn.functional.conv2d(pixels, weight, padding=2)

    network = Network("planted", iter_layers, table(layers_of(iter_layers), {}), "only", torch.float32, "", "")
    picture = torch.full((1, 3, 96, 144), 0.4)
    for top, left in ((20, 30), (60, 100), (40, 70)):
        picture[..., top, left - 2 : left + 3] = picture[..., top - 2 : top + 3, left] = 1
    picture[..., 70:, :60] = 0.5
    assert active_channels(network, picture, ["only"], count=2)["only"][0].channel == 4


def layers_of(iter_layers):
    """The table's layers: geometry is not what is tested here."""

    def geometry(field, wanted=()):
        from dataclasses import replace

        yield "only", replace(field, channels=6)

    return geometry


def test_other_pictures_have_other_active_channels(efficientnet):
    names = plan.channel_layers(efficientnet)
    assert names == ["block2", "block4", "block6", "block8", "block10", "block12", "block14"]
    found = [
        active_channels(efficientnet, images.load(photograph(name), long_side=192).pixels, names[3:], count=5)
        for name in ("chelsea", "coffee")
    ]
    for layer in names[3:]:
        chosen = [{each.channel for each in each_[layer]} for each_ in found]
        assert [len(each) for each in chosen] == [5, 5]
        assert len(chosen[0] & chosen[1]) <= 2


def test_a_collage_has_the_colours_and_not_the_shapes():
    picture = images.load(photograph("coffee"), long_side=128).pixels
    made = plan.collage(picture, torch.Generator().manual_seed(0))
    assert made.shape == picture.shape
    assert torch.allclose(made.mean((2, 3)), picture.mean((2, 3)), atol=0.1)
    together = torch.stack([made.mean(1).flatten(), picture.mean(1).flatten()])
    assert torch.corrcoef(together)[0, 1].abs() < 0.3


def test_a_selection_is_even(tiny32):
    assert plan._evenly(range(100), 5) == [0, 25, 50, 74, 99]
    assert plan.usual_side(1000, 10) == plan.LARGEST
    assert [layer.name for layer in plan.main_layers(tiny32)] == ["shallow", "middle", "deep"]


def test_fields_are_settings():
    assert set(FIELDS) < {entry.name for entry in fields(DreamSettings)}


# The command


@pytest.fixture
def here(tmp_path, monkeypatch, tiny32):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(configuration, "user_file", lambda: tmp_path / "settings.toml")
    monkeypatch.setattr(networks, "load_for", lambda _: tiny32)
    return tmp_path


FLAGS = ("--long-side", "40", "--channels", "1", "--steps", "2", "--octaves", "1")


def cli(*arguments, code=0):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result


def test_the_command_tells_where_the_page_is(here):
    pictured(here / "my photo.png")
    result = cli("atlas", "my photo.png", *FLAGS, "--json")
    told = json.loads(result.stdout)
    assert told["folder"] == "my photo-atlas"
    assert told["entries"] == PICTURES
    assert told["complete"]
    assert (here / told["page"]).is_file()
    assert "open it now" in result.stderr
    assert "there already" in cli("atlas", "my photo.png", *FLAGS).stderr
    assert cli("atlas", "my photo.png", *FLAGS, "-q").stderr == ""


def test_canvases_have_atlases_too(here):
    told = json.loads(cli("atlas", "noise", *FLAGS, "--size", "90x60", "-o", "out", "--quick", "--json").stdout)
    assert told["dreamt"] == PICTURES
    entry = json.loads((here / "out" / "atlas.json").read_text("utf-8"))["entries"][0]
    assert shlex.split(entry["command"])[:2] == ["phosphene", "noise"]
    assert {"--layer shallow", "--size 90x60"} <= set(re.findall(r"--\S+ \S+", entry["command"]))
    assert (
        json.loads(cli("atlas", "noise", *FLAGS, "--size", "90x60", "-o", "out", "--json").stdout)["dreamt"] == PICTURES
    )


def test_standing_wishes_hold(here):
    (here / "settings.toml").write_text('preset = "neon"\nseed = 4\n', "utf-8")
    pictured(here / "photo.png")
    cli("atlas", "photo.png", *FLAGS, "--quick")
    kept = json.loads((here / "photo-atlas" / "atlas.json").read_text("utf-8"))["settings"]
    assert (kept["chroma"], kept["seed"], kept["octaves"]) == (0.8, 4, 1)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("photo.jpg",), "no picture"),
        (("-",), "takes a file"),
        ((".",), "one picture"),
        (("photo.png", "-o", "taken"), "holds no atlas"),
        (("photo.png", "--size", "9x9"), "canvases"),
        (("photo.png", "--steps", "0"), "--steps"),
    ],
)
def test_mistakes_are_explained(here, arguments, word):
    pictured(here / "photo.png")
    pictured(here / "photo2.png")
    (here / "taken").mkdir()
    (here / "taken" / "diary.txt").write_text("mine", "utf-8")
    result = cli("atlas", *arguments, code=2)
    assert word in result.stderr
    assert "fault" not in result.stderr
    assert (here / "taken" / "diary.txt").read_text("utf-8") == "mine"
