"""Guides: matching in pieces, what they bring into a picture, and at which size they are seen."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import photograph, tiny
from phosphene import features, images
from phosphene.ascent import gradient
from phosphene.ascent.gradient import Tiling
from phosphene.errors import ImageError, SettingsError, UnknownNameError
from phosphene.features import matching
from phosphene.features.matching import best, vectors
from phosphene.objectives import guide
from phosphene.recipes.dream import dream
from phosphene.recipes.settings import settings as choose


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 60), st.integers(1, 60), st.integers(1, 9), st.integers(1, 900), st.sampled_from(["dot", "cosine"])
)
def test_matches_do_not_depend_on_the_size_of_the_pieces(queries, candidates, channels, table, by):
    generator = torch.Generator().manual_seed(queries * 61 + candidates)
    x, y = (torch.randn(count, channels, dtype=torch.float64, generator=generator) for count in (queries, candidates))
    similarity = x @ y.T if by == "dot" else torch.cosine_similarity(x[:, None], y[None], dim=2)
    found = best(x, y, by=by, table=table)
    torch.testing.assert_close(found.similarity, similarity.amax(1))
    torch.testing.assert_close(similarity.gather(1, found.where[:, None])[:, 0], similarity.amax(1))


def prepared(name="deep", match="cosine", scales=(1.0,), side=64, picture=None):
    picture = torch.rand(1, 3, 48, 40, generator=torch.Generator().manual_seed(4)) if picture is None else picture
    objective = guide(name, picture, match=match, scales=scales)
    return objective.prepare(tiny(), lambda source: source).fit(side, side)


def test_by_dot_the_gradient_is_the_best_vector():
    network, picture = tiny(), torch.rand(1, 3, 48, 40)
    objective = guide("deep", picture, match="dot", scales=(0.0,)).prepare(network, lambda source: source).fit(64, 64)
    activations = torch.randn(1, 10, 5, 6, requires_grad=True)
    (g,) = torch.autograd.grad(objective({"deep": activations}), activations)
    seen = vectors(features.extract(network, picture, {"deep"})["deep"])
    where = (vectors(activations) @ seen.T).argmax(1)
    torch.testing.assert_close(vectors(g), seen[where])


@pytest.mark.parametrize("match", ["dot", "cosine"])
def test_ascent_brings_a_guide_nearer(match):
    pixels = 0.4 + 0.2 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    objective, scores = prepared(match=match), []
    chosen = choose(octaves=1, steps=12, colour=1.0, decay=1.0)
    dream(pixels, tiny(), objective, settings=chosen, on_step=lambda step: scores.append(step.score))
    assert scores[-1] > scores[0] + 0.05 * abs(scores[0])


def test_a_picture_is_its_own_best_guide():
    """Overdone as it is, nothing is nearer to a picture's features than they themselves."""
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(6))
    own, other = (prepared(picture=each) for each in (picture, torch.rand(1, 3, 64, 64)))
    found = features.extract(tiny(), picture, {"deep"})
    assert own(found) > other(found)


def test_a_guide_is_seen_at_a_size_that_goes_with_the_picture(monkeypatch):
    seen = []
    look = features.of_picture
    monkeypatch.setattr(features, "of_picture", lambda n, p, layers: seen.append(p.shape[-2:]) or look(n, p, layers))
    prepared(scales=(1.0, 0.5), side=80)
    prepared(scales=(0.0,), side=80)
    assert seen == [(80, 67), (40, 33), (48, 40)]


def test_many_vectors_are_thinned_out_evenly(monkeypatch):
    monkeypatch.setattr("phosphene.objectives.terms.MOST", 10)
    sizes = []
    find = matching.best
    monkeypatch.setattr(matching, "best", lambda x, y, **more: sizes.append(len(y)) or find(x, y, **more))
    prepared()({"deep": torch.rand(1, 10, 4, 4)})
    assert sizes == [10]


def test_guided_gradients_are_the_same_by_tiles():
    network = tiny(torch.float64)
    picture, pixels = (torch.rand(1, 3, 96, 80, dtype=torch.float64) for _ in range(2))
    objective = guide("deep", picture).prepare(network, lambda source: source).fit(96, 80)
    whole, parts = (gradient.compute(pixels, network, objective, Tiling(side, 24)) for side in (999, 88))
    torch.testing.assert_close(parts[0], whole[0])
    assert parts[1] == pytest.approx(whole[1])


def test_features_of_a_large_picture_come_in_tiles(monkeypatch, efficientnet):
    picture = images.load(photograph("china")).pixels
    whole = features.of_picture(efficientnet, picture, {"block3", "block8"})
    monkeypatch.setattr(features.activations, "TILE", 320)
    tiled = features.of_picture(efficientnet, picture, {"block3", "block8"})
    for name, activations in whole.items():
        assert tiled[name].shape == activations.shape
        assert (tiled[name] - activations).norm() / activations.norm() < 0.2


@pytest.mark.parametrize(
    ("pictures", "options", "said"),
    [((), {}, "needs a picture"), (("a.jpg",), {"match": "dott"}, "'dot'"), (("a.jpg",), {"scales": (9.0,)}, "0.05")],
)
def test_impossible_guides_say_why(pictures, options, said):
    with pytest.raises(SettingsError, match=said):
        guide("deep", *pictures, **options)


def test_a_guide_that_is_not_there_is_named(tiny32, tmp_path):
    with pytest.raises(ImageError, match="no picture"):
        guide("deep", str(tmp_path / "none.jpg")).prepare(tiny32)
    with pytest.raises(UnknownNameError, match="'deep'"):
        guide("dep", "x.jpg").prepare(tiny32)
