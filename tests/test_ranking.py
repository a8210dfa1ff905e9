import json
import math

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Generator

from conftest import photograph
from phosphene import features, images
from phosphene.cli import main
from phosphene.errors import SettingsError, UnknownNameError
from phosphene.features import matching, ranking
from phosphene.features.ranking import companions, rank, scrambled
from phosphene.pixels.canvases import canvas

LAYERS = ("block3", "block5", "block8")


def opened(name, long_side=192):
    return images.load(photograph(name), long_side=long_side).pixels


@pytest.fixture(scope="module")
def gravel():
    return opened("gravel", 256)


@pytest.fixture(scope="module")
def noise():
    return torch.rand(1, 3, 40, 56, generator=Generator().manual_seed(3))


def by_layer(ranked):
    return {each.layer: each for each in ranked}


# What is found


def test_a_picture_that_holds_the_guides_texture_ranks_above_noise(efficientnet, gravel):
    guide, picture = gravel[..., :128], gravel[..., 128:]
    planted = canvas("noise", 256, 128)
    planted[..., :128, :] = picture[..., :128, :]
    with_it = by_layer(rank(planted, [guide], efficientnet, layers=LAYERS))
    without = by_layer(rank(canvas("noise", 256, 128), [guide], efficientnet, layers=LAYERS))
    for name in LAYERS:
        assert with_it[name].score > without[name].score
        assert with_it[name].match > without[name].match


def test_a_picture_matches_itself_better_than_any_control(efficientnet, gravel):
    for each in rank(gravel[..., :128, :128], [gravel[..., :128, :128]], efficientnet, layers=LAYERS):
        assert each.match == pytest.approx(1, abs=1e-4)
        assert max(each.shuffled, each.unrelated) < each.match - 0.1
        assert each.score > 1


def test_one_of_several_guides_is_enough(efficientnet, gravel):
    picture, other = gravel[..., :128], canvas("grey", 256, 128)
    alone = by_layer(rank(picture, [other], efficientnet, layers=LAYERS))
    both = by_layer(rank(picture, [other, gravel[..., 128:]], efficientnet, layers=LAYERS))
    assert all(both[name].match > alone[name].match for name in LAYERS)


def test_a_guide_with_nothing_in_it_ranks_nothing(tiny32, noise):
    for each in rank(noise, [torch.full((1, 3, 40, 40), 0.5)], tiny32):
        assert math.isfinite(each.score)


def test_the_dot_product_ranks_by_its_own_name(tiny32, noise):
    found = rank(noise, [noise], tiny32, by="dot")
    assert [each.score for each in found] == sorted((each.dot for each in found), reverse=True)
    assert by_layer(found)["deep"].dot == by_layer(rank(noise, [noise], tiny32))["deep"].dot


# What it does not depend on


def test_a_layers_figures_do_not_depend_on_the_others(tiny32, noise):
    guide = noise.flip(3)
    every = rank(noise, [guide], tiny32)
    assert {each.layer for each in every} == set(tiny32.layers)
    assert [each.score for each in every] == sorted((each.score for each in every), reverse=True)
    for each in every:
        assert rank(noise, [guide], tiny32, layers=[each.layer, each.layer]) == [each]
    assert rank(noise, [guide], tiny32, layers=("deep", "shallow")) == rank(
        noise, [guide], tiny32, layers=("shallow", "deep")
    )


def test_the_seed_chooses_positions_and_controls(tiny32, noise, monkeypatch):
    monkeypatch.setattr(ranking, "QUERIES", 100)
    assert rank(noise, [noise], tiny32, seed=1) == rank(noise, [noise], tiny32, seed=1)
    assert rank(noise, [noise], tiny32, seed=1) != rank(noise, [noise], tiny32, seed=2)


def test_memory_does_not_change_the_figures(tiny32, noise, monkeypatch):
    whole = by_layer(rank(noise, [noise.flip(2)], tiny32))
    monkeypatch.setattr(matching, "TABLE_NUMBERS", 2000)
    for each in rank(noise, [noise.flip(2)], tiny32):
        assert each.score == pytest.approx(whole[each.layer].score, rel=1e-4)


@pytest.mark.parametrize("guides", [1, 3])
def test_no_more_positions_are_compared_than_are_allowed(tiny32, noise, monkeypatch, guides):
    compared = []
    monkeypatch.setattr(ranking, "QUERIES", 50)
    monkeypatch.setattr(ranking, "CANDIDATES", 70)
    best = matching.best
    monkeypatch.setattr(matching, "best", lambda x, y, **more: compared.append((len(x), len(y))) or best(x, y, **more))
    rank(noise, [noise] * guides, tiny32, layers=["shallow"])
    assert set(compared) == {(50, 70 // guides * guides)}


def test_large_pictures_are_looked_at_smaller_and_in_three_sizes(tiny32, noise, monkeypatch):
    sides = []
    look = features.of_picture
    monkeypatch.setattr(ranking, "SIDE", 42)
    monkeypatch.setattr(
        features, "of_picture", lambda network, x, names: sides.append(x.shape[-1]) or look(network, x, names)
    )
    rank(noise, [noise.repeat(1, 1, 2, 2)], tiny32)
    assert sides == [42] * 3 + [30] * 3 + [21] * 3


def test_the_scale_is_the_guides_size(tiny32, noise):
    assert rank(noise, [noise], tiny32, scale=0.5) != rank(noise, [noise], tiny32)


# Controls


def test_a_scrambled_guide_keeps_its_colours_and_spectrum():
    picture = 0.4 + 0.2 * opened("coffee")
    other = scrambled(picture, Generator().manual_seed(0))
    assert torch.allclose(other.mean((2, 3)), picture.mean((2, 3)), atol=1e-3)
    assert torch.allclose(other.std((2, 3)), picture.std((2, 3)), rtol=0.02)
    assert torch.allclose(torch.fft.rfft2(other).abs().log1p(), torch.fft.rfft2(picture).abs().log1p(), atol=0.1)
    flat = torch.cat([picture.flatten(1), other.flatten(1)])
    assert torch.corrcoef(flat)[0, 1] < 0.9


def test_a_shuffled_guide_keeps_each_channels_values():
    vectors = torch.rand(30, 4)
    other = ranking._shuffled(vectors, 0)
    assert torch.equal(other.sort(0).values, vectors.sort(0).values)
    assert not torch.equal(other, vectors)


# Which layers


def test_the_main_layers_are_those_that_are_described(tiny32, efficientnet):
    assert ranking.main_layers(efficientnet)[0] == "stem"
    assert len(ranking.main_layers(efficientnet)) == 17
    assert ranking.main_layers(tiny32) == list(tiny32.layers)


def placed(*names):
    return [ranking.Ranked(name, 9 - place, 0, 0, 0, 0, 0, 0) for place, name in enumerate(names)]


def test_companions_add_the_other_kinds(efficientnet):
    ranked = placed("block8", "block9", "stem", "block2", "block4", "block3", "block1", "block12")
    found = [each.layer for each in companions(ranked, efficientnet, 8)]
    assert found == ["block8", "block2", "block4", "block9", "block3", "block1", "stem", "block12"]
    unshapely = placed("block1", "block5", "block4", "block9")
    assert [each.layer for each in companions(unshapely, efficientnet, 3)] == ["block1", "block4", "block9"]
    fine = placed("block3", "block1", "block4", "block8", "block10")
    assert [each.layer for each in companions(fine, efficientnet, 3)] == ["block3", "block1", "block8"]
    assert companions(ranked, efficientnet, 1) == ranked[:1]
    assert companions(ranked, efficientnet, 100) == companions(ranked, efficientnet, 8)


# Mistakes


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"guides": []}, "no guide"),
        ({"by": "cosin"}, "Did you mean 'cosine'"),
        ({"scale": 9.0}, "from 0.05 to 4"),
        ({"scale": math.nan}, "from 0.05 to 4"),
    ],
)
def test_mistakes_are_told(tiny32, noise, change, says):
    given = {"guides": [noise]} | change
    with pytest.raises(SettingsError, match=says):
        rank(noise, network=tiny32, **given)


def test_an_unknown_layer_is_told(tiny32, noise):
    with pytest.raises(UnknownNameError, match="Did you mean 'deep'"):
        rank(noise, [noise], tiny32, layers=["deeep"])


# The command


@pytest.fixture
def here(tmp_path, monkeypatch):
    for name, source in (("photo.png", "coffee"), ("guide.png", "gravel"), ("my guide.png", "brick")):
        images.save(opened(source, 96), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cli(*arguments, code=0):
    result = CliRunner().invoke(main, ["match", *arguments])
    assert result.exit_code == code, result.output
    return result


def test_the_table_names_every_layer_and_the_command_that_dreams(here):
    said = cli("photo.png", "guide.png", "my guide.png")
    rows = said.stdout.splitlines()
    assert rows[0].split() == ["layer", "score", "match", "shuffled", "unrelated", "response", "dot", "shows"]
    assert rows[1].split()[1] == "*"
    assert len(rows) == 18
    assert f"photo.png --guide guide.png --guide 'my guide.png' --layer {rows[1].split()[0]}" in said.stderr
    assert cli("photo.png", "guide.png", "-q").stderr == ""


def test_json_holds_every_figure(here):
    rows = json.loads(cli("photo.png", "guide.png", "--json").stdout)
    assert [row["best"] for row in rows] == [True] + [False] * 16
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    figures = {"score", "error", "match", "shuffled", "unrelated", "response", "dot"}
    assert all(set(row) == {"layer", "shows", "best", *figures} for row in rows)
    assert all(isinstance(row[name], float) for row in rows for name in figures)


def test_all_layers_can_be_asked_for(here, efficientnet):
    assert len(json.loads(cli("photo.png", "guide.png", "--json", "--all").stdout)) == len(efficientnet.layers)


def test_the_sheet_shows_picture_guide_and_dreams(here):
    said = cli("photo.png", "guide.png", "-o", "sheet.png", "--top", "1")
    assert "sheet.png" in said.stderr
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 96
    assert "exists" in cli("photo.png", "guide.png", "-o", "sheet.png", code=2).stderr


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("photo.png", "Missing argument 'GUIDE...'"),
        ("photo.png guide.png --by dott", "Did you mean 'dot'"),
        ("photo.png guide.png --scale 0", "from 0.05 to 4"),
        ("photo.png nothing.png", "nothing.png"),
        ("photo.png guide.png -o sheet.gif", "Allowed: .png"),
        ("photo.png guide.png -o photo.png --force", "one of the pictures"),
        ("photo.png guide.png --model efficientnet", "efficientnet-lite0"),
    ],
)
def test_the_commands_mistakes_are_told(here, line, says):
    assert says in cli(*line.split(), code=2).stderr
