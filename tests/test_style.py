"""Style: likeness, stuff, blending, windows, mistakes; on a tiny random network, and on the real one for behaviour."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

import phosphene
from conftest import photograph
from phosphene import features, filters, images
from phosphene.cli import main
from phosphene.errors import ImageError, PhospheneError, SettingsError, UnknownNameError
from phosphene.features import correspondence, hypercolumns, matching
from phosphene.filters.drawings import DRAWINGS, fields
from phosphene.networks import Network
from phosphene.pixels import tiles
from phosphene.pixels.colours import colourfulness
from phosphene.recipes import neighbours
from phosphene.recipes import style as recipe
from phosphene.recipes.neighbours import ColourWeights, Neighbours, Tones
from phosphene.recipes.structure import StyleImage, Window, apart, moments, surrounded
from phosphene.recipes.style_settings import StyleSettings, weighted
from phosphene.records import record

CHEEK = np.s_[376:387, 61:72]  # of the person that drawings of 512 pixels show
QUICK = {"steps": 3, "scales": 2}


def texture(seed: int, height: int = 64, width: int = 80, dtype: torch.dtype = torch.float32) -> Tensor:
    """Soft forms, so that features differ from place to place."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 8, width // 8, generator=generator, dtype=torch.float64)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1).to(dtype)


def painted(network: phosphene.Network, content: Tensor, *styles: tuple[Tensor, float], **changes: object) -> Tensor:
    chosen = StyleSettings(**{**QUICK, "semantics": 0.0, "dtype": "float64", **changes})  # type: ignore[arg-type]
    return recipe.style(content, network, [StyleImage(*each) for each in styles], settings=chosen)


# Likeness


def test_hypercolumns_stand_on_one_grid(tiny32: phosphene.Network) -> None:
    names = hypercolumns.layers(tiny32, hypercolumns.LOOKS)
    found = hypercolumns.columns(tiny32, texture(0, 61, 75), names)
    assert {each.shape[-2:] for each in found} == {(16, 19)} == {hypercolumns.size(61, 75)}


def test_a_picture_finds_itself(tiny64: phosphene.Network) -> None:
    pixels = texture(1, dtype=torch.float64)
    method = Neighbours(tiny64, [StyleImage(pixels)], pixels, strength=0.5, semantics=0)
    (palette,) = method.features
    where = palette.found(palette.vectors, *palette.vectors.new_zeros(len(palette.vectors), 4).split([0, 4], 1))
    assert (where == torch.arange(len(where))).all()


def test_the_measure_of_a_picture_does_not_depend_on_tiles(
    tiny64: phosphene.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, names = texture(1, 288, 304, dtype=torch.float64), hypercolumns.layers(tiny64, hypercolumns.LOOKS)
    whole = hypercolumns.means([hypercolumns.columns(tiny64, pixels, names)])
    monkeypatch.setattr(features.activations, "TILE", 160)
    assert len(list(hypercolumns.by_tile(tiny64, pixels, names))) > 1
    tiled = hypercolumns.means(hypercolumns.by_tile(tiny64, pixels, names))
    for layer, (one, other) in enumerate(zip(whole, tiled, strict=True)):
        assert (one - other).norm() < 0.02 * one.norm(), names[layer]


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 900), looked_in=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_search_in_groups_finds_what_is_near_alike(count: int, looked_in: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    queries, candidates = (torch.randn(each, 9, generator=generator, dtype=torch.float64) for each in (70, count))
    exact = matching.best(queries, candidates)
    groups = matching.Groups(candidates, groups=5, looked_in=looked_in)
    found = groups.best(queries)
    assert torch.allclose((queries * candidates[found.where]).sum(1), found.similarity)
    assert (found.similarity <= exact.similarity + 1e-12).all()
    assert torch.equal(groups.best(queries[20:50]).where, found.where[20:50])
    if looked_in == 5:
        assert torch.equal(found.where, exact.where)


def test_a_search_in_groups_of_candidates_that_are_all_alike() -> None:
    found = matching.Groups(torch.ones(700, 4)).best(torch.randn(30, 4))
    assert found.where.min() >= 0
    assert found.where.max() < 700


@settings(max_examples=10, deadline=None)
@given(table=st.integers(1, 5000), seed=st.integers(0, 99))
def test_matches_do_not_depend_on_the_table(table: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    queries, candidates = (torch.randn(count, 9, generator=generator, dtype=torch.float64) for count in (70, 90))
    whole, cut = (matching.best(queries, candidates, table=each) for each in (None, table))
    assert (whole.where == cut.where).all()


def test_a_painting_does_not_depend_on_the_search_table(
    tiny64: phosphene.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, style = (texture(seed, dtype=torch.float64) for seed in (1, 2))
    once = painted(tiny64, content, (style, 1.0))
    monkeypatch.setattr(matching, "TABLE_NUMBERS", 777)
    assert (painted(tiny64, content, (style, 1.0)) - once).abs().max() < 1e-9


@pytest.mark.parametrize("method", ["match", "gram"])
def test_a_step_brings_it_nearer(tiny32: phosphene.Network, method: str) -> None:
    scores: list[float] = []
    recipe.style(
        texture(1),
        tiny32,
        [StyleImage(texture(2))],
        settings=StyleSettings(method=method, steps=15, scales=1),
        on_step=lambda step: scores.append(step.score),
    )
    assert scores[-1] > scores[0]


@pytest.mark.parametrize("method", ["match", "gram"])
def test_the_same_seed_gives_the_same_pixels(tiny32: phosphene.Network, method: str) -> None:
    once, again, other = (
        painted(tiny32, texture(1), (texture(2), 1.0), method=method, dtype="float32", seed=seed) for seed in (3, 3, 4)
    )
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


@pytest.mark.parametrize("method", ["match", "gram"])
def test_strength_0_changes_nothing(tiny64: phosphene.Network, method: str) -> None:
    content = texture(1, dtype=torch.float64)
    still = painted(tiny64, content, (texture(2, dtype=torch.float64), 1.0), strength=0, method=method, steps=15)
    assert (still - content).abs().mean() < 0.02


def test_weights_of_several_styles_interpolate(tiny64: phosphene.Network) -> None:
    content, *styles = (texture(seed, dtype=torch.float64) for seed in (1, 2, 3))

    def at(share: float) -> Tensor:
        return painted(tiny64, content, (styles[0], 1 - share), (styles[1], share), scales=1, steps=30)

    ends, middle = (at(0), at(1)), at(0.5)
    assert torch.equal(ends[0], painted(tiny64, content, (styles[0], 1.0), scales=1, steps=30))
    apart = (ends[0] - ends[1]).norm()
    assert all((middle - end).norm() < apart for end in ends)


def test_windows_cover_the_picture_and_leave_finished_ones_alone(tiny32: phosphene.Network) -> None:
    seen: list[Tensor] = []

    def remember(step: phosphene.Step) -> None:
        if step.step % 3 == 0:
            seen.append(step.pixels.clone())

    content = texture(1, 500, 600)
    windows = recipe.windows(500, 600, 340**2)
    assert len(windows) > 1
    chosen = StyleSettings(semantics=0.0, scales=1, steps=3)
    stage = recipe._Stage([(500, 600)], 0, chosen, windows, torch.clone)
    method = recipe._method(tiny32, [StyleImage(texture(2, 300, 300))], content, chosen)
    begun = content.clone()
    recipe._paint_(begun, content, method, stage, 0, lambda _: None, remember)
    for number, (window, after) in enumerate(zip(windows, seen, strict=True)):
        core = (..., *window.box.core)
        assert torch.equal(after[core], begun[core])
        assert all(torch.equal(after[core], later[core]) for later in seen[number:])
    assert not torch.equal(begun, content)


@pytest.mark.parametrize("calm", [False, True])
def test_windows_leave_no_seam(efficientnet: phosphene.Network, monkeypatch: pytest.MonkeyPatch, calm: bool) -> None:
    content, style = (images.load(photograph(name), long_side=320).pixels for name in ("coffee", "flower"))
    if calm:
        content = images.load(photograph("china"), long_side=640).pixels[..., :160, 300:620]  # sky
    boxes = [window.box for window in recipe.windows(*content.shape[-2:], 208**2)]
    assert len({(box.rows.stop, box.columns.stop) for box in boxes}) == (2 if calm else 4)

    def picture(area: int) -> Tensor:
        monkeypatch.setattr(recipe, "window_area", lambda *_: area)
        chosen = StyleSettings(semantics=0.0, scales=2, steps=4)
        return recipe.style(content, efficientnet, [StyleImage(style)], settings=chosen)

    whole, parts = picture(1_000_000), picture(208**2)
    for dim, ends in ((2, {box.rows.stop for box in boxes}), (3, {box.columns.stop for box in boxes})):
        more = parts.diff(dim=dim).abs().mean((0, 1, 5 - dim)) / whole.diff(dim=dim).abs().mean((0, 1, 5 - dim))
        for end in ends - {content.shape[dim]}:
            band = more[end - 2 : end + recipe.PARTING + 2]
            assert band.max() < 1.3, f"a line at {end}"
            assert band.mean() > 0.85, f"a blur at {end}"


def test_a_style_of_itself_changes_little(efficientnet: phosphene.Network) -> None:
    pixels = images.load(photograph("coffee"), long_side=160).pixels
    same = phosphene.style(pixels, pixels, network=efficientnet, steps=20).pixels
    other = phosphene.style(pixels, photograph("china"), network=efficientnet, steps=20).pixels
    assert (same - pixels).abs().mean() < 0.4 * (other - pixels).abs().mean()


# Tone


@settings(max_examples=20, deadline=None)
@given(brightness=st.floats(0, 100), more=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_a_search_finds_the_nearest_colour(brightness: float, more: float, seed: int) -> None:
    by, generator = ColourWeights(brightness, brightness + more), torch.Generator().manual_seed(seed)
    wanted, there = (torch.rand(count, 3, generator=generator, dtype=torch.float64) for count in (40, 60))
    found = matching.best(by.wanted(wanted), by.of(there))
    apart = wanted[:, None] - there
    grey = apart.mean(2, keepdim=True)
    distances = by.brightness * 3 * grey[..., 0].square() + by.chroma * (apart - grey).square().sum(2)
    chosen = distances.gather(1, found.where[:, None])[:, 0]
    assert torch.allclose(chosen, distances.amin(1), atol=1e-9 * by.chroma)


def test_black_goes_to_black_though_it_is_lighter() -> None:
    """A black coat was dark green in parts, which is nearer in red, green and blue than a black one that is lighter."""
    wanted, there = torch.tensor([[0.1, 0.1, 0.12]]), torch.tensor([[0.06, 0.16, 0.06], [0.2, 0.2, 0.23]])
    alike, by_chroma = ColourWeights(1, 1), ColourWeights(1, 10)
    assert int(matching.best(alike.wanted(wanted), alike.of(there)).where) == 0
    assert int(matching.best(by_chroma.wanted(wanted), by_chroma.of(there)).where) == 1


def test_the_darkest_tones_are_the_darkest_in_another_picture() -> None:
    """However much of a picture is dark: a black coat that fills a third of it goes to black, and not to green."""
    coat, wanted = torch.rand(300, 3) * 0.03, torch.linspace(0.2, 0.9, 500)[:, None].expand(-1, 3)
    of = torch.cat([coat, 0.3 + 0.7 * torch.rand(600, 3)])
    made = Tones.of(of).as_in(Tones.of(wanted), of)[:300]
    assert (made.mean(1) - 0.2).abs().max() < 0.05


def test_a_few_stars_in_a_black_sky_are_no_brighter_than_white() -> None:
    sky = torch.zeros(1000, 3)
    sky[:20] = 1.0
    made = Tones.of(sky).as_in(Tones.of(hypercolumns.colours(texture(1))), sky)
    assert (made.min() >= 0, made.max() <= 1) == (True, True)
    assert bool((made[:20] > made[20:].max()).all())


def test_tones_take_on_the_brightness_of_another_picture() -> None:
    dark, light = 0.3 * texture(1), 0.4 + 0.6 * texture(2)
    of, by = (hypercolumns.colours(each) for each in (dark, light))
    made = Tones.of(of).as_in(Tones.of(by), of)
    assert torch.allclose(torch.stack(Tones.of(made)), torch.stack(Tones.of(by)), atol=1e-5)
    assert torch.allclose(made - made.mean(1, keepdim=True), of - of.mean(1, keepdim=True), atol=1e-6)
    white = Tones.of(torch.ones(9, 3)).as_in(Tones.of(by), torch.ones(9, 3))
    assert torch.isfinite(white).all()


def test_dark_goes_to_dark_and_red_to_red(tiny32: phosphene.Network) -> None:
    content, style = texture(1), texture(2)
    content[..., :40] *= 0.3
    content[:, :1, :32, 40:], style[:, :1, :32] = 1.0, 1.0

    def alike(tone: float) -> tuple[float, float]:
        """How well brightness, and redness, of what places are to become go with the photograph's own."""
        method = Neighbours(
            tiny32, [StyleImage(style)], content, strength=0.5, semantics=0, by_colour=ColourWeights(tone, tone)
        )
        aim = method.window(content, *recipe.windows(64, 80, 64 * 80))
        aim.look(content, (0, 0))
        pairs = []
        for colours in (aim.targets[0].colours, hypercolumns.colours(surrounded(content, (0, 0)))):
            pairs.append((colours.mean(1), colours[:, 0] - colours[:, 1:].mean(1)))
        bright, red = (float(torch.corrcoef(torch.stack(each))[0, 1]) for each in zip(*pairs, strict=True))
        return bright, red

    assert all(1 - firm < 0.6 * (1 - loose) for firm, loose in zip(alike(10), alike(0), strict=True))


def test_colours_that_were_searched_for_are_held(tiny32: phosphene.Network) -> None:
    """A portrait in blues had a yellow nose."""
    content, rises = texture(1), []
    for asked in (0.0, 50.0):
        by_colour = ColourWeights(asked, asked)
        method = Neighbours(tiny32, [StyleImage(texture(1))], content, strength=0.5, semantics=0, by_colour=by_colour)
        aim = method.window(content, *recipe.windows(64, 80, 64 * 80))
        aim.look(content, (0, 0))
        aim.targets = [aim.targets[0]._replace(moments=())]
        rises.append(float(aim.distance(content * 0.9) - aim.distance(content)))
    away = hypercolumns.colours(surrounded(0.1 * content, (0, 0))).square().sum(1).mean()
    assert rises[1] > rises[0] + 4 * float(away)


def test_a_stopped_painting_in_charcoal_is_grey_too(tiny32: phosphene.Network) -> None:
    grey = texture(2).mean(1, keepdim=True).expand(-1, 3, -1, -1)

    def stop(step: phosphene.Step) -> None:
        shown.append(step.picture())
        if len(shown) == 5:
            raise phosphene.StopRequested

    shown: list[Tensor] = []
    made = phosphene.style(texture(1), grey, network=tiny32, **QUICK, strength=0.5, on_step=stop).pixels
    assert max(float(each.amax(1).sub(each.amin(1)).max()) for each in (made, *shown)) < 1e-3


def test_tones_fade_as_styles_do(tiny32: phosphene.Network) -> None:
    """A style of weight 0 counts for nothing, and a coloured one the more the higher its weight is."""
    grey = texture(2).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    left = []
    for weight in (0.0, 0.1, 0.2, 1.0):
        styles = [(grey, 1 - weight), (texture(3), weight)]
        made = recipe.style(
            texture(1), tiny32, [StyleImage(*each) for each in styles], settings=StyleSettings(**QUICK, strength=0.5)
        )
        left.append(float(made.amax(1).sub(made.amin(1)).mean()))
    assert left[0] < 1e-3
    assert left == sorted(left)


@pytest.mark.parametrize("method", ["match", "gram"])
def test_a_black_and_white_style_paints_black_and_white_and_a_toned_one_in_its_tones(
    tiny32: phosphene.Network, method: str
) -> None:
    """Charcoal lakes were turquoise, and skies pink: little holds the colours of flat places."""
    grey = texture(2).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    tints = torch.tensor([0.35, 0.3, 0.2])[:, None, None]
    sepia = (tints + (1 - tints) * grey).contiguous()
    for style, low, high in ((grey, 0.0, 0.0), (sepia, 0.01, 0.15)):
        made = phosphene.style(texture(1), style, network=tiny32, **QUICK, strength=0.5, method=method).pixels
        inside = (made.amin(1) > 0) & (made.amax(1) < 1)
        red, green, blue = (made[:, axis][inside] for axis in range(3))
        assert low - 1e-3 <= (red - blue).min()
        assert (red - blue).max() <= high + 1e-3
        assert (red - green).min() > -1e-3
    faint = phosphene.style(texture(1), grey, network=tiny32, **QUICK, strength=0.05, method=method).pixels
    assert colourfulness(faint) == 1.0


# Stuff


@pytest.mark.semantics
def test_identical_regions_map_onto_themselves(efficientnet: phosphene.Network) -> None:
    pixels = images.load(photograph("china"), long_side=256).pixels
    found = correspondence.found(efficientnet, pixels, correspondence.kinds_of(efficientnet, pixels))
    maps = (torch.nn.functional.avg_pool2d(each, 8) for each in (found.content, found.style))
    here, there = map(matching.vectors, maps)
    likeness = here @ there.T
    kinds = there[:, : found.kinds].argmax(1)
    assert (kinds[likeness.argmax(1)] == kinds).float().mean() > 0.95
    assert found.missing == 0
    assert likeness.max() < 2.1
    assert (here[:, :-2] @ there[:, :-2].T).max() < 1.1  # without its sky and the rest


@pytest.mark.semantics
def test_sky_goes_with_sky_and_what_is_none_with_what_is_none(efficientnet: phosphene.Network) -> None:
    """As far as both pictures have one that the network sees alike, and nothing beside a style's sky looks like it."""
    day = images.load(photograph("china"), long_side=256).pixels
    dusk = (day.flip(3) * torch.tensor([0.9, 0.5, 0.4])[:, None, None]).contiguous()
    kinds = correspondence.kinds_of(efficientnet, dusk)
    found = correspondence.found(efficientnet, day, kinds)
    (sky, tower), (high, low) = (
        (each[0, :, 5, across], each[0, :, -20, across]) for each, across in ((found.content, -20), (found.style, 20))
    )
    assert sky @ high > sky @ low + 0.9
    assert tower @ low > tower @ high + 0.9
    beside = kinds.map[0, -2:].sum(0)
    assert beside.min() < 0.1
    assert beside[:20].min() > 0.9
    cat = correspondence.found(efficientnet, images.load(photograph("chelsea"), long_side=256).pixels, kinds)
    assert not cat.content[:, -2:].any()
    waves = correspondence.kinds_of(efficientnet, texture(3, 192, 256))
    assert waves.stuff.sky is not None
    assert not correspondence.found(efficientnet, day, waves).content[:, -2:].any()


@pytest.mark.semantics
def test_what_is_hardly_alike_is_hardly_sure(efficientnet: phosphene.Network) -> None:
    pixels = images.load(photograph("china"), long_side=256).pixels
    kinds = (correspondence.kinds_of(efficientnet, style) for style in (pixels, texture(3, 192, 256)))
    itself, other = (correspondence.found(efficientnet, pixels, each) for each in kinds)
    sure, unsure = (each.content.amax(1).mean() for each in (itself, other))
    assert unsure < sure / 2


def test_statistics_are_those_of_found_places(tiny32: phosphene.Network) -> None:
    """As far as these are sure; else those of the whole style."""
    style = torch.cat([texture(1, 64, 32), texture(2, 64, 32) * 0.2], 3)
    palette = Neighbours(tiny32, [StyleImage(style)], style, strength=1, semantics=1).features[0]
    places = torch.arange(256).view(palette.grid)
    quarter = places[:8, :8].flatten()
    for layer, seen in enumerate(palette.layers):
        part, mean = seen[..., : seen.shape[-2] // 2, : seen.shape[-1] // 2], seen.mean((2, 3), keepdim=True)
        for share in (None, 1.0, 0.3, 0.0):
            found = palette.moments_of(quarter, None if share is None else torch.full((64,), share))[layer].mean
            wanted = part if share is None else share * part + (1 - share) * mean
            assert torch.allclose(found.flatten(), wanted.mean((0, 2, 3)), atol=1e-4)
        often = palette.moments_of(torch.cat([quarter, quarter, places[8:, :8].flatten()]))
        below = seen[..., seen.shape[-2] // 2 :, : seen.shape[-1] // 2]
        assert torch.allclose(often[layer].mean.flatten(), ((2 * part + below) / 3).mean((0, 2, 3)), atol=1e-4)


def test_statistics_follow_what_is_surely_the_same_or_found_by_tones() -> None:
    stuff = torch.tensor([[1.0, 0.0], [0.9, 0.0], [0.5, 0.5], [0.0, 0.0]])
    left = torch.tensor([[1.0, 0.0]]).expand(4, -1)
    assert torch.allclose(neighbours.certainty(stuff, left, 0.0), torch.tensor([1.0, 0.9**8, 0.5**8, 0.0]))
    assert neighbours.certainty(2 * stuff, left, 0.0).tolist()[:3] == [1.0, 1.0, 1.0]
    toned = [neighbours.certainty(stuff, left, ColourWeights(tone, tone).asked) for tone in (0.0, 0.5, 2.0, 100.0)]
    assert all(bool((more >= less).all()) for less, more in pairwise(toned))
    assert toned[2][3] > 0.8
    assert toned[3].tolist() == [1.0] * 4


@pytest.mark.parametrize(("side", "tone", "all_of_it"), [(64, 0.0, True), (64, 100.0, False), (128, 0.0, False)])
def test_statistics_of_a_window_are_always_those_of_found_places(
    tiny32: phosphene.Network, side: int, tone: float, all_of_it: bool
) -> None:
    """In the whole, without a map, they are the whole style's, unless tones were asked for."""
    content, style = texture(3, 64, 64), torch.cat([texture(1, 64, 32), texture(2, 64, 32) * 0.2], 3)
    method = Neighbours(
        tiny32, [StyleImage(style)], content, strength=0.5, semantics=1, by_colour=ColourWeights(tone, tone)
    )
    span = tiles.Span(0, 64, 0, 64)
    aim = method.window(content, Window(tiles.Box(span, span), (side, side)))
    aim.look(content, (0, 0))
    pairs = zip(aim.targets[0].moments, map(moments, method.features[0].layers), strict=True)
    same = [torch.allclose(found.mean, whole.mean, atol=1e-4) for found, whole in pairs]
    assert same == [all_of_it] * len(same)


def test_statistics_of_a_single_place_outweigh_nothing() -> None:
    """Its covariance is 0, of which any distance would be an endless share."""
    seen = texture(1).requires_grad_()
    now, one = moments(seen), moments(texture(2)[..., :1, :1])
    assert not one.gram.any()
    distance = apart([now], [one])
    assert 1 < distance < 201
    assert torch.isfinite(torch.autograd.grad(distance, seen)[0]).all()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), content=st.integers(1, 6), style=st.integers(1, 6))
def test_what_is_like_nothing_goes_with_what_is_left_over(seed: int, content: int, style: int) -> None:
    """A kind that is equally unlike all of the style's goes where the others' likeness is least; sure ones stay."""
    generator = torch.Generator().manual_seed(seed)
    likeness = 4 * torch.rand(content, style, generator=generator) - 2
    likeness[-1] = 0.1
    found = correspondence._unclaimed(likeness, (likeness.amax(1) / 2).clamp(0, 1))
    if content > 1:
        claims = likeness[:-1].amax(0).clamp(min=0)
        assert claims[found[-1].argmax()] == claims.min()
    firm = likeness.amax(1) >= 1
    assert torch.equal(found[firm], likeness[firm])
    sure = correspondence._unclaimed(likeness, torch.ones(content))
    assert torch.equal(sure, likeness)


def test_a_map_takes_on_the_edges_of_a_picture() -> None:
    picture, map_ = torch.zeros(1, 3, 32, 48), torch.zeros(1, 1, 32, 48)
    picture[..., 20:], map_[..., 26:] = 0.8, 1.0
    found = matching.filtered(map_, picture, 8, 1e-3)
    steps = found.diff(dim=-1).abs().mean((0, 1, 2))
    assert steps.argmax() in range(17, 23)
    assert torch.allclose(matching.filtered(map_ * 0 + 0.3, picture, 8, 1e-3), map_ * 0 + 0.3, atol=1e-5)


def test_drawn_maps_bind_what_has_one_colour() -> None:
    red, blue = ((torch.tensor(colour)[:, None, None]) for colour in ([1.0, 0, 0], [0, 0, 1.0]))
    content = torch.cat([red.expand(3, 4, 6), blue.expand(3, 4, 6)], 1)[None]
    found, lost = correspondence.drawn(content, content.flip(2))
    likeness = matching.vectors(found.content) @ matching.vectors(found.style).T
    assert likeness.shape == (48, 48)
    assert (likeness[0, :24] == 0).all()
    assert (likeness[0, 24:] == 1).all()
    assert lost == ()
    _, lost = correspondence.drawn(content, red.expand(3, 9, 9)[None])
    assert lost == ("#0000ff",)


def test_the_sky_of_a_painting_comes_from_the_sky_that_is_named(efficientnet: phosphene.Network) -> None:
    content = images.load(photograph("china"), long_side=128).pixels
    height, width = content.shape[-2:]
    style = torch.cat([texture(1, 64, 128) * torch.tensor([1.0, 0.2, 0.1])[None, :, None, None]] * 1, 2)
    style = torch.cat([style, style.flip(1)], 2)
    maps = [torch.zeros(1, 3, *size) for size in ((height, width), (128, 128))]
    maps[0][:, 0, : height // 2] = 1
    maps[1][:, 0, 64:] = 1
    result = phosphene.style(content, style, network=efficientnet, regions=(maps[0], maps[1]), steps=30, strength=0.8)
    top, low = (
        part.mean((0, 2, 3)) for part in (result.pixels[..., : height // 3, :], result.pixels[..., -height // 3 :, :])
    )
    assert top[2] > top[0]
    assert low[0] > low[2]
    assert result.regions.shape[1] == 3


# Runs


def save(path: object, pixels: Tensor) -> str:
    images.save(pixels, path, overwrite=True)  # type: ignore[arg-type]
    return str(path)


@pytest.fixture
def pictures(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # type: ignore[arg-type]
    monkeypatch.setattr(filters.library, "SIDE", 192)
    save("city.png", texture(1, 72, 96))
    save("waves.png", texture(2, 64, 64))
    save("night.png", texture(3, 64, 64))


def run(line: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    return int(ended.value.code or 0)


FAST = "--steps 2 --scales 2 -q"


@pytest.mark.usefixtures("pictures")
def test_a_painting_says_how_it_was_made_and_is_made_again() -> None:
    assert run(f"style city.png waves.png:2 night.png --keep-colour --show-regions map.png {FAST}") == 0
    made = record.read("city-style.png")
    assert (made.recipe, made.settings["style"]) == ("style", ["waves.png:2", "night.png"])
    assert set(made.pictures) == {"waves.png", "night.png"}
    assert images.load("map.png").pixels.shape[-1] > 96
    assert run("redo city-style.png -q") == 0
    once, again = (np.asarray(Image.open(name)) for name in ("city-style.png", "city-style-redo.png"))
    assert (once == again).all()
    assert run("redo city-style.png --strength 0.9 -q") == 0
    assert record.read("city-style-redo2.png").settings["strength"] == 0.9


@pytest.mark.usefixtures("pictures")
def test_a_mask_an_initial_picture_and_a_dream() -> None:
    mask = torch.zeros(1, 3, 72, 96)
    mask[..., :48] = 1
    save("mask.png", mask)
    assert run(f"style city.png waves.png --mask mask.png --initial city.png --then-dream neon {FAST}") == 0
    before, after = (np.asarray(Image.open(name)) for name in ("city.png", "city-style.png"))
    assert (before[:, 48:] == after[:, 48:]).all()
    assert (before[:, :48] != after[:, :48]).any()


def test_a_huge_style_is_opened_no_larger_than_it_is_looked_at(tiny32: phosphene.Network) -> None:
    made = phosphene.style(texture(1), texture(2, 8, 3000), network=tiny32, steps=1, scales=1)
    _, sources = made.draw_regions.args
    assert max(sources[0].pixels.shape[-2:]) == recipe.LARGEST_STYLE


def test_keep_colour_keeps_colour(tiny32: phosphene.Network) -> None:
    content = 0.3 + 0.4 * texture(1)
    result = phosphene.style(content, texture(2), network=tiny32, keep_colour=True, **QUICK).pixels
    change = result - content
    assert (change - change.mean(1, keepdim=True)).abs().max() < 1e-5


def test_a_stop_keeps_what_there_is(tiny32: phosphene.Network) -> None:
    def stop(step: phosphene.Step) -> None:
        if step.step == 2:
            raise phosphene.StopRequested

    result = phosphene.style(texture(1), texture(2), network=tiny32, on_step=stop, scales=2, steps=4)
    assert not result.record.complete
    assert result.pixels.shape == (1, 3, 64, 80)


# Filters


@pytest.mark.parametrize("name", filters.names())
def test_a_filter_is_drawn_in_all_tones_and_has_no_frame(name: str) -> None:
    """What stands along its edges comes into paintings; shadows that leave at one edge came in again at the other."""
    chosen = filters.read(name)
    pixels = chosen.pixels()
    grey = pixels[0].mean(0)
    assert chosen.about
    assert pixels.shape == (1, 3, 768, 768)
    assert 0 <= pixels.min() < 0.25
    assert 0.75 < pixels.max() <= 1
    assert grey.std() > 0.08
    for side in range(4):
        turned = grey.rot90(side)
        assert abs(float(turned[:8].mean() - turned[8:40].mean())) < 0.2


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_a_drawing_is_the_same_each_time(draw: Callable[[int, int, int], Tensor]) -> None:
    assert torch.equal(draw(96, 128, 0), draw(96, 128, 0))
    assert not torch.equal(draw(96, 128, 0), draw(96, 128, 1))


def test_the_landscape_of_the_drawings_has_all_that_a_photograph_may_show() -> None:
    of = fields.scene(256, 256, 1)
    assert set(np.unique(of.stuff)) == {*range(8)}
    assert of.tone.min() < 0.1
    assert of.tone.max() > 0.9
    red, green, blue = of.colour[of.stuff == fields.PERSON].T
    skin = (red > green) & (green > blue) & (red > 0.6)
    assert skin.mean() > 0.2


def test_stitches_end_at_borders() -> None:
    drawn, of = DRAWINGS["embroidery"](256, 256, 0)[0], fields.by_hand(fields.scene(256, 256, 0), 0)
    sun = torch.from_numpy(of.stuff == fields.SUN)
    around = torch.from_numpy(fields.blurred((of.stuff == fields.SUN).astype(float), 4) > 0.02) & ~sun
    yellow = drawn[0] > 1.5 * drawn[2]
    assert yellow[sun].float().mean() > 0.95
    assert yellow[around].float().mean() < 0.1


def test_a_comic_is_printed_in_dots_in_rows_with_black_outlines() -> None:
    drawn, of = DRAWINGS["comic"](512, 512, 0)[0].mean(0), fields.scene(512, 512, 0)
    sky = drawn[20:100, 200:300]
    moved = torch.roll(sky, (6, 6), (0, 1))[6:, 6:]  # half of twelve pixels down and to the right: from dot to dot
    assert (moved - sky[6:, 6:]).abs().mean() < 0.2 * (torch.roll(sky, 6, 1)[6:, 6:] - sky[6:, 6:]).abs().mean()
    border = torch.from_numpy(fields.edges((of.stuff == fields.SUN).astype(np.int64)) > 0)
    assert drawn[border].mean() < 0.2


@pytest.mark.parametrize(
    "look", ["charcoal", "coloured_pencil", "comic", "delft", "embroidery", "hatching", "night", "sanguine", "woodcut"]
)
def test_the_person_of_a_drawing_has_eyes(look: str) -> None:
    """A portrait takes its eyes from there."""
    bright = DRAWINGS[look](512, 512, 0)[0].mean(0)
    left, right = bright[361:371, 59:68].mean(), bright[361:371, 86:95].mean()
    assert max(left, right) < bright[CHEEK].mean() - 0.1


def test_coffee_stays_brown_on_a_brown_table(efficientnet: Network) -> None:
    """The coffee was lime green, the table green and blue: statistics of the whole drawing, which has these."""
    coffee = photograph("coffee")
    painted = phosphene.style(coffee, network=efficientnet, filter="coloured_pencil", long_side=160).pixels
    for part in (painted[0, :, 36:48, 64:85], painted[0, :, 30:70, 130:158], painted[0, :, 4:20, 130:158]):
        red, green, blue = part.mean((1, 2)).tolist()
        assert red > green + 0.05 > blue + 0.1


def test_the_landscape_has_a_field_as_brown_as_wood_and_a_black_without_colour() -> None:
    """A table was full of eyes, since nothing but skin was as brown; a black coat was green."""
    of = fields.scene(512, 512, 0)
    as_wood = np.abs(of.colour - np.array([0.73, 0.49, 0.3])).max(-1) < 0.1  # as the table of skimage's coffee
    assert (as_wood & (of.stuff == fields.HILLS)).sum() > 10 * (as_wood & (of.stuff == fields.PERSON)).sum()
    dark = of.tone < 0.12
    assert np.ptp(fields.vivid(of.colour, 2.0)[dark & (of.stuff == fields.PERSON)], axis=-1).mean() < 0.06


def test_a_hand_draws_no_straight_lines_but_leaves_faces() -> None:
    """The edges of a wall ran as seams across a saucer."""
    ruled = fields.scene(768, 768, 0)
    drawn = fields.by_hand(ruled, 0)
    walls = [(of.stuff[:, 285:410] == fields.HOUSE)[::-1].argmax(0) for of in (ruled, drawn)]
    assert np.ptp(walls[0]) == 0
    assert np.ptp(walls[1]) >= 2
    assert np.abs(walls[1] - walls[0]).max() < 12
    person = ruled.stuff == fields.PERSON
    assert (drawn.colour[person] == ruled.colour[person]).all()


@pytest.mark.parametrize(("look", "most"), [("coloured_pencil", 1.0), ("sanguine", 0.3)])
def test_a_face_is_drawn_softly(look: str, most: float) -> None:
    """Hard strokes look like scars on a skin."""
    drawn = DRAWINGS[look](512, 512, 0)[0].mean(0)
    wall = drawn[300:360, 248:275]
    assert drawn[CHEEK].std() < most * wall.std()


@pytest.mark.parametrize("look", ["charcoal", "sanguine"])
def test_bright_calm_places_find_a_lake_and_not_a_face(look: str) -> None:
    """A pond between trees got the face, since nothing else was bright, calm and amid dark things."""
    drawn, of = DRAWINGS[look](512, 512, 0)[0].mean(0), fields.scene(512, 512, 0)
    trees, lake = drawn[torch.from_numpy(of.stuff == fields.TREES)], drawn[420:460, 270:440]
    assert lake.mean() > trees.mean() + 0.2
    assert lake.mean() > drawn[CHEEK].mean() - 0.15
    assert lake.std() < 0.5 * trees.std()


def test_a_woodcut_is_printed_from_three_blocks() -> None:
    """Without a block for what lies between ink and paper, a table was bleached in ragged patches."""
    drawn = DRAWINGS["woodcut"](512, 512, 0)[0].permute(1, 2, 0)
    inks = torch.tensor([(24, 20, 22), (190, 45, 30), (204, 160, 104), (242, 229, 200)]) / 255
    distance, which = (drawn[:, :, None] - inks).abs().amax(-1).min(-1)
    assert (distance < 0.1).float().mean() > 0.85
    for ink, least in enumerate((0.2, 0.005, 0.1, 0.2)):
        assert (which == ink).float().mean() > least


@pytest.mark.parametrize("look", ["impasto", "pointillism"])
def test_broad_strokes_leave_a_head_its_eyes(look: str) -> None:
    """Eyes and glasses were lost in every portrait."""
    drawn, of = DRAWINGS[look](768, 768, 0)[0].mean(0), fields.scene(768, 768, 0)
    dark = torch.from_numpy(fields.head(of) & (of.tone < 0.2))  # eyes, and brows
    skin = torch.from_numpy(fields.head(of) & (of.tone > 0.6))
    assert drawn[dark].median() < 0.5 * drawn[skin].median()


@pytest.mark.parametrize(("look", "most"), [("charcoal", 0.0), ("delft", 0.1), ("hatching", 0.0), ("sanguine", 0.5)])
def test_a_drawing_of_one_colour_gives_paintings_its_tones(look: str, most: float) -> None:
    """Colourfulness lessens the weight of a style's tones; sanguine has some, since its chalk changes its hue."""
    assert colourfulness(filters.read(look).pixels()) <= most * recipe.TONED


def test_there_are_twelve_filters() -> None:
    assert set(filters.names()) == set(DRAWINGS)
    assert len(DRAWINGS) == 12


@pytest.mark.usefixtures("pictures")
def test_a_filter_of_ones_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PHOSPHENE_FILTERS", "mine")
    assert run("filters add night-sea night.png --about dark") == 0
    assert run("filters -o sheet.png") == 0
    assert "night-sea" in capsys.readouterr().out
    assert run(f"style city.png --filter night-sea {FAST}") == 0
    assert record.read("city-style.png").objective == "night-sea"
    assert run("filters add night-sea night.png") == 2
    with pytest.raises(SettingsError, match="comes with the program"):
        filters.add("woodcut", "night.png")
    with pytest.raises(SettingsError, match="small letters"):
        filters.add("../up", "night.png")
    with pytest.raises(UnknownNameError, match="woodcut"):
        filters.read("woodcat")


def test_a_damaged_filter_is_explained(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_FILTERS", str(tmp_path))
    for text, words in {
        "about = ": "no TOML",
        'drawing = "woodcat"': "woodcut",
        'about = "a"': "a drawing or a picture",
        'drawin = "woodcut"': "drawing",
    }.items():
        place = filters.folder() / "mine"
        place.mkdir(exist_ok=True)
        (place / "filter.toml").write_text(text)
        with pytest.raises(SettingsError, match=words):
            filters.read("mine")


# Mistakes


@pytest.mark.parametrize("kind", ["one pixel", "white", "grey", "alpha", "black"])
def test_odd_styles_and_contents_work(efficientnet: phosphene.Network, kind: str) -> None:
    odd = {
        "one pixel": Image.new("RGB", (1, 1), "red"),
        "white": Image.new("RGB", (64, 64), "white"),
        "black": Image.new("RGB", (300, 8), "black"),
        "grey": Image.fromarray((texture(1)[0, 0] * 255).byte().numpy()),
        "alpha": Image.new("RGBA", (64, 48), (250, 120, 0, 90)),
    }[kind]
    for content, style in ((texture(2), odd), (odd, texture(2))):
        result = phosphene.style(content, style, network=efficientnet, **QUICK).pixels
        assert torch.isfinite(result).all()
        assert 0 <= result.min() <= result.max() <= 1


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("style city.png", ("--filter", "phosphene filters")),
        ("style city.png --filter woodcat", ("woodcat", "woodcut")),
        ("style city.png nowhere.png", ("nowhere.png",)),
        ("style city.png waves.png:0", ("weight 0",)),
        ("style city.png waves.png:-1", ("weight", "0 or more")),
        ("style city.png waves.png --strength 3", ("--strength", "0 to 1")),
        ("style city.png waves.png --method gramm", ("gramm", "gram")),
        ("style city.png waves.png --regions city.png", ("--regions",)),
        ("style city.png waves.png --then-dream carnaval", ("carnival",)),
        ("style city.png waves.png -o waves.png --force", ("written over",)),
        ("style city.png waves.png --semantics 0 --show-regions map.png -q --steps 1 --scales 1", ("--show-regions",)),
        ("style city.png waves.png --mask night.png", ("proportions",)),
        ("style city.png waves.png --memory 10MB", ("--memory",)),
    ],
)
def test_mistakes_are_explained(line: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) in (1, 2)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert all(word in said for word in words), said


@pytest.mark.usefixtures("pictures")
def test_maps_of_other_sizes_and_colours_work(capsys: pytest.CaptureFixture[str]) -> None:
    save("mine.png", torch.zeros(1, 3, 10, 13))
    save("theirs.png", torch.ones(1, 3, 7, 5))
    assert run("style city.png waves.png --regions mine.png theirs.png --steps 2 --scales 1") == 0
    assert "#000000" in capsys.readouterr().err


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=12), st.floats(0, 1e6))
def test_weights_are_read(name: str, weight: float) -> None:
    assert weighted(f"a{name}:{weight!r}") == (f"a{name}", weight)


def test_what_a_redo_needs_is_named(tmp_path: object, tiny32: phosphene.Network) -> None:
    made = phosphene.style(texture(1), texture(2), network=tiny32, **QUICK).record
    assert json.loads(made.to_json())["recipe"] == "style"
    assert issubclass(ImageError, PhospheneError)
    assert replace(made, threads=1).settings["style"] == ["style"]


@pytest.mark.usefixtures("pictures")
def test_settings_go_by_their_former_names_too(tmp_path: Path) -> None:
    quick = "-q --steps 1 --scales 1"
    assert run(f"style city.png waves.png -o today.png {quick} --semantics 0.5 --match-tone 2") == 0
    assert run(f"style city.png waves.png -o flags.png {quick} --stuff 0.5 --tone 2") == 0
    (tmp_path / "former.toml").write_text("stuff = 0.5\ntone = 2.0\n")
    assert run(f"style city.png waves.png -o file.png {quick} --config {tmp_path / 'former.toml'}") == 0
    today = record.read("today.png")
    assert (today.settings["semantics"], today.settings["match_tone"]) == (0.5, 2.0)
    assert record.read("flags.png").settings == record.read("file.png").settings == today.settings
    former, today_ = ({"stuff": 0.5, "tone": 2}, {"semantics": 0.5, "match_tone": 2})
    assert StyleSettings.of({"style": "waves.png", **former}) == StyleSettings(style=("waves.png",), **today_)
    kept = {name: value for name, value in (today.settings | former).items() if name not in ("semantics", "match_tone")}
    images.save(images.load("today.png").pixels, "former.png", metadata=replace(today, settings=kept).metadata())
    assert run("redo former.png --input city.png -o again.png -q") == 0
    assert record.read("again.png").settings == today.settings
    assert torch.equal(images.load("again.png").pixels, images.load("today.png").pixels)
    told = CliRunner().invoke(main, ["style", "--help"]).output
    assert "--semantics" in told
    assert "--stuff" not in told


@pytest.mark.usefixtures("pictures")
def test_a_painting_is_made_again_with_another_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("style city.png waves.png -q -o a.png --steps 1 --scales 1") == 0
    assert run("redo a.png -q -o kept.png --keep-colour --semantics 0") == 0
    assert record.read("kept.png").settings["keep_colour"]
    assert record.read("kept.png").settings["style"] == ["waves.png"]
    assert run("redo kept.png --input city.png -q -o filtered.png --filter coloured_pencil --no-keep-colour") == 0
    made = record.read("filtered.png").settings
    assert (made["filter"], made["style"], made["keep_colour"]) == ("coloured_pencil", [], False)
    assert made["semantics"] == filters.read("coloured_pencil").style["semantics"]
    assert run("redo filtered.png --input city.png -q -o back.png --style waves.png --strength 0.3") == 0
    made = record.read("back.png").settings
    assert (made["filter"], made["semantics"], made["match_tone"], made["strength"]) == (None, 1.0, 0.0, 0.3)
    assert run("redo a.png --octaves 3") == 2
    assert "--octaves is for dreams and patterns" in capsys.readouterr().err


@pytest.mark.usefixtures("pictures")
def test_switches_turn_off_what_a_filter_has_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_FILTERS", "mine")
    assert run("filters add faint waves.png") == 0
    look = filters.folder() / "faint" / "filter.toml"
    look.write_text(look.read_text() + "[style]\nkeep_colour = true\nscale = 2.0\n")
    assert run("style city.png --filter faint -q -o kept.png --steps 1 --scales 1") == 0
    assert record.read("kept.png").settings["keep_colour"]
    assert run("style city.png --filter faint --no-keep-colour -q -o plain.png --steps 1 --scales 1") == 0
    assert not record.read("plain.png").settings["keep_colour"]
    assert run("redo kept.png --input city.png --filter woodcut -q -o cut.png") == 0
    made = record.read("cut.png").settings
    assert (made["keep_colour"], made["scale"], made["match_tone"]) == (
        False,
        1.0,
        filters.read("woodcut").style["match_tone"],
    )
    look.write_text("about = ")
    assert run("redo kept.png --input city.png --style night.png -q -o back.png") == 0
