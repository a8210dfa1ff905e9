"""Colours near the photograph's: how colourful it is, how far places may drift, and what asks for more."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import phosphene
from conftest import photograph, tiny
from phosphene import images
from phosphene.errors import SettingsError
from phosphene.painting.document import Brush, Look
from phosphene.painting.engine import PaintEngine
from phosphene.painting.look_cache import LookCache
from phosphene.pixels import colours
from phosphene.pixels.transforms import LUMA
from phosphene.recipes import large
from phosphene.recipes.settings import DreamSettings

SMALL = {"long_side": 160, "octaves": 3, "steps": 6}
GREYS = ("camera", "coins", "moon", "brick", "page")
COLOURED = ("astronaut", "chelsea", "coffee", "china", "flower", "grace_hopper")


def pixels(name, side=256):
    return images.load(photograph(name), long_side=side).pixels


def toned(grey):
    """A black and white photograph as a sepia print."""
    luma = (grey * torch.tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    return luma * torch.tensor([1.0, 0.87, 0.68])[:, None, None]


def chroma(found):
    """The largest difference between a pixel's values, of 255."""
    return float((found.amax(1) - found.amin(1)).max()) * 255


@pytest.mark.parametrize("name", GREYS)
def test_black_and_white_and_sepia_have_no_colours_of_their_own(name):
    assert colours.colourfulness(pixels(name)) == 0
    assert colours.colourfulness(toned(pixels(name))) == 0


@pytest.mark.parametrize("name", COLOURED)
def test_photographs_in_colour_have_all(name):
    assert colours.colourfulness(pixels(name)) == 1
    assert colours.colourfulness(toned(pixels(name))) == 0


@pytest.mark.parametrize("look", [{}, {"preset": "neon"}, {"guide": photograph("flower")}])
def test_a_dream_of_black_and_white_stays_so(look, efficientnet):
    dreamt = phosphene.dream(photograph("camera"), network=efficientnet, **SMALL, **look).pixels
    assert chroma(dreamt) < 4
    free = phosphene.dream(photograph("camera"), network=efficientnet, **SMALL, **look, colour="free").pixels
    assert chroma(free) > 40


def test_a_sepia_print_stays_one(efficientnet):
    print_ = toned(pixels("camera", 160))
    dreamt = phosphene.dream(print_, network=efficientnet, octaves=3, steps=6).pixels
    own, now = (colours.parted(each)[1] for each in (print_, dreamt))
    assert float(((now - own).abs() * 255 < 4).float().mean()) > 0.99  # the rest is clipped
    assert float((dreamt - print_).abs().mean()) > 0.01


def test_a_brush_on_black_and_white_leaves_it_so(efficientnet):
    engine = PaintEngine(LookCache(efficientnet, images.load(photograph("camera"), long_side=200)))
    for number in range(6):
        engine.touch(Brush(120, Look("dream", preset="beasts")), ((100.0, 100.0, 1.0),), number)
    assert chroma(engine.pixels) < 4
    engine.touch(Brush(120, Look("dream", preset="beasts", colour="free")), ((100.0, 100.0, 1.0),), 0)
    assert chroma(engine.pixels) > 8


def test_skin_keeps_its_hue(efficientnet):
    """The mean colour of the face, of a portrait, by default and as it was."""
    face = slice(60, 127), slice(73, 120)  # of a portrait 200 pixels high
    size = {"long_side": 200}
    portrait = photograph("grace_hopper")
    own = images.load(portrait, **size).pixels
    now, then = (
        phosphene.dream(portrait, network=efficientnet, **size, **wish).pixels for wish in ({}, {"colour": 0.5})
    )

    def drift(dreamt):
        return float((colours.parted(dreamt)[1] - colours.parted(own)[1])[(..., *face)].mean((2, 3)).abs().max())

    assert drift(now) < 0.75 * drift(then)


def test_canvases_have_no_colours_to_keep():
    free = phosphene.dream("grey", network=tiny(), size=(64, 48), octaves=1, steps=2)
    asked = phosphene.dream("grey", network=tiny(), size=(64, 48), octaves=1, steps=2, colour=0.5)
    assert torch.equal(free.pixels, asked.pixels)
    assert free.record.settings["colour"] is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.4, 1.0]), st.tuples(st.integers(32, 80), st.integers(32, 80)))
def test_light_stays_and_means_are_held(seed, share, size):
    generator = torch.Generator().manual_seed(seed)
    own, dreamt = (0.3 + 0.4 * torch.rand(1, 3, *size, generator=generator) for _ in range(2))
    dreamt[:, 0] += 0.2
    made = colours.natural_(dreamt.clone(), own, share)
    luma, light = colours.parted(dreamt)[0], colours.parted(made)[0]
    inside = (made > 0).all(1, keepdim=True) & (made < 1).all(1, keepdim=True)
    assert torch.allclose(luma[inside], light[inside], atol=1e-5)
    before, after = (float(colours.chroma_shift(each, own)[0].abs().mean()) for each in (dreamt, made))
    assert after < before
    if share == 0:
        assert torch.allclose(colours.parted(made)[1][inside.expand_as(made)],
                              colours.parted(own)[1][inside.expand_as(made)], atol=1e-5)  # fmt: skip


def test_strips_are_as_the_whole(monkeypatch):
    own, dreamt = pixels("china"), pixels("china").flip(1)
    whole = colours.natural_(dreamt.clone(), own, 0.5)
    monkeypatch.setattr(colours, "STRIP", 256 * 7)
    assert torch.allclose(colours.natural_(dreamt.clone(), own, 0.5), whole, atol=1e-6)


def test_words_stand_for_numbers():
    assert [DreamSettings(colour=word).colour for word in ("keep", "tint", "free")] == [0.0, 0.2, 1.0]
    said = "--colour is 'loud'; it takes a number, or one of: keep, tint, free."
    with pytest.raises(SettingsError, match=re.escape(said)):
        DreamSettings(colour="loud")


def test_samples_of_files_are_those_of_memory(tmp_path):
    from phosphene.images.rasters import Raster

    own = torch.rand(1, 3, 1100, 40, generator=torch.Generator().manual_seed(0))
    raster = Raster(tmp_path / "a.raw", 1100, 40, kind="f4").create()
    raster.write(own)
    assert np.array_equal(large.sampled(raster, torch.float32), colours.sampled(own))
