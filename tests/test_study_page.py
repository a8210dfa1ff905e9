"""The report of a study in a real browser: one zoom for all, flicker, wipe, difference, tables that sort."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
pytest.importorskip("axe_playwright_python", reason="needs the extra `browser`")

from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from conftest import tiny
from phosphene.reports.study.build import study
from studio_browser import CHROMIUM, THEMES, chromium

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    Image.fromarray(noise).resize((240, 160)).save(folder / "photo.png")
    vary = {"jitter": [0, 4], "octaves": [1, 2]}
    return study(folder / "photo.png", vary, folder / "report", network=tiny(), steps=3, octaves=3, strength=4)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, report):
    """The report, whose console must stay silent."""
    page, said = browser.new_page(viewport={"width": 1200, "height": 900}), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or said.append(request.url))
    page.goto(report.page.as_uri())
    yield page
    page.close()
    assert said == []


def parts(page):
    """What part of its picture each frame shows: left, top and width, in widths of the picture."""
    return page.evaluate(
        """() => Array.from(document.querySelectorAll(".frame")).filter((frame) => frame.clientWidth).map((frame) => {
          const [box, shown] = [frame, frame.querySelector("img")].map((each) => each.getBoundingClientRect());
          return [box.left - shown.left, box.top - shown.top, box.width].map((side) => side / shown.width);
        })"""
    )


def shown(page):
    """The pixels of the first frame."""
    import io

    page.mouse.move(0, 0)
    return np.asarray(Image.open(io.BytesIO(page.locator("#one").screenshot())).convert("RGB")).astype(float)


def test_all_pictures_move_as_one(page):
    assert len(parts(page)) == 2 + 2 + 4
    frame = page.locator(".card .frame").nth(2)
    frame.scroll_into_view_if_needed()
    frame.dblclick()
    zoomed = parts(page)
    assert zoomed[0][2] < 0.6
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 90, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 45, steps=3)
    page.mouse.up()
    moved = parts(page)
    assert moved[0][0] > zoomed[0][0] + 0.01
    for found in (zoomed, moved):
        assert np.ptp(np.array(found), axis=0).max() < 0.01
    page.locator("#fit").click()
    assert np.allclose(parts(page), [0, 0, 1], atol=0.01)


def test_keys_zoom_and_pan(page):
    page.locator("#one").focus()
    for key in ("+", "+", "ArrowRight"):
        page.keyboard.press(key)
    left, _, width = parts(page)[0]
    assert width == pytest.approx(1 / 1.25**2, abs=0.01)
    assert left > (1 - width) / 2
    page.keyboard.press("1")
    assert page.locator("#scale").inner_text() in ("fit", "100 %")
    page.keyboard.press("0")
    assert page.locator("#scale").inner_text() == "fit"


def test_space_flickers(page):
    page.locator("#a").select_option(label="the photograph")
    page.locator("#b").select_option(label="baseline")
    page.locator("#one").focus()
    page.get_by_text("Flicker").click()
    first = shown(page)
    page.locator("#one").focus()
    page.keyboard.down(" ")
    assert page.locator("#said-one").inner_text() == "B: baseline"
    second = shown(page)
    page.keyboard.up(" ")
    assert np.abs(first - second).mean() > 2
    assert page.locator("#said-one").inner_text() == "A: the photograph"
    page.locator("#swap").click()
    assert np.abs(shown(page) - second).mean() < 1


def test_the_wipe_shows_both(page):
    page.locator("#a").select_option(label="the photograph")
    page.locator("#b").select_option(label="baseline")
    page.get_by_text("Flicker").click()
    first = shown(page)
    page.get_by_text("Wipe").click()
    half = shown(page)
    change = np.abs(half - first)[4:-4, 4:-4]  # where a frame ends within a pixel, that depends on where it stands
    width = change.shape[1]
    assert change[:, : width // 2 - 4].mean() > 2
    assert change[:, width // 2 + 4 :].mean() < 0.1


def test_a_difference_is_grey_where_there_is_none(page):
    page.get_by_text("Difference", exact=True).click()
    page.locator("#a").select_option(label="baseline")
    page.locator("#b").select_option(label="baseline")
    away = np.abs(shown(page)[20:-20, 20:-20] - 128)
    assert away.mean() < 6  # a difference is halved, rounded, scaled, and magnified eight times
    assert away.max() <= 40
    page.locator("#b").select_option(label="the photograph")
    assert np.abs(shown(page)[20:-20, 20:-20] - 128).mean() > 10


def test_one_picture_in_the_place_of_all(page):
    frame = page.locator(".card .frame").nth(3)
    frame.scroll_into_view_if_needed()
    before = frame.screenshot()
    button = page.get_by_role("button", name="Hold to see the photograph everywhere")
    button.focus()
    page.keyboard.down("Enter")
    during = frame.screenshot()
    page.keyboard.up("Enter")
    assert during != before
    page.get_by_text("Change against the photograph").click()
    assert frame.screenshot() not in (before, during)


def test_the_table_sorts(page):
    head = page.get_by_role("button", name="faithfulness")
    column = (
        "Array.from(document.querySelectorAll('#table tbody tr')).map((row) => Number(row.children[6].dataset.value))"
    )
    head.click()
    values = page.evaluate(column)
    assert values == sorted(values)
    head.click()
    assert page.evaluate(column) == sorted(values, reverse=True)
    assert page.locator("th[aria-sort=descending]").count() == 1


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [390, 1200])
def test_nobody_is_barred(browser, report, theme, width):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(report.page.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response["violations"]
    context.close()
    assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == []
