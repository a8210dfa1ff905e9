"""What the documents say, held against the program."""

import importlib.util
import re
import sys
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

import phosphene
from documents import PAGES, ROOT, flags, inline, pictures, prose, unknown_flags
from phosphene.cli import main
from phosphene.recipes.fields import described
from phosphene.recipes.settings import PRESETS, RECIPES, settings

PICTURES = ROOT / "docs" / "pictures"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def made(name):
    """A program of the documents, as a module."""
    place = ROOT / "docs" / name
    spec = importlib.util.spec_from_file_location(place.stem, place)
    module = importlib.util.module_from_spec(spec)
    sys.modules[place.stem] = module
    spec.loader.exec_module(module)
    return module


def anchors(page):
    """What a link may lead to in a page: its headings, as sites write them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    said = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in said}


@every_page
def test_links_lead_somewhere(page):
    for link in LINK.findall(prose(page)):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if link.startswith(("http:", "https:")):
            assert urlsplit(link).hostname, link
            continue
        assert target.exists(), link
        if anchor and "<!-- here:" not in target.read_text("utf-8"):  # what is written there, the site's builder checks
            assert anchor in anchors(target), link


@every_page
def test_pictures_are_there_and_have_words(page):
    for words, name in pictures(page):
        assert (page.parent / name).is_file(), name
        assert len(words) > 10, f"{name} wants words for those who do not see it"


def test_every_picture_is_made_and_shown():
    claimed = [name for _, names in made("make.py").MAKERS.values() for name in names]
    shown = {Path(name).name for page in PAGES for _, name in pictures(page)}
    there = {path.name for path in PICTURES.iterdir()}
    spoken = {name for name in there for page in PAGES if f"docs/pictures/{name}" in page.read_text("utf-8")}
    assert sorted(claimed) == sorted(there)
    assert there <= shown | spoken


def test_every_maker_is_there():
    for command, _ in made("make.py").MAKERS.values():
        assert (ROOT / command.split()[0]).is_file(), command


@every_page
def test_programs_that_are_named_are_there(page):
    for name in re.findall(r"python ((?:docs|benchmarks)/[\w/]+\.py)", page.read_text("utf-8")):
        assert (ROOT / name).is_file(), name


@every_page
def test_flags_in_sentences_exist(page):
    for line in inline(page):
        if line.count("'") % 2 == line.count('"') % 2 == 0:
            assert not unknown_flags(line), line


def test_the_reference_has_everything():
    reference = made("makers/reference.py")
    commands, written = reference.commands(), reference.settings()
    for path, command in reference.walk(main, "phosphene"):
        assert f"\n## {path}\n" in f"\n{commands}"
        for flag in flags(command) - {"-h", "--help", "--debug"}:
            assert flag in commands, flag
    for of in reference.recipes_of(reference.Settings):
        assert f"## {of.__name__}" in written
        for name in of.names():
            assert f"| `{name}` |" in written, name
    assert {f"::: phosphene.{name}" for name in phosphene.__all__} == set(reference.docstrings().split("\n\n"))
    assert all(f"| `{name}` |" in reference.names() for name in phosphene.__all__)
    assert "| `strength` | a number, 0 to 100 | `1.0` |" in written  # and not `yes`
    for name in (*PRESETS, *RECIPES):
        assert f"| `{name}` |" in reference.presets()


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "reference").glob("*.md")), ids=lambda page: page.stem)
def test_the_reference_is_as_the_program_says(page):
    """It can be read without the site; `python docs/makers/reference.py` writes it."""
    if page.stem == "python":
        pytest.importorskip("av", reason="the names of films have their docstrings with the extra `film`")
    text = page.read_text("utf-8")
    assert "the site shows it" not in text
    assert made("makers/reference.py").filled(text) == text


def every_default():
    reference = made("makers/reference.py")
    for of in reference.recipes_of(reference.Settings):
        for entry in described(of).values():
            if entry.default not in (None, (), False) or entry.because:
                yield pytest.param(entry, id=f"{of.__name__}.{entry.name}")


@pytest.mark.parametrize("entry", list(every_default()))
def test_defaults_are_justified_where_they_say(entry):
    reason = entry.because
    assert reason
    for page in re.findall(r"[\w-]+/[\w-]+\.md", reason):
        assert f"--{entry.name.replace('_', '-')}" in (ROOT / "docs" / page).read_text("utf-8"), page


def test_the_reference_says_what_help_says():
    reference = made("makers/reference.py")
    text = " ".join(reference.commands().replace("\\", "").split())
    for path, command in reference.walk(main, "phosphene"):
        for param in command.get_params(click.Context(command)):
            about = " ".join((getattr(param, "help", None) or "").split())
            assert about.replace("`", "") in text.replace("`", ""), f"{path} {param.name}"


def test_the_site_is_built_and_asks_nothing_of_a_network(tmp_path, monkeypatch):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    import subprocess

    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text("utf-8")
        assert not re.findall(r"<(?:script|img|iframe)[^>]+src=\"?(?:https?:)?//", text), page
        assert not re.findall(r"<link[^>]+href=\"?(?:https?:)?//[^>]+stylesheet", text), page
    assert not list(tmp_path.rglob("*.py"))
    python = (tmp_path / "reference" / "python.html").read_text("utf-8")
    assert all(f'id="phosphene.{name}"' in python for name in phosphene.__all__)


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
    assert "-c constraints.txt -e '.[dev]'" in readme
    assert "-c constraints.txt -e" in ci
    assert "\ninstall '.[dev]'\n" in ci


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


def test_every_claim_of_security_names_a_test_that_is_there():
    said = (ROOT / "docs" / "explanation" / "security.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", said)) - {"test_documents"}
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }
    assert len(named) > 20
    assert not named - there


NOT_UNDERSTOOD = (  # by a reader of the documents, the page and the command line
    "used by itself where",
    "kept by itself",
    "no address outside",
    "Places go together by what they are",
    "dreamt again skips",
    "you know better?",
    "are to be found again in the dream",
    "looks at your picture first",
    "It is tried again; nothing",
    "Single keys act",
    'Go on with"',
    "It has grown",
    "Half grown",
    "How fast the dream grows",
    "Read are:",
    "no run record inside",
    "calmest texture",
)


@pytest.mark.parametrize("words", NOT_UNDERSTOOD)
def test_sentences_that_nobody_understood_do_not_come_back(words):
    said = [page.read_text("utf-8") for page in PAGES]
    kinds = ("*.py", "*.js", "*.html")
    said += [path.read_text("utf-8") for kind in kinds for path in (ROOT / "src").rglob(kind)]
    assert not [text[:60] for text in said if words in " ".join(text.split())]
