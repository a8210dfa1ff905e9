"""The built site in a browser, from the disk: what is searched is found, and nothing is asked of a network."""

import subprocess
import sys

import pytest

from documents import ROOT

pytest.importorskip("mkdocs")
pytest.importorskip("material")
pytest.importorskip("axe_playwright_python", reason="needs the extra `browser`")

from studio_browser import CHROMIUM, chromium

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
PAGES = ("index.html", "reference/commands.html")  # at the root, and below it


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)], cwd=ROOT, check=True
    )
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("name", PAGES)
def test_the_search_finds_in_a_page_that_was_opened_as_a_file(site, browser, name):
    page = browser.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((site / name).as_uri())
    page.get_by_role("textbox", name="Search").click()
    page.keyboard.type("octave_scale")
    page.locator(".md-search-result__item", has_text="Settings").first.wait_for()
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert not said
    page.close()
