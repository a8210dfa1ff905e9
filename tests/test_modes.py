"""Nothing depends on the modes that a caller has set in torch or numpy, nor on what other threads do."""

import contextlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import phosphene
from conftest import tiny
from phosphene.errors import SettingsError

QUICK = {"octaves": 2, "steps": 2, "layer": "deep"}


@contextlib.contextmanager
def by_default(setter, usual, value):
    setter(value)
    try:
        yield
    finally:
        setter(usual)


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "set_grad_enabled": lambda: torch.set_grad_enabled(False),
    "float64": lambda: by_default(torch.set_default_dtype, torch.float32, torch.float64),
    "bfloat16": lambda: by_default(torch.set_default_dtype, torch.float32, torch.bfloat16),
    "another device": lambda: by_default(torch.set_default_device, None, "meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "numpy raises": lambda: np.errstate(all="raise"),
}
PICTURE = np.random.default_rng(4).integers(0, 256, (48, 64, 3), dtype=np.uint8)
OTHER = PICTURE[::-1, ::-1].copy()


NETWORK = tiny()


def made(kind):
    network = NETWORK
    match kind:
        case "dream":
            return phosphene.dream(PICTURE, network=network, **QUICK)
        case "small":
            return phosphene.dream(PICTURE[:20, :24], network=network, **QUICK)
        case "guide":
            return phosphene.dream(PICTURE, network=network, guide=OTHER, octaves=1, steps=2, layer="middle")
        case "mask":
            return phosphene.dream(PICTURE, network=network, mask=PICTURE[..., 0], **QUICK)
        case "clouds":
            return phosphene.dream("clouds", network=network, size=64, **QUICK)
        case "style":
            return phosphene.style(PICTURE, OTHER, scales=1, steps=2)
        case "gram":
            return phosphene.style(PICTURE, OTHER, method="gram", scales=1, steps=2)
        case "pattern":
            return phosphene.pattern("deep:3", network=network, size=64, octaves=1, steps=2)
        case _:
            with tempfile.TemporaryDirectory() as folder:
                return next(phosphene.many("clouds", f"{folder}/", network=network, **QUICK)).picture


@pytest.fixture(scope="module")
def usual():
    return {
        kind: made(kind).pixels for kind in ("dream", "small", "guide", "mask", "clouds", "style", "gram", "pattern")
    }


@pytest.mark.parametrize("mode", MODES)
def test_the_same_whatever_the_caller_has_set(usual, mode):
    with MODES[mode]():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype(), np.geterr()
        kinds = usual if mode in ("inference_mode", "float64") else ("dream", "small", "clouds")
        found = {kind: made(kind).pixels for kind in kinds}
        after = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype(), np.geterr()
    assert before == after
    for kind, pixels in found.items():
        assert torch.equal(usual[kind], pixels), kind
        assert not pixels.is_inference()


@pytest.mark.parametrize("mode", ["no_grad", "inference_mode", "float64"])
def test_what_was_made_in_a_mode_serves_outside_of_it(usual, mode):
    with MODES[mode]():
        picture, loaded = torch.from_numpy(PICTURE.copy()).permute(2, 0, 1), phosphene.load(PICTURE)
        module = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, 1, 1))
        own = phosphene.network(module)
    assert torch.equal(phosphene.dream(picture, network=NETWORK, **QUICK).pixels, usual["dream"])
    assert torch.equal(phosphene.dream(loaded, network=NETWORK, **QUICK).pixels, usual["dream"])
    assert phosphene.dream(picture, network=own, octaves=1, steps=1).pixels.isfinite().all()


def test_pixels_that_ask_for_gradients():
    picture = torch.rand(3, 40, 40, requires_grad=True)
    made = phosphene.dream(picture, network=NETWORK, **QUICK)
    assert not made.pixels.requires_grad
    assert picture.grad is None


def test_a_caller_is_asked_in_our_modes_and_gets_his_own_back():
    seen = []
    with torch.no_grad():
        phosphene.dream(PICTURE, network=NETWORK, on_step=lambda _: seen.append(torch.is_grad_enabled()), **QUICK)
        assert not torch.is_grad_enabled()
    assert seen


class Doubling(nn.Module):
    """Makes tensors in its forward, and names no dtype."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)

    def forward(self, x):
        x = self.conv1(x)
        return self.conv2(torch.relu(x * torch.tensor([2.0] * 8)[:, None, None]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_network_that_names_no_dtype_works_whatever_the_default(dtype):
    torch.manual_seed(2)
    module = Doubling()

    def dreamt():
        network = phosphene.network(module, mean=(0, 0, 0), std=(1, 1, 1))
        return phosphene.dream("grey", network=network, size=48, octaves=1, steps=1, layer="conv2").pixels

    before = dreamt()
    torch.set_default_dtype(dtype)
    try:
        assert torch.equal(dreamt(), before)
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(torch.float32)


def test_threads_dream_at_once(usual):
    kinds = ["dream", "guide", "mask", "style", "pattern", "dream", "guide", "mask"]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda kind: (kind, made(kind).pixels), kinds))
    for kind, pixels in found:
        assert torch.equal(pixels, usual[kind]), kind


def test_a_network_without_gradients_and_torchscript_are_refused_in_words():
    def iter_layers(pixels, wanted=()):
        with torch.no_grad():
            yield from NETWORK.iter_layers(pixels, wanted)

    with pytest.raises(SettingsError, match=r"tiny cannot dream at deep[\s\S]*no_grad"):
        phosphene.dream(PICTURE, network=replace(NETWORK, iter_layers=iter_layers), **QUICK)
    with pytest.warns(DeprecationWarning, match="script"):
        scripted = torch.jit.script(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()))
    with pytest.raises(SettingsError, match="TorchScript"):
        phosphene.network(scripted)
