"""The plug-in in the real Krita, on a screen that nobody sees; passed over where Krita or Xvfb is not installed."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import conftest
from test_warm import serving

KRITA, XVFB = shutil.which("krita"), shutil.which("Xvfb")
HERE = Path(__file__).parent
PATIENCE = 150

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    if not KRITA or not XVFB:
        pytest.skip("needs Krita and Xvfb")
    folder = tmp_path_factory.mktemp("krita")
    Image.open(conftest.photograph("china")).resize((320, 213)).save(folder / "photo.png")
    environment = os.environ | {
        "HOME": str(folder),
        "PATH": "/usr/bin:/bin",  # Krita takes the first Python there
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "PHOSPHENE_SESSION": str(folder),
        "DISPLAY": ":77",
        "QT_QPA_PLATFORM": "xcb",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "OMP_NUM_THREADS": "1",
    }
    (folder / "run").mkdir(mode=0o700)
    (folder / "config").mkdir()
    enabled = "[python]\nenable_phosphene_krita=true\nenable_krita_session=true\n"
    (folder / "config" / "kritarc").write_text(enabled)
    subprocess.run([sys.executable, "-m", "phosphene", "plugins", "krita"], check=True, env=environment)
    plugins = folder / "data" / "krita" / "pykrita"
    shutil.copytree(HERE / "krita_session", plugins / "krita_session", ignore=shutil.ignore_patterns("*.desktop"))
    shutil.copy(HERE / "krita_session" / "krita_session.desktop", plugins)
    screen = subprocess.Popen([XVFB, ":77", "-screen", "0", "1400x900x24"], stderr=subprocess.DEVNULL)
    with (folder / "said.txt").open("w") as said:
        krita = subprocess.Popen([KRITA, "--nosplash"], env=environment, stdout=said, stderr=said)
        try:
            end = time.monotonic() + PATIENCE
            while not (folder / "told.json").exists():
                assert krita.poll() is None or (folder / "told.json").exists(), (folder / "said.txt").read_text()[
                    -3000:
                ]
                assert time.monotonic() < end, (folder / "said.txt").read_text()[-3000:]
                time.sleep(0.3)
            krita.wait(30)
        finally:
            for process in (krita, screen):
                process.kill()
                process.wait()
            for each in serving(folder / "run"):  # the plug-in asked for a warm process
                each.terminate()
    told = json.loads((folder / "told.json").read_text())
    assert "fault" not in told, told["fault"]
    told["folder"] = folder
    return told


def pixels(told, about):
    data = np.frombuffer((told["folder"] / about["file"]).read_bytes(), np.uint8)
    return data.reshape(about["height"], about["width"], 4)[..., [2, 1, 0, 3]]


def photograph(told):
    return np.asarray(Image.open(told["folder"] / "photo.png").convert("RGB")).astype(int)


def test_a_layer_is_dreamt_onto_a_new_one(told):
    made = pixels(told, told["layer"])
    assert told["layer"]["name"] == "Dream: coils"
    assert told["words"] == ""
    assert told["progress"] == sorted(told["progress"])
    assert max(told["progress"]) > 100  # of a thousand
    assert (made[..., 3] == 255).all()
    assert 4 < np.abs(made[..., :3].astype(int) - photograph(told)).mean() < 80
    assert told["kept"]  # the layer itself is as it was


def test_a_selection_is_dreamt_alone(told):
    made = pixels(told, told["selection"])
    inside = np.zeros(made.shape[:2], bool)
    inside[30:110, 40:160] = True
    assert ((made[..., 3] > 0) == inside).all()
    assert np.abs(made[inside][:, :3].astype(int) - photograph(told)[inside]).mean() > 3


def test_cancelling_ends_it(told):
    assert told["cancelled"] in ("Style: woodcut", "Cancelled before there was anything.")


def test_guides_and_looks_are_those_of_the_program(told):
    assert told["looks"]["Dream"] == 20
    assert told["looks"]["Style"] == 12
    assert told["guide"]["name"] == "Guide: feathers"
    assert told["guide"]["covered"] == told["guide"]["width"] * told["guide"]["height"]
