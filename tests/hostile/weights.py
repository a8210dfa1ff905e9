"""Weights files, damaged in every way, through the readers of `phosphene.networks`: tensors come, or words.

A pickle is a program. `torch.save`'s files are read by torch's own reader of data alone (`weights_only`), safetensors
hold no code, and Caffe's files are protobuf. So no payload here may run, in whatever wrapping it comes: each would make
a file, the canary, which must not be there after any trial.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from . import mutations
from .tally import Options, Tally
from .workers import Attack, hunt

PART = "weights"
CANARY = "canary.txt"  # in the worker's folder


def read(name: str, data: bytes) -> None:
    """Reads a weights file in every way in which the program does."""
    from torch import Tensor, nn

    from phosphene import networks
    from phosphene.errors import PhospheneError
    from phosphene.networks import caffe, checkpoints

    path, refusals, made = Path(name), list[PhospheneError](), 0
    path.write_bytes(data)
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, padding=1))
    ways: list[Callable[[], object]] = [
        partial(checkpoints.read, path),
        partial(caffe.read, path),
        partial(networks.load, path),
        partial(networks.load, "efficientnet-lite0", weights=path),
    ]
    try:
        for way in ways:
            try:
                found = way()
                assert not isinstance(found, dict) or all(isinstance(each, (Tensor, list)) for each in found.values())
                made += 1
            except PhospheneError as error:
                refusals.append(error)
            assert not Path(CANARY).exists(), "a file of weights ran code"
        if made and "own" in name:
            networks.load(module, weights=path)
    finally:
        Path(CANARY).unlink(missing_ok=True)
        path.unlink()
    if not made:
        raise refusals[0]


class _Payload:
    """Makes the canary where it is unpickled."""

    def __init__(self, how: Callable[..., Any], *arguments: object) -> None:
        self.how, self.arguments = how, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.how, self.arguments


def _payloads() -> Iterator[tuple[str, object]]:
    import os
    import subprocess

    import torch

    made = f"open({CANARY!r}, 'w').close()"
    yield "exec", _Payload(exec, made)
    yield "eval", _Payload(eval, made)
    yield "open", _Payload(open, CANARY, "w")
    yield "system", _Payload(os.system, f"touch {CANARY}")
    yield "popen", _Payload(subprocess.Popen, ["touch", CANARY])
    yield "mkdir", _Payload(os.mkdir, CANARY)
    yield "save", _Payload(torch.save, 1, CANARY)
    yield "load", _Payload(torch.load, "other.pth")
    yield "inner", {"state_dict": {"a": torch.zeros(2), "b": _Payload(exec, made)}}


@cache
def whole() -> dict[str, bytes]:
    """Weights files of every kind, and such as would run code, by name."""
    import torch
    from safetensors.torch import save

    generator = torch.Generator().manual_seed(0)
    shapes = {"0.weight": (4, 3, 3, 3), "0.bias": (4,), "2.weight": (5, 4, 3, 3), "2.bias": (5,)}
    state = OrderedDict((name, torch.randn(shape, generator=generator)) for name, shape in shapes.items())
    found = {"own.safetensors": save(state), "own.pth": _saved(state), "own-legacy.pth": _saved(state, legacy=True)}
    found["own-wrapped.pth"] = _saved(
        {"epoch": 3, "state_dict": {f"module.{key}": each for key, each in state.items()}}
    )
    found["half.safetensors"] = save({key: each.half() for key, each in state.items()})
    found["strange.pth"] = _saved({"a": [1, "x", None], "model": 3, 7: torch.zeros(1)})
    found["module.pth"] = _saved(torch.nn.Linear(2, 2))
    found["sparse.pth"] = _saved({"a": torch.eye(3).to_sparse(), "b": torch.eye(3)[::2]})
    found["nan.safetensors"] = save({key: each * float("nan") for key, each in state.items()})
    found["small.caffemodel"] = _caffe()
    for name, payload in _payloads():
        found[f"{name}.pth"] = _saved(payload)
        found[f"{name}-legacy.pth"] = _saved(payload, legacy=True)
        for protocol in (0, 2, 4):
            found[f"{name}-{protocol}.pth"] = pickle.dumps(payload, protocol)
        found[f"{name}.safetensors"] = found[f"{name}-2.pth"]
        found[f"{name}.caffemodel"] = found[f"{name}.pth"]
    found["empty.pth"], found["bomb.pth"] = b"", _bomb()
    found["huge.safetensors"] = struct.pack("<Q", 2**62) + b"{}"
    found["deep.safetensors"] = _headed(b'{"a":' * 5000 + b"1" + b"}" * 5000)
    found["lies.safetensors"] = _headed(b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}')
    return found


def _saved(what: object, *, legacy: bool = False) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(what, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def _headed(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + bytes(16)


def _caffe() -> bytes:
    from phosphene.networks.caffe import message

    net = message("NetParameter")()
    for number in range(3):
        layer = net.layer.add() if number else net.layers.add()
        layer.name = f"conv{number}"
        blob = layer.blobs.add()
        blob.shape.dim.extend((2, 3, 1, 1))
        blob.data.extend(range(6))
    return bytes(net.SerializeToString())


def _bomb() -> bytes:
    """A zip whose pickle is small, and zeros when it is unpacked."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("archive/data.pkl", bytes(200_000_000))
        packed.writestr("archive/version", "3\n")
    return file.getvalue()


def _repacked(data: bytes, number: int, options: Options) -> bytes:
    """A zip in which one of the files is changed, and the sums are right."""
    chance = options.chance(PART, "inside", number)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = {each: packed.read(each) for each in packed.namelist()}
    except zipfile.BadZipFile:
        return mutations.mutated(data, chance)
    name = chance.choice(sorted(parts))
    parts[name] = mutations.mutated(parts[name] or b"\0", chance)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for each, part in parts.items():
            packed.writestr(each, part)
    return file.getvalue()


def run(options: Options, attack: Attack = read, count: int | None = None) -> Tally:
    """Tries mutated weights files, and files that would run code."""
    tally, files = Tally(PART), whole()
    names, count = sorted(files), options.times(500, 15_000) if count is None else count

    def make(number: int) -> tuple[str, bytes]:
        if number < len(names):  # each once as it is
            return f"{number}-{names[number]}", files[names[number]]
        chance = options.chance(PART, number)
        name = chance.choice(names)
        if files[name][:2] == b"PK" and name != "bomb.pth" and chance.random() < 0.5:
            return f"{number}-{name}", _repacked(files[name], number, options)
        return f"{number}-{name}", mutations.mutated(files[name] or b"\0", chance)

    hunt(tally, attack, make, count, options)
    return tally.ended()
