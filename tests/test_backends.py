"""The gradient by OpenVINO, against torch's in float64; and which of the two is chosen."""

import subprocess
import sys

import pytest
import torch

import phosphene
from conftest import TinyNetwork
from phosphene import backends, gradient, images, networks, record, run
from phosphene.errors import SettingsError
from phosphene.gradient import Tiling
from phosphene.networks import Network
from phosphene.networks.network import table
from phosphene.objectives import channel, class_, direction, guide, layer, neuron, tv
from phosphene.recipes.settings import DreamSettings

WHOLE, PLENTY = Tiling(10_000, 0), 10**9
SIZES = ((32, 32), (33, 47), (64, 64), (75, 101), (96, 130), (127, 64), (31, 40), (57, 160), (131, 83), (160, 90))


def fast(network, objective, work=PLENTY):
    pytest.importorskip("openvino")
    return backends.choose("openvino", network, objective, work=work)


def noise(*size, dtype=torch.float32):
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1)).to(dtype)


def relative(a, b):
    return float((a.double() - b).norm() / b.norm())


def errors(network, exact, objective, sizes):
    """How far the backend's gradients and scores lie from torch's in float64."""
    backend, reference = fast(network, objective.prepare(network)), objective.prepare(exact)
    for size in sizes:
        g, score = gradient.compute(noise(*size), network, backend.objective, WHOLE, backend=backend)
        wanted, wanted_score = gradient.compute(noise(*size, dtype=torch.float64), exact, reference, WHOLE)
        assert score == pytest.approx(wanted_score, rel=1e-4)
        yield relative(g, wanted)


def test_the_default_networks_gradient_is_exact(efficientnet):
    exact = networks.load("efficientnet-lite0", dtype=torch.float64)
    found = list(errors(efficientnet, exact, layer("block11"), SIZES))
    assert max(found) < 5e-3
    assert sorted(found)[len(found) // 2] < 1e-4  # single roundings may tip a ReLU; usually none does


def test_googlenets_gradient_is_exact(googlenet, caffemodel):
    exact = networks.load(caffemodel, dtype=torch.float64)
    found = list(errors(googlenet, exact, layer("inception_4c/output"), SIZES))
    assert max(found) < 5e-3
    assert sorted(found)[len(found) // 2] < 1e-4


@pytest.mark.parametrize(
    "objective",
    [
        layer("deep"),
        layer("middle", maximise="sum"),
        channel("deep", 3) - 2 * layer("shallow"),
        direction("deep", tuple(map(float, range(10)))),
        layer("deep") / 3 - 0.5 * tv(),
    ],
    ids=str,
)
def test_objectives_are_the_same(objective):
    network, exact = (_tiny(dtype) for dtype in (torch.float32, torch.float64))
    assert max(errors(network, exact, objective, [(40, 56), (45, 33)])) < 1e-5


def _tiny(dtype):
    """The same weights in both precisions."""
    made = TinyNetwork(torch.float32)
    made.weights = [weight.to(dtype) for weight in made.weights]
    return Network("tiny", made.walk, table(made.walk, {}), "deep", dtype, "", "", graph_pays=1)


def test_classes_are_the_same(efficientnet):
    exact = networks.load("efficientnet-lite0", dtype=torch.float64)
    assert max(errors(efficientnet, exact, class_("tabby"), [(64, 96)])) < 5e-3


@pytest.mark.parametrize("size", [(64, 64), (45, 62)])
def test_flat_pictures_and_equal_maxima_have_torchs_gradient(size):
    """Where activations are equal, each window of a pooling still gives its gradient to one of them, and only once."""
    network = _pooling(2)
    backend = fast(network, layer("pooled"))
    pixels = noise(*size).mul(4).round().div(4)  # with many ties
    g, _ = gradient.compute(pixels, network, backend.objective, WHOLE, backend=backend)
    wanted, _ = gradient.compute(pixels, network, backend.objective, WHOLE)
    torch.testing.assert_close(g, wanted)
    network = _pooling(1)
    backend = fast(network, layer("pooled", maximise="sum"))
    g, _ = gradient.compute(torch.full((1, 3, *size), 0.5), network, backend.objective, WHOLE, backend=backend)
    assert float(g.sum()) == pytest.approx(3 * size[0] * size[1])


def _pooling(stride):
    def walk(pixels, wanted=()):
        options = {"ceil_mode": True} if stride == 2 else {"padding": 1}
        yield "pooled", torch.nn.functional.max_pool2d(pixels, 3, stride=stride, **options)

    return Network("pooling", walk, table(walk, {}), "pooled", torch.float32, "", "", graph_pays=1)


def test_tiles_and_shifts_pass_through(efficientnet):
    objective, tiling = layer("block3"), Tiling(100, 16)
    backend = fast(efficientnet, objective)
    options = {"shift": (13, -50), "mask": torch.ones(1, 1, 101, 170)}
    g, score = gradient.compute(noise(101, 170), efficientnet, objective, tiling, backend=backend, **options)
    wanted, wanted_score = gradient.compute(noise(101, 170), efficientnet, objective, tiling, **options)
    assert score == pytest.approx(wanted_score, rel=1e-4)
    assert relative(g, wanted.double()) < 5e-3


def test_the_same_pixels_give_the_same_gradient(efficientnet):
    first, again = (fast(efficientnet, layer("block8"))(noise(90, 123), None)[0].clone() for _ in range(2))
    assert torch.equal(first, again)


def test_a_dream_is_the_same_again_and_says_what_made_it(tmp_path):
    pytest.importorskip("openvino")
    options = {"size": (96, 64), "octaves": 2, "steps": 2, "backend": "openvino"}
    made = phosphene.dream("clouds", **options)
    assert "openvino" in made.record.versions
    made.save(tmp_path / "dream.png")
    again = phosphene.redo(tmp_path / "dream.png")
    assert torch.equal(made.pixels, again.pixels)
    assert again.record.settings["backend"] == "openvino"
    assert not again.notes


def test_a_redo_where_it_is_not_installed_says_so(tmp_path, monkeypatch):
    made = phosphene.dream("clouds", size=(48, 32), octaves=1, steps=1)
    told = made.record.to_json().replace('"versions": {', '"versions": {"openvino": "2026.4.1", ')
    path = tmp_path / "dream.png"
    images.save(made.pixels, path, metadata={"phosphene": told.replace('"backend": "auto"', '"backend": "openvino"')})
    monkeypatch.setattr(backends, "installed", lambda: False)
    again = run.redo(path)
    assert any("openvino 2026.4.1" in note and "pip install" in note for note in again.notes)
    assert again.record.settings["backend"] == "torch"
    assert torch.equal(again.pixels, made.pixels)


def test_what_torch_made_torch_makes_again(tmp_path):
    phosphene.dream("clouds", size=(48, 32), octaves=1, steps=1).save(tmp_path / "dream.png")
    assert "openvino" not in record.read(tmp_path / "dream.png").versions
    assert run.redo(tmp_path / "dream.png").record.settings["backend"] == "torch"


# Which is chosen


def test_the_fastest_that_can_is_chosen(efficientnet, tiny32, tiny64):
    pytest.importorskip("openvino")

    def chosen(network, objective, work=PLENTY):
        return backends.choose("auto", network, objective.prepare(network), work=work).name

    assert chosen(efficientnet, layer("block5")) == "openvino"
    assert chosen(efficientnet, layer("block5"), work=1000) == "torch"
    assert chosen(efficientnet, neuron("block5", 3)) == "torch"
    assert chosen(tiny32, layer("deep")) == "torch"
    assert chosen(networks.load("efficientnet-lite0", dtype=torch.float64), layer("block5")) == "torch"


def test_a_guide_is_torchs(efficientnet):
    pytest.importorskip("openvino")
    objective = guide("block5", noise(64, 64)).prepare(efficientnet).fit(64, 64)
    assert backends.choose("auto", efficientnet, objective, work=PLENTY).name == "torch"
    with pytest.raises(SettingsError, match="cannot compute guide"):
        backends.choose("openvino", efficientnet, objective, work=PLENTY)


def test_what_openvino_cannot_do_is_said(tiny32, tiny64, monkeypatch):
    with pytest.raises(SettingsError, match="float32, not in float64"):
        backends.choose("openvino", tiny64, layer("deep"), work=PLENTY)
    with pytest.raises(SettingsError, match="own networks, not tiny"):
        backends.choose("openvino", tiny32, layer("deep"), work=PLENTY)


def test_without_openvino_torch_does_it(efficientnet, monkeypatch):
    monkeypatch.setattr("phosphene.backends.choice.installed", lambda: False)
    assert backends.choose("auto", efficientnet, layer("block5"), work=PLENTY).name == "torch"
    with pytest.raises(SettingsError, match=r"pip install 'phosphene\[fast\]'"):
        backends.choose("openvino", efficientnet, layer("block5"), work=PLENTY)


def test_a_backend_is_a_known_one():
    with pytest.raises(SettingsError, match="Did you mean 'openvino'"):
        DreamSettings(backend="openvin")


def test_openvino_is_loaded_late_and_tells_nobody():
    """Its tools for converting models report every import to their makers: they are never loaded."""
    pytest.importorskip("openvino")
    program = (
        "import sys, phosphene, phosphene.cli; assert 'torch' not in sys.modules;"
        "phosphene.dream('clouds', size=(64, 48), octaves=1, steps=1, backend='torch');"
        "assert 'openvino' not in sys.modules;"
        "phosphene.dream('clouds', size=(64, 48), octaves=1, steps=1, backend='openvino');"
        "assert 'openvino' in sys.modules;"
        "assert not [name for name in sys.modules if name.startswith(('openvino.tools', 'openvino_telemetry'))]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
