"""Checkpoints in the wild: prefixes, containers, heads, and what comes instead of weights."""

import io
import json
import pickle
import struct
import zipfile
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import phosphene
from phosphene.errors import UnknownNameError, WeightsError
from phosphene.networks import checkpoints


class Small(nn.Module):
    """A backbone with a classifier."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.fc = nn.Linear(8, classes)

    def forward(self, x):
        return self.fc(self.conv2(torch.relu(self.bn(self.conv1(x)))).mean((2, 3)))


SAID = {"mean": (0, 0, 0), "std": (1, 1, 1)}


def trained():
    torch.manual_seed(5)
    return Small().state_dict()


def fitted(state, tmp_path, name="w.pth"):
    """The module's weights after it took a file's, and what was said."""
    path = tmp_path / name
    torch.save(state, path)
    module = Small()
    notes = checkpoints.fit_(module, checkpoints.read(path), "small", path)
    return module.state_dict(), notes


def prefixed(prefix, state):
    return OrderedDict((prefix + key, value) for key, value in state.items())


@pytest.mark.parametrize(
    "prefix",
    [
        "model.",
        "module.",
        "_orig_mod.",
        "backbone.",
        "module.encoder.",
        "module._orig_mod.model.",
        "encoder_q.",
        "a.b.c.",
    ],
)
def test_what_stands_before_the_names_is_taken_off(tmp_path, prefix):
    state = trained()
    found, notes = fitted(prefixed(prefix, state), tmp_path)
    assert all(torch.equal(found[key], value) for key, value in state.items())
    assert notes == ()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model": prefixed("module.", s), "optimizer": {"state": {}, "param_groups": []}},
        lambda s: {"params": {k: v + 1 for k, v in s.items()}, "params_ema": s},
        lambda s: {"state_dict": {k: v + 1 for k, v in s.items()}, "model_ema": {"module": s}},
        lambda s: {"student": {k: v + 1 for k, v in s.items()}, "teacher": prefixed("backbone.", s)},
        lambda s: {"whatever": {"it": {"is": s}}},
        lambda s: {"state_dict": {**prefixed("module.encoder.", s), "module.predictor.0.weight": torch.zeros(4)}},
        lambda s: {key: value for key, value in s.items() if "num_batches" not in key},
    ],
)
def test_weights_are_found_wherever_they_are_kept(tmp_path, wrap):
    state = trained()
    found, _ = fitted(wrap(state), tmp_path)
    assert all(torch.equal(found[key], value) for key, value in state.items() if "num_batches" not in key)


def test_a_backbone_without_a_classifier_dreams_and_says_so(tmp_path):
    state = {key: value for key, value in trained().items() if not key.startswith("fc.")}
    path = tmp_path / "backbone.pth"
    torch.save(prefixed("backbone.", state), path)
    network = phosphene.network(Small(), weights=path, **SAID)
    assert network.classifier is None
    with pytest.raises(UnknownNameError, match="no classes"):  # what comes out are features
        network.classify(torch.rand(1, 3, 48, 48))
    assert any("no classifier" in note for note in network.notes)
    assert phosphene.dream("grey", network=network, size=48, octaves=1, steps=1, layer="conv2").pixels.isfinite().all()


def test_grey_weights_are_spread_over_three_colours(tmp_path):
    state = trained()
    grey = torch.rand(8, 1, 3, 3)
    found, _ = fitted({**state, "conv1.weight": grey}, tmp_path)
    assert torch.allclose(found["conv1.weight"].sum(1, keepdim=True), grey, atol=1e-6)


def test_weights_of_another_network_are_still_refused(tmp_path):
    with pytest.raises(WeightsError, match="does not fit"):
        fitted({"conv9.weight": torch.zeros(3)}, tmp_path)
    with pytest.raises(WeightsError, match="of another shape"):
        fitted({**trained(), "conv2.weight": torch.zeros(8, 8, 5, 5)}, tmp_path)


def scripted():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Conv2d(3, 4, 3)), file)
    return file.getvalue()


def saved(value, **more):
    file = io.BytesIO()
    torch.save(value, file, **more)
    return file.getvalue()


def zipped(names, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name in names:
            archive.writestr(name, bytes(1000))
    return file.getvalue()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\n<HTML>", "web page"),
        (json.dumps({"weight_map": {}}).encode(), "JSON"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "Keras"),
        (b"GGUF\3\0\0\0", "GGUF"),
        (b"\x08\x07\x12\x07pytorch\x1a\x05" + bytes(40), "ONNX"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (scripted, "TorchScript"),
        (lambda: saved(trained())[:-400], "cut off"),
        (lambda: saved(trained())[: len(saved(trained())) // 2], "cut off"),
        (lambda: zipped(["a/readme.txt"]), "zip archive"),
        (lambda: zipped(["model.weights.h5", "config.json"]), "Keras"),
        (lambda: zipped(["archive/data.pkl"], zipfile.ZIP_DEFLATED), "fill the memory"),
        (lambda: saved(Small()), "could run code"),
        (lambda: saved(trained(), _use_new_zipfile_serialization=False)[:200], "damaged"),
        (lambda: pickle.dumps({"a": 1}), "damaged|no tensors"),
        (lambda: struct.pack("<Q", 1 << 40) + b"{", "damaged"),
    ],
)
def test_what_comes_instead_of_weights_is_told_by_what_it_is(tmp_path, data, word):
    path = tmp_path / "weights.pth"
    path.write_bytes(data() if callable(data) else data)
    for take in (lambda: checkpoints.read(path), lambda: phosphene.network(path)):
        with pytest.raises(WeightsError, match=word) as caught:
            take()
        assert "weights.pth" in str(caught.value)


def test_safetensors_whatever_they_are_called(tmp_path):
    state = trained()
    save_file(prefixed("model.", state), tmp_path / "w.bin")
    assert checkpoints.read(tmp_path / "w.bin").keys() == state.keys()
