"""Every technique with every built-in network, at sizes that no stride divides."""

import pytest
import torch

import phosphene
from phosphene import images
from phosphene.errors import OutOfSpaceError, SettingsError

SIZES = [(33, 47), (58, 61), (64, 64), (65, 67), (70, 101), (97, 80), (99, 113), (101, 35), (58, 201), (127, 129)]
QUICK = {"octaves": 1, "steps": 1}


@pytest.fixture(params=phosphene.networks.SOURCES, scope="module")
def network(request):
    if request.param == "googlenet":
        return phosphene.network(request.getfixturevalue("caffemodel"))
    return phosphene.network(request.param)


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def picture(request):
    return torch.rand(1, 3, *request.param, generator=torch.Generator().manual_seed(3))


def check(made, picture):
    assert made.pixels.shape == picture.shape
    assert made.pixels.isfinite().all()
    assert not torch.equal(made.pixels, picture)


def test_dream(network, picture):
    check(phosphene.dream(picture, network=network, **QUICK), picture)


def test_guided_dream(network, picture):
    guide = picture.flip(2, 3)[..., 3:, 5:]
    check(phosphene.dream(picture, network=network, guide=guide, layer=network.default_layer, **QUICK), picture)


def test_style(network, picture):
    style = picture.flip(1, 2)[..., 5:, 2:]
    check(phosphene.style(picture, style, network=network, method="gram", steps=1), picture)


@pytest.mark.parametrize("picture", SIZES[1::4], indirect=True)
def test_style_by_matching(network, picture):
    """Of fewer sizes: it sees the same features as by Gram matrices, and takes seconds for each."""
    style = picture.flip(1, 2)[..., 5:, 2:]
    check(phosphene.style(picture, style, network=network, method="match", steps=1), picture)


def test_pattern(network, picture):
    height, width = picture.shape[-2:]
    made = phosphene.pattern(f"{network.default_layer}:1", network=network, size=(width, height), **QUICK)
    check(made, picture)


def test_a_picture_is_enlarged_before_it_is_dreamt_and_redone_so(tmp_path, monkeypatch):
    images.save(torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(1)), tmp_path / "small.png")
    quick = {"layer": "block3", "octaves": 1, "steps": 1}
    made = phosphene.dream(tmp_path / "small.png", enlarge=2.5, **quick)
    assert made.size == (100, 150)
    assert made.record.input["enlarge"] == 2.5
    made.save(tmp_path / "made.png")
    assert torch.equal(phosphene.redo(tmp_path / "made.png").pixels, made.pixels)
    wide = phosphene.dream(tmp_path / "small.png", long_side=240, **quick)
    assert "--enlarge 4" in " ".join(wide.notes)
    with pytest.raises(SettingsError, match=r"enlarge is 0\.5; it takes a number from 1 to 16"):
        phosphene.dream(tmp_path / "small.png", enlarge=0.5)
    monkeypatch.setattr(images.Picture, "enlarged", None)  # nothing is enlarged before it is refused
    with pytest.raises(OutOfSpaceError, match=r"enlarged 8 times is 480×320 pixels; [^@]*Give --enlarge 5\.5"):
        phosphene.dream(tmp_path / "small.png", enlarge=8, max_pixels=75_000)
