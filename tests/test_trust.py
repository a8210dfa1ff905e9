"""What a stranger's files may not do: a record, a journal and a settings file are data, and name no file elsewhere."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import phosphene
from conftest import photograph
from phosphene import images
from phosphene.cli import main
from phosphene.errors import PhospheneError, RecordError
from phosphene.records import record

QUICK = {"octaves": 1, "steps": 1, "layer": "block2"}


@pytest.fixture
def parcel(tmp_path, monkeypatch):
    """A stranger's folder with a picture and its dream; a secret lies above it."""
    Image.open(photograph("china")).resize((96, 64)).save(tmp_path / "photo.png")
    Image.open(photograph("flower")).resize((96, 64)).save(tmp_path / "secret.png")
    folder = tmp_path / "home" / "parcel"
    folder.mkdir(parents=True)
    (tmp_path / "photo.png").rename(folder / "photo.png")
    phosphene.dream(folder / "photo.png", **QUICK).save(folder / "made.png")
    monkeypatch.chdir(folder)
    return folder


def forged(folder, **settings):
    """The dream again, with a record that says something else."""
    made = record.read(folder / "made.png")
    text = replace(made, settings={**made.settings, **settings}).metadata()
    images.save(images.load(folder / "made.png").pixels, folder / "forged.png", metadata=text, overwrite=True)
    return folder / "forged.png"


def outward(folder, way):
    """A name for the secret, in one of many ways."""
    secret = folder.parent.parent / "secret.png"
    if way == "link":
        (folder / "link.png").symlink_to(secret)
    if way == "linked folder":
        (folder / "linked").symlink_to(secret.parent)
    if way == "pipe":
        os.mkfifo(folder / "pipe.png")
    if way == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.png")
    if way == "loop":
        (folder / "loop.png").symlink_to("loop.png")
    return {
        "up": "../../secret.png",
        "down and up": "sub/../../../secret.png",
        "whole": str(secret),
        "link": "link.png",
        "linked folder": "linked/secret.png",
        "pipe": "pipe.png",
        "socket": "socket.png",
        "loop": "loop.png",
        "device": "/dev/zero",
        "drive": "C:\\secret.png",
        "server": "\\\\server\\share\\secret.png",
        "backslashes": "..\\..\\secret.png",
        "nothing": ".",
        "nul": "secret\0.png",
    }[way]


WAYS = (
    "up", "down and up", "whole", "link", "linked folder", "pipe", "socket", "loop", "device", "drive", "server",
    "backslashes", "nothing", "nul",
)  # fmt: skip
FORGED = {
    "guide": lambda name: [name],
    "mask": lambda name: name,
    "region": lambda name: [f"{name}=@ 0.5"],
    "objective": lambda name: f"guide(block2, {name!r})",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("setting", FORGED)
def test_a_record_names_no_picture_elsewhere(parcel, setting, way):
    picture = forged(parcel, **{"layer": None, setting: FORGED[setting](outward(parcel, way))})
    with pytest.raises(PhospheneError):
        phosphene.redo(picture)
    assert CliRunner().invoke(main, ["redo", "forged.png", "-o", "new.png"]).exit_code == 2
    assert not (parcel / "new.png").exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_record_names_no_input_and_no_weights_elsewhere(parcel, way):
    name, made = outward(parcel, way), record.read(parcel / "made.png")
    assert record.beside(parcel, name) is None
    text = replace(made, input={**made.input, "name": name}).metadata()
    images.save(images.load(parcel / "made.png").pixels, parcel / "forged.png", metadata=text)
    with pytest.raises(PhospheneError):
        phosphene.redo("forged.png")


def test_a_record_of_a_style_names_no_picture_elsewhere(parcel):
    phosphene.style("photo.png", "made.png", steps=1, long_side=64).save("styled.png")
    made = record.read("styled.png")
    for setting, value in (("style", ["../../secret.png"]), ("regions", ["made.png", "../../secret.png"])):
        text = replace(made, settings={**made.settings, setting: value}).metadata()
        images.save(images.load("styled.png").pixels, "forged.png", metadata=text, overwrite=True)
        with pytest.raises(RecordError, match="no file in"):
            phosphene.redo("forged.png")
    text = replace(made, input={"canvas": "../../secret.png", "width": 8, "height": 8}).metadata()
    images.save(images.load("styled.png").pixels, "forged.png", metadata=text, overwrite=True)
    with pytest.raises(RecordError, match="canvas"):
        phosphene.redo("forged.png")


def test_a_recorded_picture_may_lie_beneath_the_folder(parcel, monkeypatch):
    (parcel / "sub").mkdir()
    Image.open(parcel / "photo.png").rotate(180).save(parcel / "sub" / "guide.png")
    picture = forged(parcel, guide=["sub/guide.png"])
    monkeypatch.chdir(parcel.parent)
    with_it = phosphene.redo(picture)
    assert with_it.record.pictures.keys() == {"guide.png"}


def test_what_the_user_names_may_lie_anywhere(parcel):
    picture = forged(parcel, guide=["../../secret.png"])
    named = phosphene.redo(picture, guide="../../secret.png")
    assert named.record.pictures.keys() == {"secret.png"}
    result = CliRunner().invoke(main, ["redo", "forged.png", "--guide", "../../secret.png", "-o", "new.png"])
    assert result.exit_code == 0, result.output
    assert torch.equal(phosphene.load("new.png").pixels, (named.pixels * 255).round() / 255)


def test_a_name_that_is_typed_is_not_a_link_beside_the_picture(parcel, monkeypatch):
    (parcel / "guide.png").symlink_to(parcel.parent.parent / "secret.png")
    Image.open(parcel / "photo.png").rotate(180).save(parcel.parent / "guide.png")
    monkeypatch.chdir(parcel.parent)
    made = phosphene.redo(parcel / "made.png", guide="guide.png")
    assert made.record.pictures["guide.png"] == phosphene.load("guide.png").sha256


@given(st.text(st.sampled_from("./\\:aC~\0"), max_size=8))
def test_no_name_leads_out_of_a_folder(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp() / "root"
    (root / "a").mkdir(parents=True, exist_ok=True)
    for folder in (root.parent, root, root / "a"):
        (folder / "aa").write_bytes(b"")
    found = record.beside(root, name)
    assert found is None or (Path(os.path.normpath(found)).is_relative_to(root) and found.is_file())
