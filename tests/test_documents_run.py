"""Every command and every block of Python in the documents, run."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

from documents import PAGES, REASONS, ROOT, RUN, SHOWN, Block, blocks, called, flags, furnish, plain, unknown_flags
from phosphene.cli import main
from phosphene.filters import library
from phosphene.recipes.fields import Settings
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.recipes.settings import DreamSettings
from phosphene.recipes.style_settings import StyleSettings
from phosphene.reports.atlas import plan

BRIEF = {
    DreamSettings: {"octaves": 2, "steps": 2},
    PatternSettings: {"octaves": 1, "steps": 2},
    StyleSettings: {"scales": 2, "steps": 2},
}
WITH_BLOCKS = [
    pytest.param(page, marks=() if page.name in ("README.md", "first-dream.md") else pytest.mark.slow)
    for page in PAGES
    if any(block.kind in RUN for block in blocks(page))
]
EXTRAS = {  # words, and the package without which what has them is not tried
    "--workers": "distributed",
    "phosphene film ": "av",
    "phosphene zoom ": "av",
    "phosphene.film(": "av",
    "phosphene.zoom(": "av",
    ".mp4": "av",
    "-dream.gif": "av",
}
NO_FORCE = ("resume", "redo", "atlas")
SHELLS_OF = {"sh": "bash", "zsh": "zsh", "fish": "fish"}
LARGEST = 192  # pixels of a canvas or a pattern, whatever a line says


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_block_is_run_or_says_why_not(page):
    for block in blocks(page):
        assert block.kind in (*RUN, *SHOWN), block
        assert block.reason is None or block.reason in REASONS, block
        if block.kind in SHOWN and page.stem != "commands":  # where the lines say how commands are used
            assert not re.search(r"^(phosphene|pip|python) ", block.body, re.MULTILINE), f"{block} is a block of sh"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_flags_exist_also_where_nothing_is_run(page):
    for block in blocks(page):
        for line in block.lines if block.kind == "sh" else ():
            if plain(line):
                assert not unknown_flags(line), line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with pictures, in which dreams are brief, and whose home is nobody's."""
    furnish(tmp_path)
    home = tmp_path / ".home"
    (home / "config" / "phosphene").mkdir(parents=True)
    (home / "config" / "phosphene" / "settings.toml").write_text("octaves = 2\nsteps = 2\n")
    for name, below in (
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("HOME", ""),
    ):
        monkeypatch.setenv(name, str(home / below))
    monkeypatch.setenv("PATH", f"{_program(home)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for of, brief in BRIEF.items():
        monkeypatch.setattr(of.__init__, "__defaults__", _defaults(of, brief))
    monkeypatch.setattr(library, "SIDE", 192)
    for name, value in (("AREA", 96 * 64), ("_SKETCH_SIDE", 64), ("_SKETCH_STEPS", 1)):
        monkeypatch.setattr(plan, name, value)
    return tmp_path


def _program(home: Path) -> Path:
    """A folder with `phosphene` and `python`, as a virtual environment has them."""
    place = home / "bin"
    place.mkdir()
    for name, words in (("phosphene", "-m phosphene"), ("python", "")):
        (place / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n')
        (place / name).chmod(stat.S_IRWXU)
    return place


def _defaults(of: type[Settings], brief: dict[str, int]) -> tuple[object, ...]:
    return tuple(brief.get(entry.name, entry.default) for entry in fields(of))


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_runs(page, folder):
    names: dict[str, object] = {"__name__": "__main__"}
    own = {Path(block.name).stem for block in blocks(page) if block.name}
    assert not own & sys.modules.keys()
    try:
        missing = _run(page, folder, names)
    finally:
        for name in own:
            sys.modules.pop(name, None)
    if missing:
        pytest.skip(f"lines that need {', '.join(sorted(missing))}, which is not installed; all others ran")


def _run(page: Path, folder: Path, names: dict[str, object]) -> set[str]:
    """Runs a page, and gives the packages for want of which some of it was left out."""
    missing: set[str] = set()
    for block in blocks(page):
        if block.name:
            (folder / block.name).write_text(block.body)
        if block.reason or block.kind not in RUN:
            continue
        for part in [block.body] if block.kind == "python" else block.lines:
            if wanted := _missing(part):
                missing |= wanted
            elif block.kind == "python":
                _python(block, names)
            else:
                _shell(part, SHELLS_OF[block.kind])
    return missing


def _missing(text: str) -> set[str]:
    """The packages that a line or a block of Python needs, and that are not there."""
    return {package for words, package in EXTRAS.items() if words in text and not find_spec(package)}


def _python(block: Block, names: dict[str, object]) -> None:
    """Runs a block; what stands behind a print as a comment is what it prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block.body, block.name or "a block", "exec"), names)
    expected = re.findall(r"^print\(.*\)  # (.+)$", block.body, re.MULTILINE)
    assert said.getvalue().splitlines()[: len(expected)] == expected


def _shell(line: str, shell: str) -> None:
    if not shutil.which(shell):  # what the line is about is tried all the same
        line, shell = re.sub(r'eval "\$\((.*)\)"', r"\1", line), "bash"
    if plain(line):
        _ours(shlex.split(line)[1:])
    else:
        options = ["-euo", "pipefail"] if shell == "bash" else []
        done = subprocess.run([shell, *options, "-c", line], capture_output=True, timeout=120)
        assert done.returncode == 0, f"{line}\n{done.stderr.decode()}"


def _smaller(size: re.Match[str]) -> str:
    """A size that takes no time, of the same shape."""
    sides = [int(side) for side in size[0].split("x")]
    return "x".join(str(round(side * min(1, LARGEST / max(sides)))) for side in sides)


def _ours(words: list[str]) -> None:
    """A command of ours, in this process; each line is as if it were the first, so that none finds its file taken."""
    command = called(words)
    words = [re.sub(r"^\d+x\d+$", _smaller, word) for word in words]
    if "--force" in flags(command) and "--force" not in words and command.name not in NO_FORCE:
        words = [*words, "--force"]
    said = io.StringIO()
    with (
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(io.StringIO()),
        pytest.raises(SystemExit) as ended,
    ):
        main.main(words)
    assert ended.value.code == 0, f"phosphene {shlex.join(words)}\n{said.getvalue()}"
