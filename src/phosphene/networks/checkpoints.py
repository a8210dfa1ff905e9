"""Checkpoints: files of weights as training programs leave them, read without running code."""

from __future__ import annotations

import pickletools
import re
import warnings
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO, Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from phosphene.errors import WeightsError, translate, unless_damaged
from phosphene.images.filetypes import LOST, Mark, what_else

State = dict[str, Tensor]

_AVERAGED = ("params_ema", "model_ema", "state_dict_ema", "ema_state_dict", "ema_model", "g_ema", "ema", "teacher")
_WRAPPINGS = (
    *(*_AVERAGED, "state_dict", "model_state_dict", "model_state", "model", "net", "network", "params", "weights"),
    *("module", "student", "generator", "encoder", "backbone", "shadow"),
)
"""What training programs keep a state dict under; weights averaged over the training, which are better, come first."""

_PREFIXES = re.compile(
    r"^(?:module|model|_orig_mod|net|network|backbone|encoder|base_model|params|student|teacher|ema|ema_model|_model)\."
)
_CODE = re.compile(
    r"(?:os|posix|nt|sys|subprocess|shutil|socket|runpy|importlib|ctypes|pty|code|webbrowser|pickle|_pickle)(?:\.|$)"
    r"|builtins\.(?:exec|eval|compile|open|getattr|setattr|delattr|__import__|input|breakpoint)$"
    r"|torch\.(?:serialization|jit|hub|package)(?:\.|$)"
)
"""What a pickle names that shall run code when it is read."""

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
    with translate(lambda error: damaged(path, error)):
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how old a file is
            # The header of safetensors is JSON behind its length in 8 bytes; whatever the file is called.
            begin = file.read(9)
            found = load_file(path) if begin[8:] == b"{" else _unpickled(path)
        return _unwrapped(found, path)


def _unpickled(path: Path) -> Any:
    """What torch's reader of data alone finds in a pickle; what lies beside the tensors comes as `_Other`s."""
    names = _names(path)
    if code := [name for name in names if _CODE.match(name)]:
        raise WeightsError(
            f"{path} asks for {code[0]} to be called, as no weights do: it could run code, and perhaps is an attack."
            " Nothing of it was run."
        )
    others = {name for name in names if not name.startswith(("torch.", "collections.OrderedDict"))}
    stand_ins: list[Any] = [
        (_mapping if name == "collections.defaultdict" else _Other, name) for name in sorted(others)
    ]
    with _reading, torch.serialization.safe_globals(stand_ins):
        return torch.load(path, map_location="cpu", weights_only=True)


class _Other:
    """Stands for whatever a checkpoint holds beside tensors, as its `argparse.Namespace`; runs nothing of it."""

    def __new__(cls, *_: object) -> _Other:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _mapping(*_: object) -> dict[Any, Any]:
    return {}


_reading = Lock()  # what torch's reader allows is one list for the process


def _names(path: Path) -> set[str]:
    """What the pickles in a file of `torch.save`'s name: classes and functions, as `argparse.Namespace`."""
    found = set[str]()

    def gather(file: IO[bytes]) -> None:
        while True:  # an old file is several pickles, one behind the other
            for code, argument, _ in pickletools.genops(file):
                if code.name == "GLOBAL":
                    found.add(_modern(*str(argument).split(" ", 1)))

    with _pickles(path) as file:
        unless_damaged(lambda: gather(file), None)  # or until its end; damage is what torch's reader meets as well
    return found


def _modern(module: str, name: str) -> str:
    """The name in Python 3 of what a pickle of the usual protocol calls as Python 2 did."""
    return ".".join(NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name)))


@contextmanager
def _pickles(path: Path) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            inner = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(inner) as file:
                yield file
    else:
        with path.open("rb") as file:
            yield file


def damaged(path: Path, error: BaseException) -> WeightsError:
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
    if (path.suffix == ".onnx" and start[:1] not in (b"P", b"\x80")) or (
        start[:1] == b"\x08" and re.search(rb"pytorch|onnx|tf2onnx", start)
    ):
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
    if any(name.endswith("_flat_param") for name in tensors):
        raise WeightsError(f"{path} holds the flat parts of a training by FSDP. Save its full state dict instead.")
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
