import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tiny
from phosphene import features, networks
from phosphene.ascent import gradient, planning
from phosphene.ascent.gradient import Tiling
from phosphene.errors import NonFiniteError, SettingsError
from phosphene.networks import Network
from phosphene.networks.network import table
from phosphene.objectives import channel, layer
from phosphene.pixels import tiles

NORMALISATIONS = ("mean", "std", "laplacian")
WHOLE = Tiling(10_000, 0)


def relative(a, b):
    return float((a - b).norm() / b.norm())


def exact_error(network, name, height, width):
    """How far the tiled gradient with the exact overlap lies from the untiled one."""
    objective, overlap, stride = layer(name), network.layer(name).receptive_field - 1, network.layer(name).stride
    pixels = torch.rand(1, 3, height, width, dtype=network.dtype, generator=torch.Generator().manual_seed(3))
    least = tiles.smallest(overlap, stride)
    tiling = Tiling(least + overlap if least + overlap < height else least, overlap)
    assert len(tiles.boxes(height, width, tile=tiling.tile, overlap=overlap, stride=stride)) > 1
    g, score = gradient.compute(pixels, network, objective, WHOLE)
    tiled, tiled_score = gradient.compute(pixels, network, objective, tiling)
    assert tiled_score == pytest.approx(score, rel=1e-5)
    return relative(tiled, g)


@settings(deadline=None, max_examples=25)
@given(st.integers(80, 180), st.integers(80, 180))
def test_exact_overlap_gives_the_untiled_gradient_of_any_size(height, width):
    assert exact_error(tiny(torch.float64), "deep", height, width) < 1e-12


PRECISIONS = pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-9), (torch.float32, 5e-3)])


@pytest.mark.parametrize(("name", "size"), [("block3", (301, 140)), ("block5", (389, 431)), ("block8", (523, 140))])
@PRECISIONS
def test_exact_overlap_on_the_default_network(name, size, dtype, limit):
    assert exact_error(networks.load("efficientnet-lite0", dtype=dtype), name, *size) < limit


@pytest.mark.parametrize(("name", "size"), [("3a", (233, 307)), ("3b", (301, 277)), ("4c", (713, 130))])
@PRECISIONS
def test_exact_overlap_on_googlenet(caffemodel, name, size, dtype, limit):
    assert exact_error(networks.load(caffemodel, dtype=dtype), f"inception_{name}/output", *size) < limit


def test_a_pixel_outside_the_receptive_field_has_no_gradient(tiny64):
    """The computed geometry is what the network does: one position sees its field and nothing else."""
    for name, known in tiny64.layers.items():
        pixels = torch.rand(1, 3, 64, 64, dtype=torch.float64, requires_grad=True)
        activations = features.extract(tiny64, pixels, {name})[name]
        (g,) = torch.autograd.grad(activations[0, :, 8, 8].square().sum(), pixels)
        rows = g.abs().sum((0, 1, 3)).nonzero().flatten()
        assert rows.min() >= 8 * known.stride + known.field.first
        assert rows.max() <= 8 * known.stride + known.field.last


@pytest.mark.parametrize("name", ["block0", "block3", "block5", "block11", "block5/depthwise"])
def test_the_default_networks_receptive_fields_are_what_it_sees(name):
    network = networks.load("efficientnet-lite0", dtype=torch.float32)
    field = network.layer(name).field
    side = field.size + 8 * field.stride
    pixels = torch.rand(1, 3, side, side, dtype=torch.float32, requires_grad=True)
    activations = features.extract(network, pixels, {name})[name]
    middle = activations.shape[-1] // 2
    (g,) = torch.autograd.grad(activations[0, :, middle, middle].square().sum(), pixels)
    rows = g.abs().sum((0, 1, 3)).nonzero().flatten()
    assert rows.min() >= middle * field.stride + field.first
    assert rows.max() <= middle * field.stride + field.last
    assert rows.max() - rows.min() > 0.8 * min(field.size, side) - 2 * field.stride


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 90), st.integers(1, 90))
def test_any_size_has_a_finite_gradient(height, width):
    pixels = torch.rand(1, 3, height, width)
    g, score = gradient.compute(pixels, tiny(), layer("deep"), Tiling(64, 8))
    assert g.shape == pixels.shape
    assert g.isfinite().all()
    assert score > 0


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (31, 45)])
def test_small_pictures_have_the_gradient_of_their_continuation(tiny64, size):
    leaf = torch.rand(1, 3, *size, dtype=torch.float64, requires_grad=True)
    padding = (0, max(0, 32 - size[1]), 0, max(0, 32 - size[0]))
    continued = torch.nn.functional.pad(leaf, padding, mode="replicate")
    objective = layer("deep")
    (wanted,) = torch.autograd.grad(objective(features.extract(tiny64, continued, {"deep"})), leaf)
    g, _ = gradient.compute(leaf.detach(), tiny64, objective, WHOLE)
    torch.testing.assert_close(g, wanted)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 7)])
def test_tiny_pictures_pass_through_the_real_network(efficientnet, size):
    g, _ = gradient.compute(torch.rand(1, 3, *size), efficientnet, layer("block11"), WHOLE)
    assert g.shape[-2:] == size


def test_no_pixel_is_left_without_gradient(tiny32):
    pixels = torch.rand(1, 3, 150, 131)
    g, _ = gradient.compute(pixels, tiny32, layer("deep") + channel("middle", 2), Tiling(64, 0))
    assert (g.abs().sum(1) > 0).float().mean() > 0.99


def test_deeper_layers_are_not_computed(tiny32):
    heard = []

    def iter_layers(pixels, wanted=()):
        for name, activations in tiny32.iter_layers(pixels, wanted):
            heard.append(name)
            yield name, activations

    network = Network("listening", iter_layers, tiny32.layers, "middle", torch.float32, "", "")
    gradient.compute(torch.rand(1, 3, 40, 40), network, layer("middle"), WHOLE)
    assert heard == ["shallow", "middle"]


def test_in_place_layers_do_not_disturb_the_ones_asked_for(efficientnet):
    names = {"stem_pre_relu", "stem", "block3/expand_pre_relu", "block3/expand", "block3", "block4"}
    together = features.extract(
        efficientnet, torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)), names
    )
    for name in names:
        pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
        alone = features.extract(efficientnet, pixels, {name})[name]
        torch.testing.assert_close(together[name], alone)
    torch.testing.assert_close(together["stem_pre_relu"].clamp(0, 6), together["stem"])


@pytest.mark.parametrize("by", NORMALISATIONS)
def test_normalising_forgets_the_scale(by):
    g = torch.randn(1, 3, 50, 70)
    torch.testing.assert_close(
        gradient.normalise_(g * 1e-4, by), gradient.normalise_(g.clone(), by), rtol=1e-4, atol=1e-4
    )


def test_normalisations_do_what_they_say():
    g = torch.randn(1, 3, 50, 70)
    assert gradient.normalise_(g.clone(), "mean").abs().mean() == pytest.approx(1)
    assert gradient.normalise_(g.clone(), "std").std() == pytest.approx(1, rel=1e-3)
    assert all(gradient.normalise_(torch.zeros(1, 3, 8, 8), by).isfinite().all() for by in NORMALISATIONS)


def test_not_a_number_is_noticed():
    def iter_layers(pixels, wanted=()):
        yield "broken", pixels * float("nan")

    network = Network("broken", iter_layers, table(iter_layers, {}), "broken", torch.float32, "", "")
    with pytest.raises(NonFiniteError, match="--step-size"):
        gradient.compute(torch.rand(1, 3, 40, 40), network, layer("broken"), WHOLE)


def test_tiles_follow_from_memory(efficientnet):
    sizes = [_plan(efficientnet, memory=memory).tile for memory in (18 * 10**8, 22 * 10**8, 10**12)]
    assert sizes[0] < sizes[1] < sizes[2] == 4000


def test_overlap_may_be_a_number_exact_or_automatic(efficientnet):
    assert _plan(efficientnet, overlap="17").overlap == 17
    assert _plan(efficientnet, overlap="exact").overlap == efficientnet.layer("block5").receptive_field - 1
    assert 0 < _plan(efficientnet).overlap < _plan(efficientnet, overlap="exact").overlap


def test_a_plan_that_cannot_be_followed_is_refused_before_the_first_step(efficientnet):
    with pytest.raises(SettingsError, match="--tile"):
        _plan(efficientnet, tile=100, overlap="exact")
    with pytest.raises(SettingsError) as refused:
        _plan(efficientnet, memory=8 * 10**8)
    enough = int(re.search(r"--memory (\d+)MB, or", str(refused.value))[1])
    _plan(efficientnet, memory=enough * 10**6)


def test_without_a_limit_no_overlap_is_too_large(efficientnet):
    objective = layer("block11")
    (tiling,) = planning.plan(efficientnet, objective, sizes=[(3000, 3000)], tile=None, overlap="exact", memory=None)
    assert tiling.overlap == efficientnet.layer("block11").receptive_field - 1


def _plan(network, *, memory=18 * 10**8, overlap="auto", tile=None):
    """The tiling of the largest of two octaves."""
    sizes = [(500, 2000), (1000, 4000)]
    return planning.plan(network, layer("block5"), sizes=sizes, tile=tile, overlap=overlap, memory=memory)[-1]
