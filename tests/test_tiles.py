import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from phosphene.errors import SettingsError
from phosphene.pixels import tiles

sides = st.integers(1, 700)


@given(sides, sides, st.sampled_from([1, 4, 16, 32]), st.integers(0, 60), st.integers(160, 300))
def test_cores_cover_every_pixel_exactly_once(height, width, stride, overlap, tile):
    counts = torch.zeros(height, width)
    for box in tiles.boxes(height, width, tile=max(tile, 2 * overlap + 3 * stride), overlap=overlap, stride=stride):
        counts[box.core] += 1
    assert (counts == 1).all()


@given(sides, sides, st.sampled_from([1, 4, 16, 32]), st.integers(0, 60), st.integers(160, 300))
def test_split_then_merged_is_the_input(height, width, stride, overlap, tile):
    picture = torch.arange(height * width).reshape(height, width)
    merged = torch.empty_like(picture)
    for box in tiles.boxes(height, width, tile=max(tile, 2 * overlap + 3 * stride), overlap=overlap, stride=stride):
        merged[box.core] = picture[box.context][box.inner]
    assert torch.equal(merged, picture)


@given(st.integers(1, 3000), st.sampled_from([8, 16, 32]), st.integers(0, 200), st.integers(0, 300))
def test_contexts_stand_on_the_stride_and_reach_as_far_as_the_overlap(length, stride, overlap, more):
    tile = 2 * overlap + 3 * stride + more
    for span in tiles.spans(length, tile=tile, overlap=overlap, stride=stride):
        assert span.low % stride == 0
        assert span.high - span.low <= tile or length <= tile
        assert span.low <= max(0, span.start - overlap)
        assert span.high >= min(length, span.stop + overlap)


@given(st.integers(1, 3000), st.sampled_from([8, 16, 32]), st.integers(0, 200), st.integers(0, 300))
def test_all_contexts_are_of_one_size(length, stride, overlap, more):
    tile = 2 * overlap + 3 * stride + more
    assert len({span.high - span.low for span in tiles.spans(length, tile=tile, overlap=overlap, stride=stride)}) == 1


def test_no_tile_is_much_thinner_than_the_others():
    cores = [span.stop - span.start for span in tiles.spans(1030, tile=512, overlap=0, stride=16)]
    assert max(cores) - min(cores) <= 32


def test_a_picture_that_fits_is_one_tile():
    (box,) = tiles.boxes(300, 400, tile=400, overlap=100, stride=32)
    assert box.core == box.context == (slice(0, 300), slice(0, 400))


def test_a_tile_too_small_for_its_overlap_says_what_would_do():
    with pytest.raises(SettingsError, match="--tile 440"):
        tiles.boxes(2000, 2000, tile=400, overlap=200, stride=16)
