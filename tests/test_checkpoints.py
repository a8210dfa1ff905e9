"""Checkpoints in the wild: prefixes, containers, heads, and what comes instead of weights."""

import argparse
import io
import json
import os
import pickle
import struct
import subprocess
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import phosphene
from phosphene.errors import UnknownNameError, WeightsError
from phosphene.networks import checkpoints, fitting


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
    notes = fitting.fit_(module, checkpoints.read(path), "small", path)
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


def test_weights_of_three_colours_are_summed_for_a_network_of_one():
    module, state = Small(), trained()
    module.conv1 = nn.Conv2d(1, 8, 3, stride=2, padding=1)
    fitting.fit_(module, state, "grey", Path("w.pth"))
    grey = torch.rand(1, 1, 32, 32)
    usual = Small()
    usual.load_state_dict(state)
    with torch.no_grad():
        assert torch.allclose(module.eval()(grey), usual.eval()(grey.expand(-1, 3, -1, -1)), atol=1e-5)


class Ending(nn.Module):
    """A backbone with another end, and perhaps a classifier half-way, as VGG, SqueezeNet, DeiT and GoogLeNet have."""

    def __init__(self, **ends):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)
        for name, end in ends.items():
            self.add_module(name, end)
        self.ends = [name for name in ends if not name.startswith("aux")]

    def forward(self, x):
        x = self.conv2(torch.relu(self.conv1(x)))
        x = x if "last" in self.ends else x.mean((2, 3))
        return next(self.get_submodule(name)(x) for name in self.ends)


ENDS = {
    "several parts": lambda: {"classifier": nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 5))},
    "a convolution": lambda: {"last": nn.Conv2d(8, 5, 1)},
    "two heads": lambda: {"head": nn.Linear(8, 5), "head_dist": nn.Linear(8, 5)},
    "one half-way": lambda: {"aux1": nn.Sequential(nn.Conv2d(8, 4, 1), nn.Linear(4, 5)), "fc": nn.Linear(8, 5)},
}


@pytest.mark.parametrize("kind", ENDS)
def test_classifiers_of_every_make_may_be_missing(tmp_path, kind):
    state = {key: value for key, value in Ending(**ENDS[kind]()).state_dict().items() if key.startswith("conv")}
    torch.save(state, tmp_path / "w.pth")
    network = phosphene.network(Ending(**ENDS[kind]()), weights=tmp_path / "w.pth", **SAID)
    assert any("no classifier" in note for note in network.notes)
    assert phosphene.dream("grey", network=network, size=48, octaves=1, steps=1, layer="conv2").pixels.isfinite().all()


@pytest.mark.parametrize("kind", ENDS)
def test_classifiers_of_every_make_take_other_classes(kind):
    module, state = Ending(**ENDS[kind]()), Ending(**ENDS[kind]()).state_dict()
    for key in [key for key in state if not key.startswith("conv") and len(state[key]) == 5]:
        state[key] = torch.cat((state[key], state[key]))
    fitting.fit_(module, state, "other", Path("w.pth"))
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


def test_a_classifier_half_way_that_is_missing_takes_no_classes_away():
    module, state = Ending(**ENDS["one half-way"]()), Ending(fc=nn.Linear(8, 5)).state_dict()
    assert fitting.fit_(module, state, "other", Path("w.pth")) == ()


def test_a_block_that_is_missing_is_no_classifier():
    for gone in ("conv2", "conv1", "classifier.0"):
        module = Ending(**ENDS["several parts"]())
        state = {key: value for key, value in module.state_dict().items() if not key.startswith(gone)}
        with pytest.raises(WeightsError, match=f"missing: {gone}"):
            fitting.fit_(module, state, "other", Path("w.pth"))


@pytest.mark.parametrize("within", ["_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module._orig_mod."])
def test_what_wrappers_put_into_names_is_taken_out(tmp_path, within):
    state = trained()
    wrapped = {key.replace("conv", f"{within}conv"): value for key, value in state.items()}
    wrapped = {key if "conv" in key else key.replace(".", f".{within}"): value for key, value in wrapped.items()}
    found, _ = fitted(prefixed("module.", wrapped), tmp_path)
    assert all(torch.equal(found[key], value) for key, value in state.items())


class Bookkeeping:
    """Something of a training program's own, as settings or a schedule."""

    ran = False

    def __init__(self):
        self.rates = [0.1, 0.2]

    def __setstate__(self, state):
        Bookkeeping.ran = True


@pytest.mark.parametrize("new", [True, False])
def test_what_a_training_keeps_beside_its_weights_does_no_harm(tmp_path, new):
    state, path = trained(), tmp_path / "w.pth"
    beside = {
        "args": argparse.Namespace(lr=0.1, arch="resnet50"),
        "best": np.float64(71.3),
        "seen": np.arange(3),
        "counts": defaultdict(int, a=1),
        "folder": PurePosixPath("/data"),
        "own": Bookkeeping(),
    }
    torch.save({"epoch": 3, **beside, "state_dict": state}, path, _use_new_zipfile_serialization=new)
    found = checkpoints.read(path)
    assert found.keys() == state.keys()
    assert not Bookkeeping.ran
    assert not any(isinstance(each, tuple) for each in torch.serialization.get_safe_globals())  # all as it was


class Calling:
    def __init__(self, what, *arguments):
        self.called = what, arguments

    def __reduce__(self):
        return self.called


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize(
    "what", [os.system, exec, subprocess.Popen, torch.load, os.mkdir, getattr], ids=lambda each: each.__name__
)
def test_weights_that_would_run_code_are_told_as_such(tmp_path, monkeypatch, what, new):
    monkeypatch.chdir(tmp_path)
    attack = {"state_dict": trained(), "args": Calling(what, "canary")}
    torch.save(attack, "w.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(WeightsError, match=f"{what.__name__}.*could run code"):
        checkpoints.read(Path("w.pth"))
    assert [each.name for each in Path().iterdir()] == ["w.pth"]


def test_flat_parts_of_fsdp_are_told(tmp_path):
    torch.save({"_flat_param": torch.zeros(9)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="full state dict"):
        checkpoints.read(tmp_path / "w.pth")


def test_a_pickle_whatever_it_is_called(tmp_path):
    torch.save(trained(), tmp_path / "w.onnx")
    assert checkpoints.read(tmp_path / "w.onnx").keys() == trained().keys()


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
