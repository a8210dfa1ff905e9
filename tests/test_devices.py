"""Other devices: the same code on the processor, and on torch's `meta`, which refuses tensors that were left behind."""

import pytest
import torch

from conftest import photograph, tiny
from phosphene import images, networks, objectives
from phosphene.ascent import gradient
from phosphene.ascent.gradient import OnDevice, Torch, backend_on
from phosphene.errors import SettingsError
from phosphene.networks import network as devices
from phosphene.objectives import Place
from phosphene.recipes import dream
from phosphene.recipes.settings import DEVICES, DreamSettings


def shapes(walk, pixels):
    return {name: (tuple(each.shape), each.device.type) for name, each in walk(pixels)}


@pytest.fixture(params=["efficientnet", "googlenet", "module"])
def network(request):
    if request.param != "module":
        return request.getfixturevalue(request.param)
    layers = torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 9, 3, padding=1)
    return networks.load(torch.nn.Sequential(*layers))


def test_a_walk_is_moved_as_a_whole(network):
    here = shapes(network.walk, torch.rand(1, 3, 64, 96))
    there = shapes(devices.walk_on(network.walk, "meta"), torch.rand(1, 3, 64, 96, device="meta"))
    assert there == {name: (shape, "meta") for name, (shape, _) in here.items()}
    assert shapes(network.walk, torch.rand(1, 3, 64, 96)) == here


@pytest.mark.parametrize(
    "text",
    ["layer(block3)", "neuron(block5, 3, 0.4, 0.6)", "class('tabby') - 0.1*tv()", "guide(block5, china)"],
)
def test_a_device_gives_the_gradient_of_the_processor(efficientnet, text):
    def opened(_):
        return images.load(photograph("china"), long_side=96).pixels

    objective = objectives.read(text).prepare(efficientnet, opened).fit(96, 128)
    pixels, place = torch.rand(1, 3, 96, 128), Place(0, 0, 96, 128)
    g, values = OnDevice(efficientnet, objective, "cpu")(pixels, place)
    wanted, others = Torch(efficientnet, objective)(pixels, place)
    assert torch.equal(g, wanted)
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(values, others, strict=True))


def test_a_whole_dream_on_a_device(monkeypatch):
    network, pixels = tiny(torch.float64), torch.rand(1, 3, 90, 110, dtype=torch.float64)
    chosen, seen = DreamSettings(octaves=2, steps=2, dtype="float64", layer="deep"), []
    wanted = dream.dream(pixels, network, settings=chosen)
    monkeypatch.setattr(gradient, "device_for", lambda _: "cpu:0")
    on_device = OnDevice.__call__

    def watched(computes, *tile):
        seen.append(computes.device)
        return on_device(computes, *tile)

    monkeypatch.setattr(OnDevice, "__call__", watched)
    found = dream.dream(pixels, network, settings=chosen)
    assert torch.equal(found, wanted)
    assert set(seen) == {"cpu:0"}


def test_auto_takes_the_card_that_is_there(monkeypatch):
    assert ("auto", *devices.DEVICES, "cpu") == DEVICES
    for card in reversed(devices.DEVICES):
        monkeypatch.setattr(devices, "is_here", lambda device, card=card: device in (card, "cpu"))
        assert devices.device_for("auto") == devices.device_for(card) == card
    monkeypatch.setattr(devices, "is_here", lambda device: device == "cpu")
    assert devices.device_for("auto") == "cpu"
    with pytest.raises(SettingsError, match="computes on cpu"):
        devices.device_for("cuda")


def test_the_processor_is_torchs_and_a_card_may_lack_float64(tiny64, monkeypatch):
    objective = objectives.layer("deep").prepare(tiny64)
    assert isinstance(backend_on("cpu", tiny64, objective), Torch)
    monkeypatch.setattr(devices, "is_here", lambda device: device in ("mps", "cpu"))
    with pytest.raises(SettingsError, match="--device mps knows no float64"):
        backend_on("auto", tiny64, objective)
