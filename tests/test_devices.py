"""Other devices: the same code on the processor, and on torch's `meta`, which refuses tensors that were left behind."""

from dataclasses import replace

import pytest
import torch

import phosphene
from conftest import photograph
from phosphene import features, images, networks, objectives
from phosphene.ascent import gradient
from phosphene.errors import SettingsError
from phosphene.networks import network as devices
from phosphene.objectives import Place
from phosphene.recipes import dream, pattern, style
from phosphene.recipes.fields import DEVICES
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.recipes.settings import DreamSettings
from phosphene.recipes.structure import StyleImage
from phosphene.recipes.style_settings import StyleSettings

PLACE = Place(0, 0, 96, 128)


def shapes(iter_layers, pixels):
    return {name: (tuple(each.shape), each.device.type) for name, each in iter_layers(pixels)}


@pytest.fixture(params=["efficientnet", "googlenet", "module"])
def network(request):
    if request.param != "module":
        return request.getfixturevalue(request.param)
    layers = torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 9, 3, padding=1)
    return networks.load(torch.nn.Sequential(*layers))


def test_a_network_is_moved_as_a_whole(network):
    here = shapes(network.iter_layers, torch.rand(1, 3, 64, 96))
    there = shapes(devices.iter_layers_on(network.iter_layers, "meta"), torch.rand(1, 3, 64, 96, device="meta"))
    assert there == {name: (shape, "meta") for name, (shape, _) in here.items()}
    assert shapes(network.iter_layers, torch.rand(1, 3, 64, 96)) == here


@pytest.mark.parametrize(
    "text",
    ["layer(block3)", "neuron(block5, 3, 0.4, 0.6)", "class('tabby') - 0.1*tv()", "guide(block5, china)"],
)
def test_a_device_gives_the_gradient_of_the_processor(efficientnet, text):
    def opened(_):
        return images.load(photograph("china"), long_side=96).pixels

    objective = objectives.read(text).prepare(efficientnet, opened).fit(96, 128)
    pixels, tiling = torch.rand(1, 3, 96, 128), gradient.Tiling(128, 16)
    moved = replace(efficientnet, iter_layers=devices.iter_layers_on(efficientnet.iter_layers, "cpu"))
    g, score = gradient.compute(pixels, moved, objective, tiling)
    wanted, other = gradient.compute(pixels, efficientnet, objective, tiling)
    assert torch.equal(g, wanted)
    assert score == other
    there, here = (
        objective.values(features.extract(each, pixels, objective.layers), PLACE) for each in (moved, efficientnet)
    )
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(there, here, strict=True))


def test_pixels_go_to_the_network_and_activations_come_back(efficientnet):
    there = replace(efficientnet, device="meta", iter_layers=devices.iter_layers_on(efficientnet.iter_layers, "meta"))
    seen = []

    def watched(pixels, wanted):
        seen.append(pixels.device.type)
        yield from there.iter_layers(pixels, wanted)

    with pytest.raises(NotImplementedError, match="meta"):  # what has no numbers cannot come back to the processor
        features.extract(replace(there, iter_layers=watched), torch.rand(1, 3, 64, 96), {"block3"})
    assert seen == ["meta"]
    here = torch.rand(1, 3, 64, 96, device="meta")
    assert features.extract(there, here, {"block3"})["block3"].device.type == "meta"


@pytest.fixture
def card(monkeypatch):
    """A second name of the processor, as a graphics card: how often a network ran there."""
    ran = []

    def moved(iter_layers, device):
        def there(*asked):
            ran.append(device)
            return iter_layers(*asked)

        return there

    monkeypatch.setattr(devices, "device_for", lambda wanted: "cpu:0" if wanted == "xpu" else wanted)
    monkeypatch.setattr(devices, "iter_layers_on", moved)
    return ran


def counted(network):
    """The same network, and a list that grows each time that it runs."""
    runs = []

    def iter_layers(*asked):
        runs.append(asked)
        return network.iter_layers(*asked)

    return replace(network, iter_layers=iter_layers), runs


def test_every_technique_computes_where_it_is_asked_to(tiny64, card):
    pixels = torch.rand(1, 3, 90, 110, dtype=torch.float64)
    common = {"dtype": "float64", "device": "xpu", "steps": 2}

    def made(network):
        yield dream.dream(pixels, network, settings=DreamSettings(octaves=2, layer="deep", **common))
        source = [StyleImage(pixels.flip(3))]
        for method in ("match", "gram"):
            chosen = StyleSettings(style=("a.png",), scales=2, method=method, **common)
            yield style.style(pixels, network, source, settings=chosen)
        chosen = PatternSettings(layer="deep", channel=0, octaves=1, **common)
        yield pattern.pattern(network, size=(64, 64), settings=chosen)

    (network, runs), found = counted(tiny64), []
    for each in made(network):
        found.append(each)
        assert len(runs) == len(card)  # the moved one calls the counted one; nothing else does
        assert card
    for a, b in zip(found, made(replace(tiny64, device="cpu:0")), strict=True):
        assert torch.equal(a, b)


def test_a_whole_run_computes_where_it_is_asked_to(tiny64, card):
    pixels, (network, runs) = torch.rand(1, 3, 60, 70, dtype=torch.float64), counted(tiny64)
    quick = {"scales": 1, "steps": 1, "semantics": 0.0, "dtype": "float64"}
    made = phosphene.style(pixels, pixels.flip(3), network=network, then_dream="carnival", device="xpu", **quick)
    assert len(runs) == len(card) > 0
    assert made.record.settings["device"] == "cpu:0"
    phosphene.dream(pixels, guide=pixels.flip(3), network=network, device="xpu", steps=1, octaves=1, dtype="float64")
    assert len(runs) == len(card)


def test_auto_takes_the_card_that_is_there(monkeypatch):
    assert ("auto", *devices.DEVICES, "cpu") == DEVICES
    for card in reversed(devices.DEVICES):
        monkeypatch.setattr(devices, "is_here", lambda device, card=card: device in (card, "cpu"))
        assert devices.device_for("auto") == devices.device_for(card) == card
    monkeypatch.setattr(devices, "is_here", lambda device: device == "cpu")
    assert devices.device_for("auto") == "cpu"
    with pytest.raises(SettingsError, match="computes on cpu"):
        devices.device_for("cuda")


def test_the_processor_is_where_a_network_is_and_a_card_may_lack_float64(tiny64, monkeypatch):
    assert tiny64.to("cpu") is tiny64
    monkeypatch.setattr(devices, "is_here", lambda device: device in ("mps", "cpu"))
    assert tiny64.to("auto") is tiny64
    with pytest.raises(SettingsError, match="--device mps knows no float64"):
        tiny64.to("mps")
