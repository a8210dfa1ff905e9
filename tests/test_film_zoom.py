"""The endless zoom: where it flies, what its frames show, and that it goes on bit for bit where it stopped."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from phosphene import StopRequested
from phosphene.errors import SettingsError
from phosphene.films import views
from phosphene.films.flight import RATIO, Flight, Placement
from phosphene.films.levels import Levels, hold
from phosphene.films.zoom import Zoom, ZoomOptions
from phosphene.recipes.settings import DreamSettings
from phosphene.run.prepared import prepare
from phosphene.techniques import DREAM

WHOLE = Placement(1.0, 0.0, (0.0, 0.0))
SETTINGS = DreamSettings(octaves=2, steps=2, jitter=2)
SHORT = ZoomOptions(seconds=1, fps=12, speed=2)  # 12 frames, 4 key pictures and the first


def picture(height=48, width=64):
    """Smooth spots of several sizes, the same everywhere."""
    noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(3))
    coarse = views.smooth(noise, 6.0)
    return ((coarse - coarse.mean()) * 6 + 0.45 + 0.2 * (views.smooth(noise, 1.0) - 0.5)).clamp(0, 1)


@pytest.fixture
def zoom(tiny32):
    def make(options=SHORT, **more):
        return Zoom(picture(), prepare(DREAM, SETTINGS, tiny32), options, **more)

    return make


def film(maker):
    return [frame.pixels for frame in maker.frames(0, {})]


def apart(one, other):
    """How far two frames differ, of 255."""
    return float((one - other).abs().mean()) * 255


# Options


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"seconds": 0}, "--seconds is 0"),
        ({"seconds": math.nan}, "--seconds is nan"),
        ({"fps": 1000}, "--fps is 1000"),
        ({"speed": 1}, "--speed is 1;"),
        ({"speed": "fast"}, "--speed is 'fast'"),
        ({"turn": True}, "--turn is True"),
        ({"towards": (0.5, 1.5)}, "--towards is 1.5"),
        ({"towards": (0.5,)}, "--towards is"),
        ({"towards": "0.5,0.5"}, "--towards is"),
    ],
)
def test_impossible_options_name_their_flag_and_what_it_takes(changes, flag):
    with pytest.raises(SettingsError, match=f"{flag}.*it takes"):
        ZoomOptions(**changes)


def test_the_rate_of_television_is_exact():
    assert ZoomOptions(fps=30000 / 1001).rate == Fraction(30000, 1001)
    assert ZoomOptions(seconds=20, fps=24).count == 480


# The flight

flights = st.builds(
    ZoomOptions,
    seconds=st.floats(0.1, 100),
    fps=st.sampled_from([1, 12, 24, 29.97]),
    speed=st.floats(1.01, 10),
    towards=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    backwards=st.booleans(),
    loop=st.booleans(),
)


@given(flights)
def test_a_flight_is_as_fast_as_asked_and_its_key_pictures_stand_near_enough(options):
    flight = Flight(options, 1.5)
    length = float(options.count / options.rate)
    assert 1 < flight.ratio <= RATIO * (1 + 1e-9)
    assert flight.ratio**flight.levels == pytest.approx(options.speed**length, rel=1e-6)
    depths = [flight.depth(number) for number in range(options.count)]
    assert all(0 <= depth < flight.levels for depth in depths)
    steps = {after - before for before, after in pairwise(depths)}
    assert options.loop or len(steps) <= 1


@given(flights, st.floats(0, 1))
def test_a_flight_sees_nothing_outside_the_first_picture(options, share):
    flight = Flight(options, 1.5)
    seen = flight.placement(0, Fraction(share) * flight.levels)
    assert max(map(abs, seen.shift)) + seen.scale / 2 <= 0.5 + 1e-9


@pytest.mark.parametrize("turn", [0, 20])
def test_the_flight_steers_to_the_point_aimed_at_and_stays_there(turn):
    flight = Flight(ZoomOptions(seconds=60, towards=(0.8, 0.3), turn=turn), 1.5)
    late = flight.placement(0, 40)
    assert late.shift == pytest.approx((-0.2, 0.3), abs=1e-3)
    assert flight.placement(30, 40).shift == pytest.approx((0, 0), abs=1e-9)
    early = [flight.placement(0, depth).shift[1] for depth in range(41)]
    assert early == sorted(early)


@pytest.mark.parametrize("level", [1, 3, 7])
def test_a_place_is_the_same_by_whichever_key_picture_it_is_found(level):
    flight = Flight(ZoomOptions(seconds=20, towards=(0.8, 0.3), turn=25), 1.5)
    picture = torch.zeros(1, 1, 400, 600, dtype=torch.float64)
    direct = views.places(flight.placement(0, Fraction(15, 2)), picture, (8, 12))
    inner, hop = views.places(flight.placement(level, Fraction(15, 2)), picture, (8, 12)), flight.placement(0, level)
    right, down = inner[..., 0] / 2 * 1.5, inner[..., 1] / 2
    cosine, sine = math.cos(hop.angle) * hop.scale, math.sin(hop.angle) * hop.scale
    x = (cosine * right - sine * down) / 1.5 + hop.shift[1]
    y = cosine * down + sine * right + hop.shift[0]
    torch.testing.assert_close(direct, 2 * torch.stack((x, y), -1))


# Views


def waves(height, width, length, offset=0.0):
    columns = torch.arange(width, dtype=torch.float64) + 0.5 - width / 2 - offset
    return (0.5 + 0.4 * torch.cos(2 * math.pi * columns / length)).expand(1, 3, height, -1)


@pytest.mark.parametrize("moved", [0.1, 0.5, 1.37])
def test_views_move_by_parts_of_a_pixel(moved):
    prefiltered = views.prefiltered(waves(24, 96, 12.0), 1.0)
    seen = prefiltered.shown(replace(WHOLE, shift=(0.0, moved / 96)), (24, 96))
    torch.testing.assert_close(seen[..., 8:-8], waves(24, 96, 12.0, -moved)[..., 8:-8], atol=0.01, rtol=0)


def test_what_is_finer_than_a_frame_becomes_grey_and_no_coarser_pattern():
    fine, coarse = (views.prefiltered(waves(48, 96, length), 2.0) for length in (2.2, 24.0))
    assert fine.shown(WHOLE, (24, 48)).std() < 0.12 < 0.8 * fine.sharp.std()
    assert coarse.shown(WHOLE, (24, 48)).std() > 0.95 * coarse.sharp.std()


def test_an_inner_picture_ends_softly_within_its_edges():
    mask = views.inside(replace(WHOLE, scale=2.0), torch.zeros(1, 1, 40, 40), (80, 80), 0.5)[0, 0]
    assert mask[:20].max() == mask[:, 60:].max() == 0
    assert mask[40, 40] == 1
    assert mask.diff(dim=1).abs().max() < 0.2


# Levels


def test_colours_and_fineness_are_held():
    first = picture(64, 96)
    levels = Levels.unpack(Levels.of(first).pack())
    burnt = ((views.smooth(first, 0.6) - 0.5) * 1.2 + torch.tensor([0.7, 0.4, 0.5])[:, None, None]).clamp(0, 1)
    for _ in range(4):
        burnt = hold(burnt, levels)
    held, before = Levels.of(burnt), Levels.of(first)
    torch.testing.assert_close(held.mean, before.mean, atol=0.01, rtol=0)
    torch.testing.assert_close(held.covariance.diag().sqrt(), before.covariance.diag().sqrt(), atol=0.01, rtol=0)
    assert held.fineness == pytest.approx(before.fineness, rel=0.1)


def test_a_picture_of_one_colour_can_be_held():
    grey = torch.full((1, 3, 40, 40), 0.5)
    assert hold(grey, Levels.of(picture())).isfinite().all()
    assert hold(picture(), Levels.of(grey)).isfinite().all()


# Frames


def test_frames_have_their_numbers_times_and_the_pictures_size(zoom):
    maker = zoom()
    frames = list(maker.frames(0, {}))
    assert [frame.number for frame in frames] == list(range(maker.count)) == list(range(12))
    assert [frame.seconds for frame in frames] == [Fraction(number, 12) for number in range(12)]
    assert maker.rate == 12
    assert all(frame.pixels.shape == (1, 3, *maker.size) == (1, 3, 48, 64) for frame in frames)
    assert all(frame.pixels.min() >= 0 and frame.pixels.max() <= 1 for frame in frames)


def test_frames_may_be_smaller_than_the_picture(zoom):
    maker = zoom(size=(36, 48))
    assert next(maker.frames(0, {})).pixels.shape == (1, 3, 36, 48)


@pytest.mark.parametrize("stopped", [1, 5, 11])
@pytest.mark.parametrize("loop", [False, True], ids=["once", "loop"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_a_film_that_stopped_goes_on_bit_for_bit(zoom, backwards, loop, stopped):
    options = replace(SHORT, backwards=backwards, loop=loop, turn=30, towards=(0.7, 0.4))
    whole, part = film(zoom(options)), zoom(options)
    for _, _frame in zip(range(stopped), part.frames(0, {}), strict=False):
        state = {name: kept.clone() for name, kept in part.state().items()}
    rest = [frame.pixels for frame in zoom(options).frames(stopped, state)]
    assert len(rest) == 12 - stopped
    assert all(torch.equal(one, other) for one, other in zip(whole[stopped:], rest, strict=True))


def test_a_film_that_was_stopped_within_a_dream_keeps_the_key_pictures_that_were_done(zoom):
    options, told = replace(SHORT, backwards=True), []

    def on_step(step):
        told.append(step)
        if len(told) > 7:
            raise StopRequested

    stopped = zoom(options, on_step=on_step)
    with pytest.raises(StopRequested):
        film(stopped)
    state = stopped.state()
    assert {"key-0", "key-1", "levels"} <= state.keys()
    for ours, others in zip(zoom(options).frames(0, state), film(zoom(options)), strict=True):
        assert torch.equal(ours.pixels, others)


def test_what_is_kept_does_not_grow_with_a_film(zoom):
    maker = zoom(replace(SHORT, seconds=3, fps=6))
    assert max(len(maker.state()) for _ in maker.frames(0, {})) <= 3


def test_a_flight_backwards_is_the_same_flight_from_its_end(zoom):
    ahead, back = film(zoom()), film(zoom(replace(SHORT, backwards=True)))
    assert all(torch.equal(one, other) for one, other in zip(ahead, back[::-1], strict=True))


@pytest.mark.parametrize("options", [SHORT, replace(SHORT, turn=40), replace(SHORT, loop=True)])
def test_no_frame_jumps(zoom, options):
    frames = film(zoom(replace(options, fps=24)))
    steps = [apart(*both) for both in pairwise(frames)]
    means = [float(frame.mean()) * 255 for frame in frames]
    assert min(steps) > 0.1
    assert max(steps) < 1.6 * sorted(steps)[len(steps) // 2]
    assert max(abs(after - before) for before, after in pairwise(means)) < 1


@pytest.mark.parametrize("backwards", [False, True])
def test_a_loops_end_meets_its_beginning(zoom, backwards):
    frames = film(zoom(replace(SHORT, seconds=2, loop=True, backwards=backwards)))
    usual = sorted(apart(*both) for both in pairwise(frames))
    assert apart(frames[0], frames[len(frames) // 2]) > 2 * usual[-1]
    assert apart(frames[-1], frames[0]) < 1.2 * usual[-1]


def test_looks_change_on_the_way(zoom):
    asked = []

    def settings_at(seconds):
        asked.append(seconds)
        return replace(SETTINGS, strength=0.0 if seconds > 0.4 else 2.0)

    changed = film(zoom(settings_at=settings_at))
    assert asked == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert apart(changed[0], film(zoom())[0]) > 0.1
    asked.clear()
    film(zoom(replace(SHORT, backwards=True), settings_at=settings_at))
    assert asked == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_key_pictures_without_their_levels_are_refused(zoom):
    maker = zoom()
    next(maker.frames(0, {}))
    state = {name: kept for name, kept in maker.state().items() if name != "levels"}
    with pytest.raises(SettingsError, match="levels"):
        list(zoom().frames(1, state))
