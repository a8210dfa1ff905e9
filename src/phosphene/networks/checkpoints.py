"""Checkpoints: files of weights as training programs leave them, read without running code, and put into modules."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from phosphene.errors import WeightsError
from phosphene.images.filetypes import LOST, Mark, what_else

State = dict[str, Tensor]

SHOWN = 3  # names that an error tells
_AVERAGED = ("params_ema", "model_ema", "state_dict_ema", "ema_state_dict", "ema_model", "g_ema", "ema", "teacher")
_WRAPPINGS = (
    *(*_AVERAGED, "state_dict", "model_state_dict", "model_state", "model", "net", "network", "params", "weights"),
    *("module", "student", "generator", "encoder", "backbone", "shadow"),
)
"""What training programs keep a state dict under; weights averaged over the training, which are better, come first."""

_PREFIXES = re.compile(
    r"^(?:module|model|_orig_mod|net|network|backbone|encoder|base_model|params|student|teacher|ema|ema_model|_model)\."
)
_TENSORS = (
    "A weights file is .safetensors, or what torch.save wrote of module.state_dict(); one that holds a whole module"
    " could run code, and is refused."
)
_AGAIN = "Fetch it again."
_STRANGERS: tuple[Mark, ...] = (
    *LOST,
    (0, b"<?xml", "XML: perhaps what a server said in place of the file. Fetch it again"),
    (0, b"{", "a text (JSON). An index of several parts, perhaps: name the .safetensors beside it"),
    (0, b"\x89HDF", "a file of Keras (HDF5). Save the network's weights from PyTorch"),
    (0, b"GGUF", "a language model (GGUF)"),
    (4, b"TFL3", "a network of TensorFlow Lite. Save its weights from PyTorch"),
    (0, b"\x93NUMPY", "an array of numpy. Save the network's weights with torch.save"),
    (257, b"ustar", "a tar archive. Unpack it first"),
)
"""What comes instead of weights."""


def existing(path: Path) -> Path:
    """The path itself; raises a `WeightsError` if no file is there."""
    if not path.is_file():
        raise WeightsError(f"There is no weights file {path}.")
    return path


def read(path: Path) -> State:
    """The state dict in a `.safetensors` file, or in a file of `torch.save`'s, read without running its code.

    It is found wherever training programs keep it, and what they put before all names is taken off.

    Raises:
        WeightsError: no such file, a damaged one, one that holds more than tensors, or something else; with what it is.
    """
    refuse_others(path)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how old a file is
            # The header of safetensors is JSON behind its length in 8 bytes; whatever the file is called.
            begin = file.read(9)
            found = load_file(path) if begin[8:] == b"{" else torch.load(path, map_location="cpu", weights_only=True)
        return _unwrapped(found, path)
    except (WeightsError, MemoryError):
        raise
    except Exception as error:  # a damaged file brings about whatever it likes in those who read it
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> WeightsError:
    """What to say of a file that cannot be read as weights."""
    return WeightsError(f"{path} is no state dict, or is damaged ({type(error).__name__}).\n{_TENSORS}")


def refuse_others(path: Path) -> None:
    """Refuses a file that is something else than weights. Raises `WeightsError`: what it is, and what to do."""
    with existing(path).open("rb") as file:
        start = file.read(300)
    if what := _what_else(path, start):
        raise WeightsError(f"{path} holds no weights: it is {what}.")
    if start.startswith(b"PK"):
        _refuse_archives(path)


def _what_else(path: Path, start: bytes) -> str | None:
    if not start:
        return f"empty (0 bytes). {_AGAIN[:-1]}"
    if start[8:9] != b"{" and (what := what_else(start, _STRANGERS)):  # else it may be of safetensors
        return what
    if path.suffix == ".onnx" or (start[:1] == b"\x08" and re.search(rb"pytorch|onnx|tf2onnx", start)):
        return "a network in ONNX. Save its weights from PyTorch: torch.save(module.state_dict(), 'weights.pth')"
    return None


def _refuse_archives(path: Path) -> None:
    """Refuses zip archives that torch.save did not write, and those that are larger unpacked than they may be.

    Raises:
        WeightsError: what it is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise WeightsError(f"{path} is cut off or damaged: its end is not there. {_AGAIN}") from error
    names = [each.filename for each in members]
    if any("/code/" in name or name.endswith("/constants.pkl") for name in names):
        raise WeightsError(
            f"{path} is TorchScript: a program, and no mere weights.\n"
            "If you trust it, load it yourself, and keep its weights: torch.save(torch.jit.load(FILE).state_dict(),"
            " 'weights.pth')"
        )
    if any(name.endswith(("model.weights.h5", "metadata.json")) for name in names):
        raise WeightsError(f"{path} holds no weights of PyTorch: it is a network of Keras.")
    if not any(name.endswith("data.pkl") for name in names):
        raise WeightsError(f"{path} holds no weights: it is a zip archive. Unpack it first.")
    unpacked = sum(each.file_size for each in members)
    if any(each.compress_type != zipfile.ZIP_STORED for each in members) or unpacked > path.stat().st_size:
        raise WeightsError(f"{path} is packed, as torch.save packs no file: it could fill the memory. {_AGAIN}")


def _unwrapped(found: Any, path: Path) -> State:
    """The tensors by the module's own names, as they were before a training program wrapped them."""
    tensors = _tensors(found)
    if not tensors:
        raise WeightsError(f"{path} holds no tensors. A weights file is what module.state_dict() gives.")
    while all(_PREFIXES.match(name) for name in tensors) and len({name.partition(".")[0] for name in tensors}) == 1:
        tensors = {name.partition(".")[2]: tensor for name, tensor in tensors.items()}
    return tensors


def _tensors(found: Any, depth: int = 0) -> State:
    """The tensors of a mapping, or of the mapping in it that holds the weights."""
    if not isinstance(found, Mapping) or depth > 4:
        return {}
    for key in _WRAPPINGS:
        if isinstance(found.get(key), Mapping) and (within := _tensors(found[key], depth + 1)):
            return within
    tensors = {str(key): value for key, value in found.items() if isinstance(value, Tensor)}
    if tensors:
        return tensors
    inner = [each for each in (_tensors(value, depth + 1) for value in found.values()) if each]
    return inner[0] if len(inner) == 1 else {}


def fit_(module: nn.Module, state: State, name: str, path: Path) -> tuple[str, ...]:
    """Puts the weights in their places; a classifier of other classes is replaced by one of the file's.

    What stands before the module's own names in the file is taken off. A file without a classifier leaves the module
    without one.

    Returns:
        What the user should hear.

    Raises:
        WeightsError: weights are missing, or have other shapes.
    """
    state, notes = _renamed(module, state), tuple[str, ...]()
    state = _one_colour(module, state)
    _resize_head_(module, state)
    if _drop_head_(module, state):
        notes = (f"{path.name} holds no classifier: {name} knows no classes",)
    own = module.state_dict()
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    wrong = [key for key in own if key in state and state[key].shape != own[key].shape]
    surplus = [key for key in state if key not in own]
    if missing or wrong:
        shapes = (f"{key} is {_shape(state[key])}, and should be {_shape(own[key])}" for key in wrong)
        told = [_list("missing", missing), _list("of another shape", shapes), _list("unknown to it", surplus)]
        raise WeightsError(f"{path} does not fit {name}.\n" + "\n".join(line for line in told if line))
    module.load_state_dict({key: state[key] for key in own if key in state}, strict=False)
    return notes + ((f"{path.name} holds {len(surplus)} tensors that {name} has no place for",) if surplus else ())


def _renamed(module: nn.Module, state: State) -> State:
    """The tensors without the prefix before the module's own names, if that lets more of them fit.

    Tensors without it, as the parts of a training that the network does not need, keep their names.
    """
    own, counts = module.state_dict().keys(), Counter[str]()
    for key in state:
        parts = key.split(".")
        for cut in range(min(len(parts), 6)):
            prefix = "".join(f"{part}." for part in parts[:cut])
            counts[prefix] += key.removeprefix(prefix) in own
    best = max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")
    if not best or counts[best] <= counts[""]:
        return state
    return {key.removeprefix(best): value for key, value in state.items()}


def _one_colour(module: nn.Module, state: State) -> State:
    """The first convolution's weights for as many channels as it takes: grey ones are spread over three colours.

    A grey picture that is given as three equal colours is then seen as the network saw it.
    """
    first = next(((name, each) for name, each in module.named_modules() if isinstance(each, nn.Conv2d)), None)
    if first is None:
        return state
    key, wanted = f"{first[0]}.weight".lstrip("."), first[1].weight.shape[1]
    weight = state.get(key)
    if weight is None or weight.ndim != 4 or weight.shape[1] != 1 or wanted != 3:
        return state
    return {**state, key: weight.expand(-1, 3, -1, -1) / 3}


def _head(module: nn.Module) -> tuple[str, nn.Linear] | None:
    heads = [(name, each) for name, each in module.named_modules() if isinstance(each, nn.Linear)]
    return heads[-1] if heads else None


def _resize_head_(module: nn.Module, state: State) -> None:
    """Gives the last linear layer as many classes as the file knows, as 365 places instead of 1000 things."""
    if (found := _head(module)) is None:
        return
    name, head = found
    weight = state.get(f"{name}.weight")
    if weight is None or weight.ndim != 2 or weight.shape[1] != head.in_features or len(weight) == head.out_features:
        return
    other = nn.Linear(head.in_features, len(weight), bias=head.bias is not None, dtype=head.weight.dtype)
    _replace_(module, name, other)


def _drop_head_(module: nn.Module, state: State) -> bool:
    """Takes the last linear layer away if the file has all weights but those; whether it did."""
    found, own = _head(module), module.state_dict()
    if found is None or not found[0]:
        return False
    missing = {key for key in own if key not in state and not key.endswith("num_batches_tracked")}
    if not missing or not all(key.startswith(f"{found[0]}.") for key in missing) or len(missing) == len(own):
        return False
    _replace_(module, found[0], NoClassifier())
    return True


class NoClassifier(nn.Identity):
    """Stands where a checkpoint holds no classifier: what comes out of it are features, and no classes."""


def _replace_(module: nn.Module, name: str, other: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(module.get_submodule(parent), own, other)


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"


def _list(what: str, names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{what}: {', '.join(names[:SHOWN])}{more}" if names else ""
