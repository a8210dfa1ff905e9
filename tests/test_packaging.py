"""Files around the program: releases, the container, desktops and file managers."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import phosphene

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "packaging"
sys.path.insert(0, str(FOLDER))
import release  # noqa: E402

sys.path.pop(0)


def test_the_version_stands_alike_everywhere():
    assert set(release.versions().values()) == {phosphene.__version__}


def test_a_release_without_changes_or_with_another_version_is_refused():
    assert release.faults("9.9.9") == [
        f"pyproject.toml says {phosphene.__version__}, not 9.9.9",
        f"src/phosphene/__init__.py says {phosphene.__version__}, not 9.9.9",
        "CHANGELOG.md has no heading: ## 9.9.9",
    ]
    run = subprocess.run([sys.executable, FOLDER / "release.py", "check", "9.9.9"], capture_output=True, text=True)
    assert run.returncode == 1
    assert "CHANGELOG.md" in run.stderr


def test_the_container_copies_what_there_is_and_starts_the_command():
    text = (FOLDER / "Dockerfile").read_text()
    for names in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in names.split():
            assert (ROOT / name).exists(), name
    assert 'ENTRYPOINT ["phosphene"]' in text
    for words in re.findall(r"phosphene (studio .+)$", text, re.MULTILINE):
        flags = re.findall(r"--[\w-]+", words)
        told = subprocess.run([sys.executable, "-m", "phosphene", "studio", "--help"], capture_output=True, text=True)
        assert all(flag.replace("--no-", "--[no-]") in told.stdout or flag in told.stdout for flag in flags)


def test_the_workflow_publishes_without_a_secret():
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text()
    assert "secrets." not in text
    assert "id-token: write" in text
    assert "packaging/release.py check" in text
    assert "twine check" in text


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="needs desktop-file-utils")
def test_the_desktop_file_is_valid():
    subprocess.run(["desktop-file-validate", FOLDER / "phosphene.desktop"], check=True)


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
@pytest.mark.parametrize("name", ["Dream this (Nautilus)", "Dream this (Finder).sh"])
def test_a_file_managers_script_hands_every_picture_on(tmp_path, name):
    for program in ("phosphene", "notify-send", "osascript"):
        script = tmp_path / "bin" / program
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nfor word in "$@"; do echo "{program}: $word" >> {tmp_path}/told; done\n')
        script.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path / "home")}
    subprocess.run(["sh", FOLDER / "file-managers" / name, "a b.jpg", "c.png"], check=True, env=environment)
    told = (tmp_path / "told").read_text().splitlines()
    assert [line for line in told if line.startswith("phosphene")] == [
        "phosphene: --warm", "phosphene: --quiet", "phosphene: a b.jpg", "phosphene: c.png",
    ]  # fmt: skip


def test_no_test_waits_for_a_package_that_is_not_tested_with():
    """It would be skipped for ever, as one was that waited for Plotly long after studies drew without it."""
    called = {"cv2": "opencv_python_headless", "material": "mkdocs_material", "pillow_jxl": "pillow_jxl_plugin"}
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    waited_for = {
        name.split(".")[0]
        for path in Path(__file__).parent.rglob("test_*.py")
        for name in re.findall(r'importorskip\(\s*"([\w.]+)"', path.read_text("utf-8"))
    }
    assert "av" in waited_for
    assert {called.get(name, name) for name in waited_for} <= {name.replace("-", "_") for name in pinned}


def test_what_is_tested_with_runs_on_every_python_that_is_promised():
    """Debian 12 has Python 3.11.2, for which a pin once asked too much."""
    least = re.search(r'^requires-python = ">=([\d.]+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    pinned = (ROOT / "constraints.txt").read_text().splitlines()
    asked = {
        each.name: SpecifierSet(pythons)
        for each in distributions()
        if f"{each.name}=={each.version}" in pinned and (pythons := each.metadata.get("Requires-Python"))
    }
    assert asked
    assert {name: str(pythons) for name, pythons in asked.items() if f"{least[1]}.0" not in pythons} == {}
