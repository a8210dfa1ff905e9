"""The recipe against an oracle: Google's loop, written plainly from its notebook."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conftest import photograph, shared_file
from phosphene import features, images, networks
from phosphene.ascent import StepRule, gradient
from phosphene.ascent.gradient import Tiling
from phosphene.features import matching
from phosphene.networks import caffe
from phosphene.objectives import layer
from phosphene.pixels import transforms
from phosphene.pixels.transforms import resize
from phosphene.recipes import dream as recipe
from phosphene.recipes.dream import dream
from phosphene.recipes.settings import PRESETS, DreamSettings, settings

MEAN = (104.0, 116.0, 122.0)


def oracle_network(path, dtype, last="4c"):
    """GoogLeNet to inception_4c/output, as one would write it in a textbook."""
    blobs = {name: [blob.to(dtype) for blob in found] for name, found in caffe.read(path).items()}

    def conv(x, name, **kwargs):
        weight, bias = blobs[name]
        return F.relu(F.conv2d(x, weight, bias.flatten(), **kwargs))

    def inception(x, name):
        return torch.cat(
            [
                conv(x, f"{name}/1x1"),
                conv(conv(x, f"{name}/3x3_reduce"), f"{name}/3x3", padding=1),
                conv(conv(x, f"{name}/5x5_reduce"), f"{name}/5x5", padding=2),
                conv(F.max_pool2d(x, 3, 1, 1), f"{name}/pool_proj"),
            ],
            1,
        )

    def forward(x):
        x = F.max_pool2d(conv(x, "conv1/7x7_s2", stride=2, padding=3), 3, 2, ceil_mode=True)
        x = conv(F.local_response_norm(x, 5, 1e-4, 0.75, 1.0), "conv2/3x3_reduce")
        x = F.local_response_norm(conv(x, "conv2/3x3", padding=1), 5, 1e-4, 0.75, 1.0)
        for name in ("3a", "3b", "4a", "4b", "4c"):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True) if name in ("3a", "4a") else x
            x = inception(x, f"inception_{name}")
            if name == last:
                break
        return x

    return forward


def oracle_gradient(forward, picture, guide=None):
    """Of ½‖activation‖², for a BGR picture in 0..255 with the mean taken off; or towards a guide's features."""
    picture = picture.clone().requires_grad_()
    activations = forward(picture)
    towards = activations.detach()
    if guide is not None:
        x, y = activations.detach()[0].flatten(1), guide[0].flatten(1)
        towards = y[:, (x.T @ y).argmax(1)].reshape(activations.shape)
    activations.backward(towards)
    return picture.grad


def oracle_zoom(x, size):
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def oracle_dream(forward, rgb, octaves, steps, guide=None):
    """Google's loop without jitter, on 0..255; returns RGB in 0..255."""
    mean = torch.tensor(MEAN, dtype=rgb.dtype).view(1, 3, 1, 1)
    bases = [rgb[:, [2, 1, 0]] - mean]
    for _ in range(octaves - 1):
        height, width = bases[-1].shape[-2:]
        bases.append(oracle_zoom(bases[-1], (round(height / 1.4), round(width / 1.4))))
    detail = torch.zeros_like(bases[-1])
    for base in bases[::-1]:
        detail = oracle_zoom(detail, base.shape[-2:])
        picture = base + detail
        for _ in range(steps):
            g = oracle_gradient(forward, picture, guide)
            picture = picture + 1.5 / g.abs().mean() * g
            picture = torch.maximum(torch.minimum(picture, 255 - mean), -mean)
        detail = picture - base
    return (picture + mean)[:, [2, 1, 0]]


def flowers(dtype):
    return images.load(shared_file("images/flowers.jpg"), dtype=dtype).pixels


def test_google2015_is_the_oracle_in_float64(caffemodel):
    pixels = flowers(torch.float64)
    chosen = settings(recipe="google2015", dtype="float64", jitter=0, octaves=3, steps=5)
    mine = dream(pixels, networks.load(caffemodel, dtype=torch.float64), settings=chosen)
    rgb = torch.from_numpy(np.round(pixels.numpy() * 255))
    theirs = oracle_dream(oracle_network(caffemodel, torch.float64), rgb, 3, 5)
    assert (mine * 255 - theirs).abs().max() < 1
    assert (mine - pixels).abs().mean() * 255 > 3  # and it is a dream


def test_guided_google2015_is_the_oracle_in_float64(caffemodel, monkeypatch):
    guide, sky = (
        shared_file("images/flowers.jpg"),
        images.load(shared_file("images/sky1024px.jpg"), dtype=torch.float64),
    )
    pixels = sky.pixels[..., 100:340, 200:520]
    chosen = settings(
        recipe="google2015", guide=(str(guide),), dtype="float64", jitter=0, octaves=3, steps=5, tile=9999
    )
    network = networks.load(caffemodel, dtype=torch.float64)
    mine = dream(pixels, network, settings=chosen)
    forward = oracle_network(caffemodel, torch.float64, "3b")
    rgb, flowers_rgb = (torch.from_numpy(np.round(each.numpy() * 255)) for each in (pixels, flowers(torch.float64)))
    mean = torch.tensor(MEAN, dtype=torch.float64).view(1, 3, 1, 1)
    theirs = oracle_dream(forward, rgb, 3, 5, guide=forward(flowers_rgb[:, [2, 1, 0]] - mean))
    assert chosen.layer == "inception_3b/output"
    assert (mine * 255 - theirs).abs().max() < 1
    assert (mine - pixels).abs().mean() * 255 > 3
    monkeypatch.setattr(matching, "TABLE_NUMBERS", 7_777)  # matched in many small tables
    assert (dream(pixels, network, settings=chosen) - mine).abs().max() < 1e-6


def test_single_gradients_are_the_oracles_in_float32(caffemodel):
    forward, network = oracle_network(caffemodel, torch.float64), networks.load(caffemodel)
    mean = torch.tensor(MEAN, dtype=torch.float64).view(1, 3, 1, 1)
    pixels = flowers(torch.float32)
    for size in ((240, 320), (171, 229), (122, 163)):
        picture = resize(pixels, *size)
        mine, _ = gradient.compute(picture, network, layer("inception_4c/output"), Tiling(999, 0))
        theirs = oracle_gradient(forward, picture.double()[:, [2, 1, 0]] * 255 - mean)[:, [2, 1, 0]] * 255
        assert (mine - theirs).norm() / theirs.norm() < 5e-3


def test_activations_are_the_oracles(caffemodel):
    network = networks.load(caffemodel, dtype=torch.float64)
    pixels = flowers(torch.float64)
    mean = torch.tensor(MEAN, dtype=torch.float64).view(1, 3, 1, 1)
    mine = features.extract(network, pixels, {"inception_4c/output"})["inception_4c/output"]
    theirs = oracle_network(caffemodel, torch.float64)(pixels[:, [2, 1, 0]] * 255 - mean)
    torch.testing.assert_close(mine, theirs)


def go(pixels, network, **changes):
    return dream(pixels, network, settings=settings(**{"octaves": 3, "steps": 2, "tile": 64, "overlap": "8"} | changes))


def test_every_octave_leaves_its_mark(tiny32):
    """A fault of another program: detail kept outside the loop, so that all octaves but the last were thrown away."""
    pixels = torch.rand(1, 3, 120, 100)
    one, three = (go(pixels, tiny32, octaves=octaves, jitter=0) for octaves in (1, 3))
    assert (one - three).abs().mean() * 255 > 0.5


def test_carrying_the_detail_up_is_carrying_the_picture_and_its_high_band():
    """Google's octaves and TensorFlow's Laplacian split are one recipe, because enlarging is linear."""
    large = torch.rand(1, 3, 60, 80, dtype=torch.float64)
    small = resize(large, 43, 57)
    dreamt = small + torch.rand_like(small)
    google = large + resize(dreamt - small, 60, 80)
    tensorflow = resize(dreamt, 60, 80) + (large - resize(small, 60, 80))
    torch.testing.assert_close(google, tensorflow)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (31, 33), (97, 64)])
def test_any_size_dreams_within_its_range(tiny32, size):
    dreamt = go(torch.rand(1, 3, *size), tiny32, clip="none", step_size=50)
    assert dreamt.shape[-2:] == size
    assert dreamt.min() >= 0
    assert dreamt.max() <= 1


def test_strength_runs_from_nothing_upward(tiny32):
    pixels = 0.2 + 0.6 * torch.rand(1, 3, 80, 80)
    changes = [float((go(pixels, tiny32, strength=strength) - pixels).abs().mean()) for strength in (0, 0.3, 1, 4)]
    assert changes == sorted(changes)
    assert changes[0] < 1e-6


def test_steps_tell_how_far_they_are(tiny32):
    told = []
    pixels = torch.rand(1, 3, 100, 90)
    final = dream(pixels, tiny32, settings=settings(octaves=3, steps=2), on_step=told.append)
    assert [(step.octave, step.step) for step in told] == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    shares = [step.done for step in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert all(step.picture().shape == pixels.shape for step in told)
    torch.testing.assert_close(told[-1].picture(), final)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_dreams(efficientnet, name):
    pixels = 0.2 + 0.6 * torch.rand(1, 3, 64, 64)
    dreamt = dream(pixels, efficientnet, settings=settings(preset=name, steps=1, octaves=1))
    assert (dreamt - pixels).abs().mean() > 1e-4


def test_the_default_recipe_dreams_without_clipping(efficientnet):
    """On a photograph with both dark and bright parts, few pixels end at the limits."""
    pixels = images.load(photograph("china"), long_side=256).pixels
    dreamt = dream(pixels, efficientnet, settings=settings())
    assert (dreamt - pixels).abs().mean() * 255 > 5
    assert ((dreamt <= 0) | (dreamt >= 1)).float().mean() < 0.02


def test_a_large_picture_looks_as_it_does_when_it_is_shrunk_first(efficientnet):
    """Shrunk, what a dream changed is what the dream of the shrunk picture changes; from its own size on it is not."""
    large = images.load(photograph("china"), long_side=512).pixels
    small = images.load(large, long_side=192).pixels

    def alike(base_size):
        chosen = DreamSettings(octaves=3, steps=6, base_size=base_size)
        found, wanted = (recipe.dream(each.clone(), efficientnet, settings=chosen) for each in (large, small))
        changes = transforms.shrunk(found, *small.shape[-2:]) - small, wanted - small
        return float(torch.corrcoef(torch.stack([change.flatten() for change in changes]))[0, 1])

    assert alike(192) > 0.85
    assert alike(0) < 0.5


def test_refining_steps_change_little_of_what_the_base_size_shows():
    rule = StepRule(1.3, 0, "laplacian", 1.0, "none")
    assert recipe.refining_rule(rule, (60, 80), (60, 80)) is rule
    bands = recipe.refining_rule(rule, (60, 80), (240, 320)).bands
    assert bands == (1.0, 1.0, recipe.COARSE, recipe.COARSE, recipe.COARSE)
    by = recipe.refining_rule(rule, (60, 80), (72, 96)).bands[0]
    assert recipe.COARSE < by < 1
