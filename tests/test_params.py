import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.errors import UnknownNameError
from phosphene.pixels import params
from phosphene.pixels.params import Adam

NAMES = tuple(params.BASES)
SIZES = ((24, 32), (17, 23))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6), st.floats(1e-3, 1), st.integers(0, 2**31), st.sampled_from([torch.float32, torch.float64]))
def test_adam_is_torchs_to_the_last_bit(steps, length, seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    starts = [torch.randn(shape, generator=generator, dtype=dtype) for shape in ((3, 4), (5,))]
    ours, theirs = ([each.clone().requires_grad_() for each in starts] for _ in range(2))
    adam, reference = Adam(ours, length), torch.optim.Adam(theirs, lr=length, foreach=False)
    for _ in range(steps):
        for each in theirs:
            each.grad = torch.randn(each.shape, generator=generator, dtype=dtype)
        reference.step()
        adam.descend([each.grad for each in theirs])
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def soft(height, width, *, seed=0, dtype=torch.float64):
    return params.noise(height, width, generator=torch.Generator().manual_seed(seed), contrast=0.15, dtype=dtype)


@pytest.mark.parametrize("decorrelate", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_the_variables_of_a_picture_are_that_picture(name, size, decorrelate):
    picture = soft(*size).clamp(0.02, 0.98)
    painting = params.painting(name, picture, decorrelate=decorrelate)
    torch.testing.assert_close(painting.pixels().detach(), picture)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_an_optimiser_can_reach_any_picture(name, size):
    wanted = soft(*size, seed=1).clamp(0.1, 0.9)
    painting = params.painting(name, soft(*size, seed=2))
    optimiser = torch.optim.Adam(painting.variables, lr=0.1, foreach=False)

    def distance():
        return (painting.pixels() - wanted).square().mean()

    before = distance().item()
    for _ in range(150):
        optimiser.zero_grad()
        distance().backward()
        optimiser.step()
    assert distance().item() < before / 200


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name):
    painting = params.painting(name, soft(6, 5))

    def pixels(*variables):
        return params.Painting(variables, painting.size, painting.basis, painting.colours).pixels()

    assert torch.autograd.gradcheck(pixels, painting.variables)


@pytest.mark.parametrize("name", NAMES)
def test_black_and_white_have_variables_too(name):
    picture = torch.zeros(1, 3, 16, 16)
    picture[..., 8:] = 1
    pixels = params.painting(name, picture).pixels()
    assert pixels.isfinite().all()
    assert (pixels - picture).abs().max() < 0.01


def test_a_step_on_waves_moves_broad_forms_further_than_fine_ones():
    grey = torch.full((1, 3, 32, 32), 0.5, dtype=torch.float64)
    grown = {}
    for wave in (1, 12):
        painting = params.painting("fourier", grey)
        with torch.no_grad():
            painting.variables[0][0, 0, 0, wave, 0] += 1
        grown[wave] = painting.pixels().detach().std().item()
    assert grown[1] == pytest.approx(12 * grown[12], rel=0.05)


def test_natural_colours_are_mostly_brightness():
    pixels = soft(64, 64)
    pixels = pixels - pixels.mean((2, 3), keepdim=True)
    correlation = torch.corrcoef(pixels[0].flatten(1))
    assert correlation[0, 1] > 0.8
    assert correlation[0, 2] > 0.6


def test_noise_is_its_seed_its_contrast_and_no_more():
    first, again, other = soft(32, 48), soft(32, 48), soft(32, 48, seed=5)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.mean().item() == pytest.approx(0.5, abs=0.01)
    assert first.std().item() == pytest.approx(0.15, abs=0.02)
    assert torch.equal(soft(32, 48, dtype=torch.float32), first.float())


def test_an_unknown_parameterisation_is_refused_with_the_nearest():
    with pytest.raises(
        UnknownNameError, match=r"'forier'. Did you mean 'fourier'\? Allowed: pixel, laplacian, fourier"
    ):
        params.painting("forier", soft(8, 8))
