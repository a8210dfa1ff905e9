"""What many tests need: a tiny random network, the real ones, photographs out of installed packages."""

from __future__ import annotations

import importlib.util
import os
import struct

# Before torch is loaded, and for the processes that tests start: where another program keeps a core busy, several
# threads wait for each other most of the time.
os.environ["OMP_NUM_THREADS"] = "1"

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
import torch.nn.functional as F
from PIL import ImageCms
from torch import Tensor

from phosphene import networks
from phosphene.cli import process as memory
from phosphene.features import correspondence
from phosphene.networks import Network
from phosphene.networks.network import table

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from studio_fake import Studio

# Commands that tests call in their own process would tell its C library to keep all that is ever freed: gigabytes.
memory.tune_malloc = lambda size: None
# It keeps a little instead, which takes 4 % off the time of dreams and styles.
LARGEST, KEPT = 32 << 20, 256 << 20  # bytes: of a buffer that is kept, the most that glibc allows; and of all of them
if (mallopt := memory.one_heap()) is not None:
    mallopt(memory._MMAP_THRESHOLD, LARGEST)
    mallopt(memory._TRIM_THRESHOLD, KEPT)

# Regions are matched on a small picture: that is most of what a quick style takes.
SIDE, correspondence.SIDE = correspondence.SIDE, 128

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys, filters and paintings of tests lie in a folder of theirs, and not among the user's."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


class TinyNetwork:
    """Three random convolutions of stride 1, 2 and 2, with a pooling between; padded evenly."""

    def __init__(self, dtype: torch.dtype) -> None:
        generator = torch.Generator().manual_seed(7)
        shapes = ((6, 3, 3, 3), (8, 6, 3, 3), (10, 8, 5, 5))
        self.weights = [torch.randn(shape, generator=generator, dtype=dtype) / shape[1] for shape in shapes]

    def iter_layers(self, pixels: Tensor, wanted: Collection[str] = ()) -> Iterator[tuple[str, Tensor]]:
        x = F.relu(F.conv2d(pixels * 2, self.weights[0], padding=1))
        yield "shallow", x
        x = F.max_pool2d(F.relu(F.conv2d(x, self.weights[1], stride=2, padding=1)), 3, stride=1, padding=1)
        yield "middle", x
        x = F.conv2d(x, self.weights[2], stride=2, padding=2)
        yield "deep", x
        yield "logits", x.mean((2, 3))


def tiny(dtype: torch.dtype = torch.float32) -> Network:
    iter_layers = TinyNetwork(dtype).iter_layers
    return Network("tiny", iter_layers, table(iter_layers, {}), "deep", dtype, "tiny.pth", "0" * 64)


@pytest.fixture(scope="session")
def tiny32() -> Network:
    return tiny()


@pytest.fixture(scope="session")
def tiny64() -> Network:
    return tiny(torch.float64)


@pytest.fixture(scope="session")
def efficientnet() -> Network:
    return networks.load("efficientnet-lite0")


def shared_file(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"needs {name} in the shared folder beside the checkout")
    return path


@pytest.fixture(scope="session")
def caffemodel() -> Path:
    return shared_file("models/bvlc_googlenet.caffemodel")


@pytest.fixture(scope="session")
def googlenet(caffemodel: Path) -> Network:
    return networks.load(caffemodel)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A studio that computes nothing, with a folder of pictures."""
    from studio_fake import Studio

    return Studio(tmp_path, pictures=tmp_path)


@pytest.fixture
def stranger(studio: Studio) -> Iterator[TestClient]:
    """Somebody before its server, who has no token."""
    from studio_fake import client_of

    with client_of(studio) as client:
        yield client


def photograph(name: str) -> Path:
    """A photograph that an installed package ships."""
    if name == "grace_hopper":
        return _package("matplotlib") / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    if name in ("china", "flower"):
        return _package("sklearn") / "datasets" / "images" / f"{name}.jpg"
    return _package("skimage") / "data" / f"{name}.png"


def _package(name: str) -> Path:
    """A package's folder; the package itself is not loaded, which would take seconds."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {name!r}")
    return Path(spec.origin).parent


@pytest.fixture(scope="session")
def wide() -> bytes:
    """A colour profile for RGB with other primaries than sRGB: the places of red and blue are exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for place in range(132, 132 + 12 * struct.unpack(">I", profile[128:132])[0], 12):
        name = bytes(profile[place : place + 4])
        if name in (b"rXYZ", b"bXYZ"):
            profile[place : place + 4] = b"bXYZ" if name == b"rXYZ" else b"rXYZ"
    return bytes(profile)


@pytest.fixture(autouse=True)
def whole_maps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that are marked `semantics` match regions as a real run does."""
    if "semantics" in request.keywords:
        monkeypatch.setattr(correspondence, "SIDE", SIDE)
