"""The built-in canvases: what is promised about them, and that the sky is one."""

import pytest
import torch

from phosphene.errors import SettingsError, UnknownNameError
from phosphene.names import GUIDES
from phosphene.pixels.canvases import CANVASES, canvas


@pytest.mark.parametrize("name", CANVASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (20, 36)])
def test_every_canvas_is_a_picture_of_the_size_asked_for(name, dtype, size):
    pixels = canvas(name, *size, dtype=dtype)
    assert pixels.shape == (1, 3, *size)
    assert pixels.dtype == dtype
    assert pixels.min() >= 0
    assert pixels.max() <= 1


@pytest.mark.parametrize("name", CANVASES)
def test_the_same_seed_paints_the_same_canvas(name):
    assert torch.equal(canvas(name, 24, 40, seed=7), canvas(name, 24, 40, seed=7))


@pytest.mark.parametrize("name", ["clouds", "noise", *GUIDES])
def test_another_seed_paints_another_canvas(name):
    assert not torch.equal(canvas(name, 24, 40, seed=1), canvas(name, 24, 40, seed=2))


def test_painting_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    canvas("clouds", 8, 8)
    canvas("noise", 8, 8)
    assert torch.equal(torch.get_rng_state(), before)


def test_grey_is_even_and_noise_is_coloured_around_it():
    assert (canvas("grey", 4, 4) == 0.5).all()
    noise = canvas("noise", 64, 64)
    assert noise.mean().item() == pytest.approx(0.5, abs=0.02)
    assert 0.02 < noise.std().item() < 0.2
    assert not torch.equal(noise[:, 0], noise[:, 1])


def test_the_sky_is_blue_above_pale_below_and_has_lit_and_shaded_cloud():
    sky = canvas("clouds", 72, 128)[0]
    red, _, blue = sky
    assert (blue - red)[:20].amax() > 0.35
    assert sky[:, -1].mean() > sky[:, 0].mean()
    lit = ((red > blue) & (red > 0.6)).float().mean().item()
    shaded = ((blue - red < 0.16) & (red < 0.5)).float().mean().item()
    clear = (blue - red > 0.3).float().mean().item()
    assert lit > 0.05
    assert shaded > 0.01
    assert clear > 0.1


def test_the_same_sky_appears_in_every_size():
    large = canvas("clouds", 144, 256)
    small = canvas("clouds", 48, 85)
    again = torch.nn.functional.interpolate(large, (48, 85), mode="bilinear", antialias=True)
    together = torch.stack([again.mean(1).flatten(), small.mean(1).flatten()])
    assert torch.corrcoef(together)[0, 1] > 0.9


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_is_the_same_picture_at_any_size_and_full_of_things(name):
    small, large = canvas(name, 80, 120), canvas(name, 160, 240)
    shrunk = torch.nn.functional.avg_pool2d(large, 2)
    found = torch.corrcoef(torch.stack([small.flatten(), shrunk.flatten()]))[0, 1]
    assert found > 0.93  # fine lines are as wide as a pixel allows
    places = torch.nn.functional.unfold(large, 40, stride=40)  # none of which is plain
    apart = places.view(1, 3, 1600, -1).std(2).amax(1)
    assert (apart > 0.02).float().mean() > (0.7 if name in ("dahlias", "shells") else 0.9)


def test_an_unknown_canvas_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'clouds'"):
        canvas("cloud", 8, 8)


@pytest.mark.parametrize("size", [(0, 8), (8, 0), (-1, 8)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(SettingsError, match="1×1 or more"):
        canvas("grey", *size)
