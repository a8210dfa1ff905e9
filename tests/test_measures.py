import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from phosphene import measures
from phosphene.errors import SettingsError
from phosphene.measures import MEASURES, SEAM_ALARM, Lattice, measure
from phosphene.measures.catalogue import clipping
from phosphene.measures.likeness import centre, faithfulness, noise, repetition
from phosphene.measures.seams import corrected, known, profiles, seam
from phosphene.pixels import tiles

SIZE = (256, 320)
LATTICE = Lattice(rows=(80, 160), columns=(96, 192, 240))


def texture(seed, *, period=12.0, size=SIZE):
    """Noise with structure of about one period, standard deviation 0.1, about mid-grey."""
    noise = torch.fft.rfft2(torch.randn(size, generator=torch.Generator().manual_seed(seed)))
    frequency = torch.hypot(torch.fft.fftfreq(size[0])[:, None], torch.fft.rfftfreq(size[1])).clamp(min=1e-6)
    found = torch.fft.irfft2(noise * torch.exp(-(frequency * period).log2().square()), s=size)
    return 0.5 + found / found.std() * 0.1


def chequers(lattice=LATTICE, size=SIZE):
    rows, columns = (
        torch.bucketize(torch.arange(side), torch.tensor(borders), right=True)
        for side, borders in zip(size, (lattice.rows, lattice.columns), strict=True)
    )
    return ((rows[:, None] + columns) % 2).float()


def colour(light):
    return light.expand(1, 3, *light.shape)


# Seams


@pytest.mark.parametrize("seed", range(3))
def test_a_step_of_four_levels_is_seen_at_known_borders_and_not_elsewhere(seed):
    stepped = texture(seed) + chequers() * 4 / 255
    beside = Lattice(*(tuple(border + 20 for border in borders) for borders in (LATTICE.rows, LATTICE.columns)))
    assert seam(stepped, LATTICE) > SEAM_ALARM + 3
    assert seam(stepped, beside) < SEAM_ALARM + 1


@pytest.mark.parametrize("seed", range(3))
def test_patterns_that_stop_at_the_border_are_seen(seed):
    mosaic = torch.where(chequers().bool(), texture(seed), texture(seed + 100))
    assert seam(mosaic, LATTICE) > SEAM_ALARM + 3


def test_patterns_that_fade_at_the_border_are_seen():
    light = texture(0)
    rows = (torch.arange(SIZE[0]) + 0.5)[:, None] - torch.tensor(LATTICE.rows)
    faded = 0.5 + (light - 0.5) * (1 - 0.6 * torch.exp(-rows.abs().amin(1) / 4))[:, None]
    assert seam(faded, Lattice(LATTICE.rows, ())) > SEAM_ALARM + 1
    assert seam(faded, Lattice(LATTICE.rows, ())) > seam(light, Lattice(LATTICE.rows, ()))


def test_a_stronger_step_scores_higher():
    scores = [seam(texture(1) + chequers() * levels / 255, LATTICE) for levels in (0, 2, 4, 8)]
    assert scores == sorted(scores)


def test_false_alarms_are_about_as_many_as_promised():
    alarms = 0
    for seed in range(10):
        light = texture(seed)
        down, right = profiles(light), profiles(light.T)
        for first in range(20, 100, 8):
            lattice = Lattice((first, first + 64, first + 128), (first + 9, first + 73, first + 137))
            alarms += known(down, right, lattice) > SEAM_ALARM
    assert alarms <= 14  # of 100; with a chance of 5 %, more are as rare as 1 in 10,000


def test_a_lattice_is_found_without_being_told():
    lattice = Lattice(tuple(range(40, 512, 40)), tuple(range(40, 512, 40)))
    light = texture(0, size=(512, 512))
    assert seam(light + chequers(lattice, (512, 512)) * 6 / 255) > SEAM_ALARM
    assert seam(light) < SEAM_ALARM


def test_one_strong_edge_is_no_lattice():
    light = texture(2)
    light[100:] += 0.3
    assert seam(light) < SEAM_ALARM


@given(scale=st.floats(0.1, 3), shift=st.floats(-1, 1))
@settings(max_examples=8, deadline=None)
def test_contrast_and_brightness_do_not_matter(scale, shift):
    light = (texture(3) + chequers() * 4 / 255).double()
    assert seam(light * scale + shift, LATTICE) == pytest.approx(seam(light, LATTICE), rel=0.02)


def test_rows_and_columns_are_alike():
    light = texture(4) + chequers() * 3 / 255
    assert seam(light.T, Lattice(LATTICE.columns, LATTICE.rows)) == pytest.approx(seam(light, LATTICE), rel=1e-3)


def test_a_lattice_of_tiles_is_where_they_meet():
    boxes = tiles.boxes(256, 320, tile=128, overlap=16, stride=16)
    lattice = Lattice.of(boxes)
    assert lattice.rows == tuple(sorted({box.rows.start for box in boxes} - {0})) != ()
    assert Lattice.of(tiles.boxes(64, 64, tile=64, overlap=0, stride=16)) == Lattice((), ())


@pytest.mark.parametrize("lattice", [Lattice((0,), ()), Lattice((), (320,)), Lattice((256,), ())])
def test_borders_outside_of_the_picture_are_refused(lattice):
    with pytest.raises(SettingsError, match="lies outside; it takes 1 to"):
        measure(colour(texture(0)), lattice=lattice)


# Chance


@given(z=st.floats(-8, 20))
def test_of_one_look_nothing_is_taken_off(z):
    assert corrected(z, 1) == pytest.approx(z, abs=1e-3)


@given(z=st.floats(-3, 20), more=st.floats(0.01, 5), looks=st.integers(1, 10**8))
def test_more_evidence_counts_more_and_more_looks_less(z, more, looks):
    assert corrected(z, looks) <= corrected(z + more, looks)
    assert corrected(z, looks * 2) <= corrected(z, looks)
    assert math.isfinite(corrected(z, looks))


def test_the_largest_of_many_is_again_a_normal_number():
    drawn = torch.randn(1000, 40, generator=torch.Generator().manual_seed(0)).amax(1)
    found = torch.tensor([corrected(float(z), 40) for z in drawn])
    assert abs(found.mean()) < 0.1
    assert found.std() == pytest.approx(1, abs=0.1)


# Scale and spectrum


@given(octave=st.integers(0, 4), amplitude=st.floats(0.01, 0.5), along=st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_wave_has_its_variance_in_its_octave(octave, amplitude, along):
    period = 3 * 2**octave
    wave = (amplitude * torch.sin(2 * math.pi * torch.arange(384) / period)).expand(192, 384)
    periods, energy = measures.spectrum(colour(wave if along else wave.T))
    assert int(energy.argmax()) == octave
    assert periods[octave] == pytest.approx(2 * math.sqrt(2) * 2**octave)
    assert float(energy[octave]) == pytest.approx(amplitude**2 / 2, rel=0.1)


@pytest.mark.parametrize("size", [(128, 128), (127, 130), (96, 255)])
def test_bands_add_up_to_the_variance_of_white_noise(size):
    noise = torch.randn(size, generator=torch.Generator().manual_seed(0))
    assert float(measures.spectrum(colour(noise))[1].sum()) == pytest.approx(1, rel=0.1)


@given(period=st.floats(5, 40))
@settings(max_examples=10, deadline=None)
def test_the_scale_is_the_period_that_was_planted(period):
    coarser = centre(texture(0, period=period * 1.5))
    assert centre(texture(0, period=period)) < coarser


def test_the_scale_knows_nothing_of_contrast_and_place():
    light = texture(5)
    assert centre(light * 3 + 1) == pytest.approx(centre(light), rel=1e-3)
    assert centre(torch.roll(light, (31, 57), (0, 1))) == pytest.approx(centre(light), rel=0.1)


# Faithfulness


@pytest.mark.parametrize("seed", range(3))
def test_at_one_scale_faithfulness_is_the_published_similarity(seed):
    photograph, other = (texture(each, size=(20, 90)).double() for each in (seed, seed + 50))
    dream = 0.7 * photograph + 0.3 * other
    expected = structural_similarity(
        photograph.numpy(), dream.numpy(), data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert faithfulness(dream, photograph) == pytest.approx(expected, abs=1e-6)


def test_the_further_from_the_photograph_the_less_faithful():
    photograph, other = texture(0), texture(1)
    found = [faithfulness(torch.lerp(photograph, other, share), photograph) for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    assert found[0] == pytest.approx(1)
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.2


def test_faithfulness_is_blind_to_colour():
    photograph = colour(texture(0)).clone()
    dream = photograph + torch.tensor([0.114, 0, -0.299]).view(1, 3, 1, 1)  # of no brightness
    assert measure(dream, photograph)["faithfulness"] == pytest.approx(1, abs=1e-4)


# Noise


@given(sigma=st.floats(1, 20), slope=st.floats(-0.001, 0.001))
@settings(max_examples=20, deadline=None)
def test_noise_is_as_strong_as_it_was_planted(sigma, slope):
    ground = 0.5 + slope * torch.arange(SIZE[1]).expand(SIZE)
    grain = torch.randn(SIZE, generator=torch.Generator().manual_seed(0)) * sigma / 255
    assert noise(ground + grain) == pytest.approx(sigma, rel=0.1)


def test_edges_slopes_and_patterns_are_no_noise():
    pattern = texture(0, period=24)
    pattern[:, 150:] += 0.2
    assert noise(pattern) < 0.3


def test_noise_is_blind_to_coarse_grain():
    assert noise(texture(0, period=24)) < noise(texture(0, period=3)) / 20


# Clipping


@given(share=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_clipping_is_the_share_that_is_new(share):
    photograph = torch.full((1, 3, 20, 50), 0.5)
    photograph.view(-1)[:300] = 1.0
    cut = photograph.clone()
    count = round(share * 2700)
    cut.view(-1)[300 : 300 + count] = 0.0
    assert clipping(cut, photograph) == pytest.approx(count / 3000)
    assert clipping(cut) == pytest.approx((count + 300) / 3000)
    assert clipping(photograph, photograph) == 0


# Repetition


def planted(count, *, same):
    ground, source = texture(0), texture(1)
    places = torch.rand(count, 4, generator=torch.Generator().manual_seed(2))
    for top, left, y, x in (places * torch.tensor([216, 280, 216, 280])).long().tolist():
        y, x = (50, 60) if same else (y, x)
        ground[top : top + 40, left : left + 40] = source[y : y + 40, x : x + 40]
    return ground


def test_a_motif_again_and_again_is_repetition_and_different_ones_are_not():
    assert repetition(planted(16, same=True)) > repetition(planted(16, same=False)) + 0.05
    assert repetition(planted(32, same=True)) > repetition(planted(4, same=True))


def test_noise_does_not_repeat():
    assert repetition(texture(0)) < 0.03


# All at once


def test_every_measure_has_a_name_and_says_what_it_cannot_see():
    found = measure(colour(texture(0)))
    assert tuple(found) == tuple(MEASURES) == tuple(each.name for each in MEASURES.values())
    assert set(found) == {"seam", "scale", "faithfulness", "noise", "clipping", "repetition"}
    assert all(each.about.endswith(".") and each.blind.endswith(".") for each in MEASURES.values())
    assert {each.better for each in MEASURES.values()} <= {"lower", "higher", ""}


@given(
    size=st.tuples(st.integers(1, 110), st.integers(1, 110)),
    dtype=st.sampled_from([torch.float16, torch.float32, torch.float64]),
)
@settings(max_examples=15, deadline=None)
def test_pictures_of_any_size_have_finite_measures(size, dtype):
    pixels = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)).to(dtype)
    for photograph in (None, pixels.flip(3), pixels):
        assert all(math.isfinite(value) for value in measure(pixels, photograph).values())


def test_a_picture_without_anything_measures_nothing():
    grey = torch.full((1, 3, *SIZE), 0.5)
    nothing = {"seam": 0, "scale": 0, "faithfulness": 1, "noise": 0, "clipping": 0, "repetition": 0}
    assert measure(grey, grey) == measure(grey) == nothing


def test_with_the_photograph_it_is_the_change_that_is_looked_at():
    photograph = colour(texture(0) + chequers() * 8 / 255)
    assert measure(photograph, lattice=LATTICE)["seam"] > SEAM_ALARM
    dream = photograph + 0.5 * (colour(texture(7)) - 0.5)
    assert measure(dream, photograph, lattice=LATTICE)["seam"] < SEAM_ALARM


def test_a_photograph_of_another_size_is_refused():
    with pytest.raises(SettingsError, match="The picture has 40×30 pixels and its photograph 30×40"):
        measure(torch.zeros(1, 3, 30, 40), torch.zeros(1, 3, 40, 30))


# What the measures say they cannot see


def test_the_seam_is_blind_to_colour():
    pixels = colour(texture(8)) + chequers() * 0.2 * torch.tensor([0.114, 0, -0.299]).view(1, 3, 1, 1) / 0.299
    assert measure(pixels, lattice=LATTICE)["seam"] == pytest.approx(seam(texture(8), LATTICE), abs=0.1)


def test_a_search_is_blind_to_a_single_border():
    assert seam(texture(2) + chequers(Lattice((120,), ())) * 8 / 255, Lattice((120,), ())) > SEAM_ALARM
    assert seam(texture(2) + chequers(Lattice((120,), (160,))) * 8 / 255) < SEAM_ALARM


def test_noise_counts_a_chequer_of_single_pixels():
    rows, columns = (torch.arange(side) for side in SIZE)
    assert noise(0.5 + ((rows[:, None] + columns) % 2) * 0.02) > 5


def test_clipping_is_blind_to_values_that_crowd_inside_the_limits():
    assert clipping(torch.full((1, 3, 20, 20), 0.99)) == 0


def test_repetition_is_blind_to_a_motif_that_is_turned_mirrored_or_half_as_large():
    def of_pairs(second):
        ground, source = texture(0), texture(1, size=(512, 512))
        for number, (top, left) in enumerate(product(range(0, 200, 60), range(0, 260, 60))):
            y, x = (number // 2 * 43) % 400, (number // 2 * 97) % 400
            motif = source[y : y + 40, x : x + 40]
            motif = second(motif) if number % 2 else motif
            ground[top : top + len(motif), left : left + len(motif)] = motif
        return repetition(ground)

    assert of_pairs(lambda motif: motif) > 0.2
    assert of_pairs(lambda motif: motif.rot90()) < 0.05
    assert of_pairs(lambda motif: motif.flip(1)) < 0.05
    assert of_pairs(lambda motif: F.avg_pool2d(motif[None, None], 2)[0, 0]) < 0.05
