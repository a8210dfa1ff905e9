"""What the documents say, held against the program."""

import re
from itertools import chain
from pathlib import Path

import click
import pytest

from phosphene.cli import main
from phosphene.recipes.settings import PRESETS, RECIPES, settings

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
        if not link.startswith("http"):
            assert (document.parent / link).exists(), link


def flags(command: click.Command) -> set[str]:
    """Every flag of a command, and of those below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = {
        flag
        for param in command.params
        if isinstance(param, click.Option)
        for flag in (*param.opts, *param.secondary_opts)
    }
    return own.union(*map(flags, below))


def test_the_readmes_flags_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    known = {"--help", *flags(main)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= known


def test_the_readmes_presets_and_recipes_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    assert set(re.findall(r"--preset (\w+)", text)) <= set(PRESETS)
    assert set(re.findall(r"--recipe (\w+)", text)) <= set(RECIPES)


def test_the_readmes_settings_are_possible():
    import tomllib

    text = (ROOT / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    settings(**tomllib.loads(example))


def test_ci_calls_the_readmes_test_command():
    readme = (ROOT / "README.md").read_text("utf-8")
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "python -m pytest\n" in readme.replace(".venv/bin/", "")
    assert "\npython -m pytest\n" in ci
    for text in (readme, ci):
        assert "-c constraints.txt -e '.[dev]'" in text


def test_constraints_pin_every_dependency():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    names = {re.split(r"[<>=\[]", entry)[0].lower() for entry in wanted}
    assert names <= pinned
