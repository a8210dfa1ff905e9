"""A command of its own process loads less of torch, and makes the same pictures."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import phosphene
from phosphene.startup import loading

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


waits = pytest.mark.skipif(
    not torch.__version__.startswith(loading.TRIED), reason="this release of torch loads everything at once"
)


@pytest.mark.parametrize("tried", [pytest.param(loading.TRIED, marks=waits), "1."])
def test_a_part_of_torch_waits_in_the_releases_that_it_was_tried_in(tried):
    text = f"""
from phosphene.startup import loading
loading.TRIED = {tried!r}
loading.begin()
loading.begin()
{METAS}
print(torch.rand(1, generator=torch.Generator().manual_seed(1)).shape == (1,), metas())
loading.load_all_of_torch()
loading.load_all_of_torch()
print(metas(), torch._meta_registrations.__file__ is not None)
"""
    assert python(text) == ["True", str(tried == "1."), "True", "True"]


ASKS = (
    "from torch._meta_registrations import register_meta",  # as what extends torch may do
    "torch._meta_registrations.register_meta",
    "assert torch.broadcast_shapes((1, 3), (2, 1)) == (2, 3)",
    "torch._decomp.get_decompositions",
)


def test_whoever_asks_for_it_has_it():
    text = f"""
import os
from phosphene.startup import loading
loading.begin()
{METAS}
for ask in {ASKS!r}:
    if os.fork() == 0:
        exec(ask)
        print(metas(), flush=True)
        os._exit(0)
    os.wait()
"""
    assert python(text) == ["True"] * len(ASKS)


def test_threads_that_ask_at_once_all_have_it():
    text = f"""
from concurrent.futures import ThreadPoolExecutor
from phosphene.startup import loading
loading.begin()
{METAS}
def ask(_):
    loading.load_all_of_torch()
    return metas()
with ThreadPoolExecutor(6) as pool:
    print(all(pool.map(ask, range(6))))
"""
    assert python(text) == ["True"]


def test_a_torch_that_has_no_such_need_loads_at_once():
    text = f"""
import sys
from phosphene.startup import loading
sys.modules["torch._opaque_base"] = None
loading.TRIED = ""
loading.begin()
found = loading._PutOff().find_spec
sys.modules["torch"] = type(sys)("torch")
sys.modules["torch"].__version__ = "2.99"
print(found({loading.METAS!r}, None), found("torch.nn", None))
"""
    assert python(text) == ["None", "None"]


def test_the_pinned_torch_is_of_a_release_that_was_tried():
    """Where this fails, the pin has moved: try that release, and let `TRIED` name it."""
    pins = (Path(__file__).parents[1] / "constraints.txt").read_text("utf-8")
    assert f"\ntorch=={loading.TRIED}" in f"\n{pins}"


@waits
def test_a_dream_needs_nothing_of_it_and_ends_loading(tmp_path):
    text = """
import atexit, gc, sys
usual = gc.get_threshold()
def tell():
    print("torch._refs" in sys.modules, gc.get_threshold() == usual, gc.get_freeze_count() > 1000)
atexit.register(tell)
sys.argv = ["phosphene", "clouds", "--size", "64x48", "--octaves", "1", "--steps", "1", "-q"]
from phosphene.__main__ import main
main()
"""
    assert python(text, cwd=tmp_path) == ["False", "True", "True"]


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
