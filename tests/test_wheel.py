"""What is installed without the repository: the wheel is built, and run from an empty folder."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="needs hatchling, which builds the wheel")

from hatchling.build import build_sdist, build_wheel

from phosphene import __version__

ROOT = Path(__file__).parents[1]
MOST = 1_500_000  # bytes of the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel's path."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        folder = tmp_path_factory.mktemp("wheel")
        return folder / build_wheel(str(folder))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with what the wheel installs; other packages are those that are here."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


BEGIN = """
import json, sys
from phosphene.__main__ import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["phosphene", *words]
    print("===", *words)
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, words
"""


@pytest.fixture
def run(installed, tmp_path):
    """Runs Python with the installed program in an empty folder; gives what it said."""
    environment = os.environ | {"PYTHONPATH": str(installed), "XDG_DATA_HOME": str(tmp_path / "data")}

    def run(text, *words):
        told = subprocess.run(
            [sys.executable, "-c", text, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert told.returncode == 0, told.stderr
        return told.stdout

    run.folder = tmp_path
    return run


def test_it_is_the_wheel_that_runs(run, installed):
    assert run("import phosphene; print(phosphene.__file__)").startswith(str(installed))
    assert __version__ in run(BEGIN, '[["--version"]]')


def test_pictures_are_made(run):
    small = "--octaves 1 --steps 2 -q"
    lines = (
        f"clouds --size 64x48 {small}",
        f"clouds-dream.png --guide dahlias {small} -o guided.png",
        "style guided.png --filter woodcut --steps 2 --scales 1 -q -o ink.png",
        "redo guided.png -q -o again.png",
        "pattern block8:37 --size 48 --steps 2 -q -o p.png",
    )
    for together in (lines[:2], lines[2:3], lines[3:]):  # a style and a redo in processes of their own
        run(BEGIN, json.dumps([line.split() for line in together]))
    assert {"guided.png", "ink.png", "p.png", "again.png"} <= {each.name for each in run.folder.iterdir()}


def test_what_there_is_is_told(run):
    commands = ("filters", "presets", "looks", "layers", "networks", "completion bash")
    _, *told = run(BEGIN, json.dumps([command.split() for command in commands])).split("=== ")
    assert len(told) == len(commands)
    assert all(len(each) > 100 for each in told)


def test_the_studios_page_is_there(run):
    ask = (
        "from pathlib import Path\n"
        "from starlette.testclient import TestClient\n"
        "from phosphene.sessions.service import Studio\n"
        "from phosphene.studio import guard, server\n"
        "studio = Studio(Path('studio'))\n"
        "client = TestClient(server.app(studio, guard.Tokens('t' * 32), port=8000), base_url='http://127.0.0.1:8000')\n"
        "auth = {'Authorization': 'Bearer ' + 't' * 32}\n"
        "print([client.get(p, headers=auth).status_code for p in ('/', '/static/main.js', '/api/looks')])\n"
        "studio.close()\n"
    )
    assert run(ask).strip() == "[200, 200, 200]"


def test_it_holds_the_program_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"phosphene", f"phosphene-{__version__}.dist-info"}
    assert wheel.stat().st_size < MOST
    kinds = {Path(name).suffix for name in names}
    assert kinds <= {".py", ".toml", ".css", ".js", ".html", ".svg", ".txt", ".typed", ".desktop", ""}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_its_pages_name_no_file_of_the_repository(installed):
    """Whoever has installed it has no folder `docs`: what a person is told must not send there."""
    for path in installed.glob("phosphene/**/*.py"):
        for text in re.findall(r'(?<!")f?"[^"\n]+docs/[^"\n]*\.md[^"\n]*"', path.read_text("utf-8")):
            raise AssertionError(f"{path.name}: {text}")


def test_the_same_sources_make_the_same_files(wheel, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for build in (build_wheel, build_sdist):
        sums = []
        for number in range(2):
            folder = tmp_path / f"{build.__name__}{number}"
            folder.mkdir()
            sums.append(hashlib.sha256((folder / build(str(folder))).read_bytes()).hexdigest())
        assert sums[0] == sums[1]
