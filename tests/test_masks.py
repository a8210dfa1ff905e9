"""Masks: geometry of the tiles they need, windows, feathering; and what a masked ascent leaves alone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import phosphene
from conftest import photograph, tiny
from phosphene import images
from phosphene.ascent import gradient
from phosphene.ascent.gradient import Tiling
from phosphene.errors import PhospheneError, SettingsError
from phosphene.features import correspondence
from phosphene.features.skyline import like_sky, sky_and_lake
from phosphene.objectives import layer
from phosphene.pixels import masks, tiles
from phosphene.recipes.dream import Region, dream
from phosphene.recipes.settings import settings as choose
from phosphene.techniques.engine import ImageCache
from phosphene.techniques.masking import mask_of, read_mask

QUICK = {"octaves": 2, "steps": 3}


@st.composite
def blots(draw):
    """A mask of a few rectangles."""
    height, width = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    mask = torch.zeros(1, 1, height, width)
    for _ in range(draw(st.integers(1, 4))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        mask[..., top : top + draw(st.integers(1, 40)), left : left + draw(st.integers(1, 40))] = draw(
            st.floats(0.1, 1)
        )
    return mask


@settings(deadline=None, max_examples=25)
@given(blots(), st.sampled_from([1, 4, 16]), st.integers(0, 20))
def test_tiles_cover_a_mask(mask, stride, overlap):
    tile = tiles.smallest(overlap, stride) + 40
    covered = torch.zeros(mask.shape[-2:], dtype=torch.bool)
    for box in masks.cover(mask, area=tile**2, longest=tile, overlap=overlap, stride=stride).boxes(mask):
        covered[box.core] = True
        assert box.rows.low % stride == box.columns.low % stride == 0
        for side, length in zip((box.rows, box.columns), mask.shape[-2:], strict=True):
            assert side.high - side.low <= tile + stride
            assert side.low <= max(0, side.start - overlap)
            assert side.high >= min(length, side.stop + overlap)
    assert covered[mask[0, 0] > 0].all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(0, 39), st.integers(1, 50))
def test_the_best_interval_holds_its_place_and_most(counts, place, length):
    place %= len(counts)
    start = masks._best_start(np.array(counts), place, length)
    possible = range(max(0, place - length + 1), place + 1)
    assert start in possible
    assert sum(counts[start : start + length]) == max(sum(counts[at : at + length]) for at in possible)


def test_far_blots_are_computed_apart_with_tiles_of_one_size():
    mask = torch.zeros(1, 1, 400, 400)
    mask[..., :20, :20] = mask[..., -20:, -20:] = mask[..., 100:120, 210:250] = 1
    boxes = masks.cover(mask, area=160_000, overlap=16, stride=4).boxes(mask)
    sizes = [(b.rows.high - b.rows.low, b.columns.high - b.columns.low) for b in boxes]
    assert 3 <= len(boxes) <= 5
    assert len(set(sizes)) == 1
    assert sum(height * width for height, width in sizes) < 20_000


@settings(deadline=None, max_examples=20)
@given(blots(), st.sampled_from([4, 16]), st.integers(0, 40))
def test_the_size_that_is_found_is_the_one_that_costs_least(mask, stride, overlap):
    """A size is given up as soon as it costs more than the best; counting all to the end finds the same."""
    costs, cost = [], masks.Cover.cost

    def to_the_end(cover, cells, height, width, limit):
        costs.append(cost(cover, cells, height, width, math.inf))
        return costs[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(masks.Cover, "cost", to_the_end)
        best = masks.cover(mask, area=10_000, overlap=overlap, stride=stride)
    found = masks.cover(mask, area=10_000, overlap=overlap, stride=stride)
    assert found == best
    assert masks.seen(found.boxes(mask)) == min(costs)


@settings(deadline=None, max_examples=60)
@given(blots(), st.sampled_from([1, 4, 16]), st.integers(0, 60), st.integers(0, 150))
def test_a_mask_never_costs_more_than_the_whole_picture(mask, stride, overlap, more):
    tiling = Tiling(tiles.smallest(overlap, stride) + more, overlap)
    found = gradient._covering(mask, tiling, stride)
    whole = tiles.boxes(*mask.shape[-2:], tile=tiling.tile, overlap=tiling.overlap, stride=stride)
    assert masks.seen(found) <= masks.seen(whole)
    covered = torch.zeros(mask.shape[-2:], dtype=torch.bool)
    for box in found:
        covered[box.core] = True
    assert covered[mask[0, 0] > 0].all()


@settings(deadline=None, max_examples=40)
@given(blots(), st.integers(0, 30))
def test_a_window_holds_the_mask_tightly(mask, margin):
    rows, columns = masks.window(mask, margin)
    outside = mask.clone()
    outside[..., rows, columns] = 0
    assert not outside.any()
    if margin == 0:
        inside = mask[0, 0, rows, columns] > 0
        assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


@settings(deadline=None, max_examples=40)
@given(blots(), st.floats(0, 60))
def test_feathering_stays_in_range_and_keeps_flat_parts(mask, radius):
    soft = masks.feather(mask, radius)
    assert soft.shape == mask.shape
    assert 0 <= soft.min() <= soft.max() <= 1
    torch.testing.assert_close(masks.feather(torch.full_like(mask, 0.3), radius), torch.full_like(mask, 0.3))


def test_feathering_is_as_wide_as_asked():
    edge = torch.zeros(1, 1, 8, 400)
    edge[..., 200:] = 1
    soft = masks.feather(edge, 30)[0, 0, 0]
    inner = ((soft > 0.02) & (soft < 0.98)).sum()
    assert 30 < inner < 75
    assert (soft.diff() >= 0).all()


def test_a_masked_gradient_is_the_unmasked_one_there(tiny64):
    pixels, objective = torch.rand(1, 3, 240, 280, dtype=torch.float64), layer("deep")
    mask = torch.zeros(1, 1, 240, 280, dtype=torch.float64)
    mask[..., 40:70, 90:110] = 1
    whole, _ = gradient.compute(pixels, tiny64, objective, Tiling(999, 40))
    part, _ = gradient.compute(pixels, tiny64, objective, Tiling(120, 40), mask=mask)
    torch.testing.assert_close(part * mask, whole * mask)
    assert not part[..., 120:, :].any()


@pytest.mark.parametrize("shift", [(0, 0), (7, -11), (-119, 500)])
def test_a_shifted_gradient_is_the_shifted_pictures(tiny64, shift):
    pixels, objective = torch.rand(1, 3, 96, 80, dtype=torch.float64), layer("deep")
    rolled = torch.roll(pixels, shift, (-2, -1))
    g, score = gradient.compute(pixels, tiny64, objective, Tiling(88, 24), shift=shift)
    theirs, same = gradient.compute(rolled, tiny64, objective, Tiling(88, 24))
    torch.testing.assert_close(torch.roll(g, shift, (-2, -1)), theirs)
    assert score == same


@pytest.mark.parametrize("normalise", ["mean", "std", "laplacian"])
def test_what_is_black_stays_to_the_last_bit(normalise):
    pixels = torch.rand(1, 3, 90, 110)
    mask = torch.zeros(1, 1, 90, 110)
    mask[..., 20:50, 30:80] = 1
    after = dream(pixels, tiny(), mask=mask, settings=choose(**QUICK, normalise=normalise))
    stays = (mask == 0).expand_as(pixels)
    assert torch.equal(after[stays], pixels[stays])
    assert (after - pixels)[~stays].abs().mean() * 255 > 1


def test_inside_a_mask_it_dreams_as_strongly_as_anywhere():
    pixels = torch.rand(1, 3, 90, 110)
    mask = torch.zeros(1, 1, 90, 110)
    mask[..., 20:60, 30:80] = 1
    chosen = choose(**QUICK, normalise="mean")
    whole, part = (dream(pixels, tiny(), mask=each, settings=chosen) - pixels for each in (None, mask))
    inside = mask.bool().expand_as(pixels)
    assert part[inside].abs().mean() == pytest.approx(whole[inside].abs().mean().item(), rel=0.1)


def test_grey_goes_part_of_the_way():
    pixels = torch.rand(1, 3, 64, 64)
    half = dream(pixels, tiny(), mask=torch.full((1, 1, 64, 64), 0.5), settings=choose(**QUICK, jitter=0)) - pixels
    whole = dream(pixels, tiny(), mask=torch.ones(1, 1, 64, 64), settings=choose(**QUICK, jitter=0)) - pixels
    assert half.abs().mean() < 0.8 * whole.abs().mean()


def test_regions_dream_of_their_own_and_have_no_seam():
    pixels, left = 0.3 + 0.4 * torch.rand(1, 3, 96, 128), torch.zeros(1, 1, 96, 128)
    left[..., :64] = 1
    left = masks.feather(left, 12)
    chosen, network = choose(octaves=1, steps=4, jitter=4, colour=1.0, normalise="mean"), tiny()
    usual, other = layer("shallow"), layer("deep")
    mixed = dream(pixels, network, usual, settings=chosen, regions=[Region(left, other)])
    alone = {name: dream(pixels, network, each, settings=chosen) for name, each in (("u", usual), ("o", other))}
    far_left, far_right = (slice(None), slice(None), slice(None), slice(8, 40)), (..., slice(90, 120))
    for where, like, unlike in ((far_left, "o", "u"), (far_right, "u", "o")):
        near, far = ((mixed - alone[name])[where].abs().mean() for name in (like, unlike))
        assert near < 0.8 * far
    jumps = (mixed - pixels).diff(dim=3).abs().mean((0, 1, 2))
    assert jumps[56:72].mean() < 1.5 * jumps.mean()


def test_a_regions_strength_counts():
    pixels, everywhere = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    objective = layer("deep")
    changes = [
        (
            dream(pixels, tiny(), objective, settings=choose(**QUICK), regions=[Region(everywhere, objective, s)])
            - pixels
        )
        for s in (0.0, 0.5, 2.0)
    ]
    none, weak, strong = (change.abs().mean() for change in changes)
    assert none == 0
    assert weak < strong


def test_a_black_mask_is_refused():
    with pytest.raises(SettingsError, match="black everywhere"):
        dream(torch.rand(1, 3, 64, 64), tiny(), mask=torch.zeros(1, 1, 64, 64), settings=choose(**QUICK))


# Masks by what is in the picture


@pytest.mark.semantics
def test_sky_is_what_is_calm_and_high(efficientnet):
    palace = images.load(photograph("china"), long_side=320).pixels
    found = correspondence.regions_of(efficientnet, palace)
    mask = found.mask(found.sky, *palace.shape[-2:])[0, 0]
    assert mask[:30, 150:].mean() > 0.95
    assert mask[70:130, 60:110].mean() < 0.1  # the tower
    assert mask[-40:].mean() < 0.02
    assert correspondence.regions_of(efficientnet, images.load(photograph("chelsea"), long_side=320).pixels).sky == ()


@pytest.mark.semantics
def test_a_sky_reaches_far_down_and_a_lake_beneath_a_city_is_none(efficientnet):
    violet, orange = (torch.tensor(each)[:, None, None] for each in ([0.4, 0.3, 0.6], [0.9, 0.5, 0.3]))
    dusk = (
        (violet + (orange - violet) * ((torch.arange(240) - 95) / 50).clamp(0, 1)[:, None]).expand(3, 240, 320).clone()
    )
    windows = torch.rand(1, 1, 10, 80, generator=torch.Generator().manual_seed(0))
    dusk[:, 180:210] = 0.5 * torch.nn.functional.interpolate(windows, size=(30, 320))[0]
    dusk[:, 210:] = 0.05
    found = correspondence.regions_of(efficientnet, dusk[None])
    mask = found.mask(found.sky, 240, 320)[0, 0]
    assert mask[:160].mean() > 0.95
    assert mask[184:].mean() < 0.05
    assert len(found.sky) > 1
    assert all(found.mask([each], 240, 320).max() > 0.8 for each in found.sky)


@pytest.mark.semantics
def test_a_calm_lake_behind_a_soft_horizon_is_no_sky(efficientnet):
    above = images.load(photograph("china")).pixels[:, :, :130, 260:600]
    ripples = 0.01 * torch.randn(above.shape, generator=torch.Generator().manual_seed(0))
    lake = torch.cat([above, (above.flip(2) - 0.15 + ripples).clamp(0, 1)], 2)
    found = correspondence.regions_of(efficientnet, lake)
    mask = found.mask(found.sky, *lake.shape[-2:])[0, 0]
    assert mask[:120].mean() > 0.9
    assert mask[140:].mean() < 0.1
    assert correspondence.regions_of(efficientnet, images.load(photograph("chelsea")).pixels).sky == ()


@pytest.mark.semantics
@pytest.mark.parametrize("night", [False, True])
def test_sky_is_found_between_towers_and_not_in_a_black_lake(efficientnet, night):
    """The lake of a night is as black and as calm as the sky above, and a region of its own."""
    chance = torch.Generator().manual_seed(0)
    colours = ((0.02, 0.02), (0.02, 0.02), (0.05, 0.05)) if night else ((0.35, 0.85), (0.3, 0.55), (0.6, 0.5))
    city = torch.stack([torch.linspace(*each, 240)[:, None].expand(240, 320) for each in colours])

    def wall(rows, columns):
        windows = 0.5 * torch.rand(1, 1, rows // 4, columns // 4, generator=chance)
        return torch.nn.functional.interpolate(windows, size=(rows, columns))[0]

    towers = [(left, 110 + left * 37 // 32 % 40) for left in range(0, 320, 32)]
    for left, top in towers:
        city[:, top:190, left : left + 20] = wall(190 - top, 20)
    city[:, 160:190], city[:, 190:] = wall(30, 320), 0.04 if night else 0.1
    found = correspondence.regions_of(efficientnet, city[None])
    mask = found.mask(found.sky, 240, 320)[0, 0]
    between = torch.cat([mask[top + 6 : 154, left + 22 : left + 30].flatten() for left, top in towers])
    assert between.mean() > 0.9
    assert mask[165:].mean() < 0.05
    torch.testing.assert_close(found.shares.sum(1), torch.ones_like(found.shares[:, 0]))


def test_gaps_between_statues_look_like_the_sky_around_them():
    dusk = (torch.tensor([0.9, 0.5, 0.3])[:, None, None] * torch.linspace(0.7, 1, 120)[:, None]).expand(3, 120, 256)
    dusk, sky = dusk.clone(), torch.zeros(1, 1, 120, 256)
    sky[..., :84, :] = 1
    dusk[:, 100:] = 0.03
    for left in range(40, 216, 16):
        dusk[:, 88:100, left : left + 8] = 0.04
    found = like_sky(sky, dusk[None])[0, 0]
    assert found[90:98, 50:54].all()
    assert found[90:98, 4:36].all()
    assert not found[100:].any()
    assert not found[89:100, 41:47].any()


def test_a_sky_goes_on_beneath_a_cloud_between_statues_and_not_in_a_pool():
    dusk = torch.tensor([0.9, 0.5, 0.3])[:, None, None].expand(3, 240, 512).clone()
    dusk[:, 160:166] *= 0.85
    dusk[:, 200:] = 0.03
    for left in range(80, 432, 32):
        dusk[:, 172:200, left : left + 16] = 0.04
    dusk[:, 206:216, 200:260] = torch.tensor([0.9, 0.5, 0.3])[:, None, None]
    share = torch.zeros(1, 1, 240, 512)
    share[..., :160, :] = 1
    sky, lake = (each[0, 0] for each in sky_and_lake(share, dusk[None]))
    assert sky[172:184, 102:106].min() > 0.9
    assert sky[176:184, 84:92].max() < 0.1
    assert sky[202:].max() < 0.1
    assert not lake.any()


@pytest.mark.semantics
@pytest.mark.parametrize("name", ["flower", "coins"])
def test_leaves_out_of_focus_and_a_dark_cloth_are_no_sky(efficientnet, name):
    assert correspondence.regions_of(efficientnet, images.load(photograph(name)).pixels).sky == ()


@pytest.mark.semantics
@pytest.mark.parametrize(
    ("calm", "stones", "overhead", "is_sky"),
    [
        ((0.55, 0.56, 0.57), 0.75, True, True),  # clouds over snow
        ((0.35, 0.36, 0.37), 0.5, True, True),  # a storm over a field in the sun
        ((0.24, 0.17, 0.11), 0.25, True, True),  # the lights of a town in its night
        ((0.3, 0.4, 0.6), 0.5, False, True),  # blue between houses
        ((0.75, 0.75, 0.75), 0.5, False, True),  # bright between houses
        ((0.04, 0.04, 0.05), 0.3, False, True),  # night between houses
        ((0.45, 0.43, 0.42), 0.55, False, False),  # a street from above
        ((0.2, 0.21, 0.2), 0.4, False, False),  # a coat
    ],
)
def test_a_sky_has_a_skys_light_or_lies_above_all(efficientnet, calm, stones, overhead, is_sky):
    """What is calm is over what is not, or between it, from the upper edge to the lower."""
    noise = torch.rand(1, 1, 60, 80, generator=torch.Generator().manual_seed(0)) - 0.5
    picture = (stones + 0.4 * torch.nn.functional.interpolate(noise, size=(240, 320))[0]).expand(3, -1, -1).clone()
    where = (slice(120), slice(None)) if overhead else (slice(None), slice(80, 240))
    picture[(slice(None), *where)] = torch.tensor(calm)[:, None, None]
    found = correspondence.regions_of(efficientnet, picture.clamp(0, 1)[None])
    assert bool(found.sky) == is_sky


@pytest.mark.semantics
def test_regions_share_a_picture_the_largest_first(efficientnet):
    palace = images.load(photograph("china"), long_side=320).pixels
    found = correspondence.regions_of(efficientnet, palace)
    torch.testing.assert_close(found.shares.sum(1), torch.ones_like(found.shares[:, 0]))
    areas = found.shares.mean((0, 2, 3))
    assert areas.argmax() == 0
    every = found.mask(range(len(areas)), 40, 60)
    assert every.shape == (1, 1, 40, 60)
    assert every.min() == 1


@pytest.fixture(scope="module")
def skyline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    images.save(images.load(photograph("china"), long_side=160).pixels, folder / "palace.png")
    return folder / "palace.png"


BRIEF = {"layer": "block3", "octaves": 1, "steps": 1}


@pytest.mark.semantics
def test_a_dream_of_the_sky_alone_is_redone_and_its_regions_are_drawn(skyline):
    made = phosphene.dream(skyline, mask="sky", **BRIEF)
    changed = (made.pixels != images.load(skyline).pixels).any(1)[0].float()
    assert changed[:10].mean() > 0.9
    assert changed[-20:].mean() == 0
    made.save(skyline.parent / "made.png")
    assert torch.equal(phosphene.redo(skyline.parent / "made.png").pixels, made.pixels)
    numbers = ",".join(map(str, range(1, correspondence.REGIONS + 1)))
    assert (phosphene.dream(skyline, mask=numbers, **BRIEF).pixels != images.load(skyline).pixels).any(
        1
    ).float().mean() > 0.9
    assert made.regions.shape[-1] > 2 * 160
    region = phosphene.dream(skyline, region=("sky=@ 0",), **BRIEF).pixels
    assert torch.equal(region[0, :, :5, -40:], images.load(skyline).pixels[0, :, :5, -40:])


@pytest.mark.parametrize(
    ("name", "mask", "said"),
    [
        ("chelsea", "sky", "--mask sky: no sky was found in chelsea.png."),
        ("china", "9", "--mask 9: china.jpg has the regions 1 to 6, the largest first."),
        ("china", "1,0", "--mask 1,0: china.jpg has the regions 1 to 6"),
        ("china", "face", "--mask takes a picture, sky, a region's number as 2, or alpha."),
    ],
)
def test_a_place_that_is_not_there_is_told(name, mask, said):
    with pytest.raises(PhospheneError) as refused:
        phosphene.dream(photograph(name), mask=mask, long_side=320, **BRIEF)
    assert said in str(refused.value)


def test_a_frame_without_sky_is_left_alone_and_a_picture_without_is_told(efficientnet):
    cat, chosen = images.load(photograph("chelsea"), long_side=320), choose(mask="sky")
    cache = ImageCache(torch.float32)
    assert not read_mask(cat, efficientnet, cache, chosen).any()
    with pytest.raises(SettingsError, match="no sky was found"):
        mask_of(cat, efficientnet, cache, chosen)
