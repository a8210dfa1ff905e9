from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene import images
from phosphene.pixels import transforms
from phosphene.pixels.transforms import resize


@settings(deadline=None)
@given(st.integers(1, 130), st.integers(1, 130), st.integers(1, 5), st.sampled_from([0, 200_000]))
def test_bands_merge_to_the_input(height, width, levels, together):
    x = torch.rand(1, 3, height, width, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(transforms, "CHANNELS_TOGETHER_UP_TO", together)
        torch.testing.assert_close(transforms.merge_(transforms.laplacian_(x.clone(), levels)), x)


def test_bands_do_not_depend_on_how_many_channels_are_worked_on_at_once(monkeypatch):
    x = torch.rand(1, 3, 77, 90)
    together = transforms.laplacian_(x.clone())
    monkeypatch.setattr(transforms, "CHANNELS_TOGETHER_UP_TO", 0)
    assert all(map(torch.equal, transforms.laplacian_(x.clone()), together))


def test_an_even_picture_has_nothing_in_its_fine_bands():
    *fine, rest = transforms.laplacian_(torch.full((1, 3, 96, 80), 0.7))
    assert max(band.abs().max() for band in fine) < 1e-6
    torch.testing.assert_close(rest, torch.full_like(rest, 0.7))


def test_octaves_grow_to_the_picture_itself():
    pixels = torch.rand(1, 3, 240, 320)
    sizes = [tuple(base.shape[-2:]) for base in transforms.octaves(pixels, 4, 1.4)]
    assert sizes == [(87, 117), (122, 164), (171, 229), (240, 320)]
    assert transforms.octaves(pixels, 4, 1.4)[-1] is pixels


@given(st.integers(40, 900), st.integers(40, 900), st.integers(60, 500))
def test_a_large_picture_begins_as_it_does_when_it_is_shrunk_first(height, width, base):
    start = transforms.base_size(height, width, 1.4, base)
    found = transforms.sizes(height, width, 4, 1.4, base)
    below = transforms.sizes(*start, 4, 1.4, base)
    assert found[: len(below)] == below
    assert found[-1] == (height, width)
    ratios = [max(size) / max(smaller) for smaller, size in pairwise(found)]
    assert all(1.15 < ratio < 1.75 for ratio in ratios)


def test_a_panoramas_short_side_is_still_seen():
    assert min(transforms.sizes(100, 4000, 6, 1.4, base=800)[0]) >= transforms.SMALLEST
    assert transforms.base_size(20, 4000, 1.4, 800) == (20, 4000)


def test_the_base_of_a_large_picture_is_the_picture_shrunk():
    pixels = torch.rand(1, 3, 300, 400)
    bases = transforms.octaves(pixels, 2, 2.0, base=100)
    assert [base.shape[-1] for base in bases] == [50, 100, 200, 400]
    assert torch.equal(bases[1], images.load(pixels, long_side=100).pixels)


@given(st.integers(1, 300), st.integers(1, 300))
def test_small_pictures_have_fewer_octaves(height, width):
    bases = transforms.octaves(torch.rand(1, 3, height, width), 6, 1.4)
    assert all(min(base.shape[-2:]) >= 32 for base in bases[:-1])


def test_resizing_keeps_corners():
    x = torch.rand(1, 3, 20, 30, dtype=torch.float64)
    larger = resize(x, 47, 61)
    for row in (0, -1):
        for column in (0, -1):
            torch.testing.assert_close(larger[..., row, column], x[..., row, column])


def test_resizing_agrees_with_scipys_zoom():
    ndimage = pytest.importorskip("scipy.ndimage")
    x = torch.rand(1, 1, 40, 56, dtype=torch.float64)
    wanted = ndimage.zoom(x[0, 0].numpy(), 1 / 1.4, order=1, mode="nearest")
    torch.testing.assert_close(resize(x, *wanted.shape)[0, 0], torch.from_numpy(wanted))
