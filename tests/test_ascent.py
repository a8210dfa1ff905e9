import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tiny
from phosphene.ascent import AscentTerm, StepRule, climb_, gradient
from phosphene.ascent.gradient import Tiling
from phosphene.objectives import channel, layer


def go(pixels, objective, *, steps=8, seed=0, on_step=lambda *_: None, **rule):
    chosen = StepRule(**{"step_size": 1.0, "jitter": 8, "normalise": "mean", "colour": 1.0, "clip": "hard"} | rule)

    def gradient_at(pixels, *, mask, shift):
        return gradient.compute(pixels, tiny(), objective, Tiling(64, 16), mask=mask, shift=shift)

    generator = torch.Generator().manual_seed(seed)
    shifts = chosen.shifts(steps, generator)
    return climb_(pixels.clone(), [AscentTerm(gradient_at)], rule=chosen, shifts=shifts, on_step=on_step)


@pytest.mark.parametrize(
    "objective", [layer("middle"), layer("deep"), channel("deep", 3), layer("deep", maximise="sum")]
)
@pytest.mark.parametrize("normalise", ["mean", "std", "laplacian"])
def test_the_score_rises(objective, normalise):
    scores = []
    pixels = 0.3 + 0.4 * torch.rand(1, 3, 70, 90, generator=torch.Generator().manual_seed(1))
    go(pixels, objective, normalise=normalise, on_step=lambda step, after, score: scores.append(score))
    assert scores[-1] > scores[0]


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from(["hard", "soft"]), st.floats(0, 900))
def test_no_pixel_leaves_its_range(height, width, clip, step_size):
    after = go(torch.rand(1, 3, height, width), layer("deep"), steps=2, clip=clip, step_size=step_size)
    assert after.min() >= 0
    assert after.max() <= 1


def test_the_same_seed_gives_the_same_pixels():
    pixels = torch.rand(1, 3, 60, 50)
    assert torch.equal(go(pixels, layer("deep"), seed=4), go(pixels, layer("deep"), seed=4))
    assert not torch.equal(go(pixels, layer("deep"), seed=4), go(pixels, layer("deep"), seed=5))


def test_without_colour_hues_stay():
    pixels = 0.4 + 0.2 * torch.rand(1, 3, 60, 50)
    change = go(pixels, layer("deep"), colour=0.0, clip="none") - pixels
    torch.testing.assert_close(change[:, 0], change[:, 1])
    torch.testing.assert_close(change[:, 0], change[:, 2])


def test_soft_clipping_keeps_pixels_off_the_ends():
    pixels = 0.05 + 0.9 * torch.rand(1, 3, 60, 50)
    clipped = {clip: go(pixels, layer("deep"), steps=20, step_size=8, clip=clip) for clip in ("hard", "soft")}
    at_the_ends = {clip: float(((x <= 0) | (x >= 1)).float().mean()) for clip, x in clipped.items()}
    assert at_the_ends["soft"] < at_the_ends["hard"] / 2


def test_the_input_is_left_alone():
    pixels = torch.rand(1, 3, 40, 40)
    before = pixels.clone()
    go(pixels, layer("deep"), steps=2)
    assert torch.equal(pixels, before)
