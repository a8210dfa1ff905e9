"""A command of its own process loads less of torch, and makes the same pictures."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import phosphene
from phosphene import startup

METAS = """
import torch
def metas():
    try:
        torch.nn.functional.layer_norm(torch.empty(3, 4, device="meta"), (4,))
    except NotImplementedError:
        return False
    return True
"""


def python(text, **more):
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60, **more
    ).stdout.split()


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["a.png", "--octaves", "2", "--steps", "2"], lambda: phosphene.dream("a.png", octaves=2, steps=2)),
        (
            ["style", "a.png", "b.png", "--scales", "2", "--steps", "2", "--semantics", "0"],
            lambda: phosphene.style("a.png", "b.png", scales=2, steps=2, semantics=0.0),
        ),
        (
            ["pattern", "block8:37", "--size", "64x48", "--octaves", "1", "--steps", "2"],
            lambda: phosphene.pattern("block8:37", size=(64, 48), octaves=1, steps=2),
        ),
    ],
    ids=["dream", "style", "pattern"],
)
def test_the_picture_is_the_one_that_python_makes(tmp_path, monkeypatch, words, call):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (60, 80, 3), np.uint8)).save(name)
    subprocess.run(
        [sys.executable, "-m", "phosphene", *words, "-o", "made.png", "-q", "--threads", "1"], check=True, timeout=60
    )
    call().save("python.png")
    made, in_python = (np.asarray(Image.open(name)) for name in ("made.png", "python.png"))
    assert np.array_equal(made, in_python)


@pytest.mark.parametrize(("tried", "at_once"), [(startup.TRIED, "False"), ("1.", "True")])
def test_a_part_of_torch_waits_in_the_releases_that_it_was_tried_in(tried, at_once):
    text = f"""
from phosphene import startup
startup.TRIED = {tried!r}
startup.begin()
{METAS}
print(torch.rand(1, generator=torch.Generator().manual_seed(1)).shape == (1,), metas())
startup.load_all_of_torch()
startup.load_all_of_torch()
print(metas(), torch._meta_registrations.__file__ is not None)
"""
    assert python(text) == ["True", at_once, "True", "True"]


def test_torch_is_of_a_release_that_was_tried():
    """Where this fails, the pin has moved: try that release, and let `TRIED` name it."""
    import torch

    assert torch.__version__.startswith(startup.TRIED)


def test_a_network_of_ones_own_finds_all_of_torch(tmp_path):
    Image.new("RGB", (64, 48), (90, 120, 160)).save(tmp_path / "a.png")
    (tmp_path / "net.py").write_text(
        f"{METAS}\ndef net():\n    print(metas())\n"
        "    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU())\n"
    )
    words = ["a.png", "--model", "net.py:net", "--weights", "random", "--layer", "1", "-q"]
    words += ["--octaves", "1", "--steps", "1"]
    told = subprocess.run(
        [sys.executable, "-m", "phosphene", *words], cwd=tmp_path, env=os.environ, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert (told.returncode, told.stdout.split()[:1]) == (0, ["True"]), told.stderr


def test_garbage_is_collected_as_usual_once_all_is_loaded():
    text = """
import gc
from phosphene import startup
usual = gc.get_threshold()
startup.begin()
print(gc.get_threshold()[0] == startup.LOADING)
startup.end()
print(gc.get_threshold() == usual, gc.get_freeze_count() > 1000)
"""
    assert python(text) == ["True", "True", "True"]
