"""The built site in a browser, from the disk: what is searched is found, and nothing is asked of a network."""

import shutil
import subprocess
import sys

import pytest

from documents import ROOT

pytest.importorskip("mkdocs")
pytest.importorskip("material")
playwright = pytest.importorskip("playwright.sync_api")

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
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
    chromium = shutil.which("chromium") or pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


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
