"""The studio as a painter meets it: a real server, a real browser, a mouse, a keyboard."""

from __future__ import annotations

import re
import signal
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
pytest.importorskip("axe_playwright_python", reason="needs the extra `browser`")

from PIL import Image
from playwright.sync_api import expect

import phosphene
from phosphene.records import record
from studio_browser import CHROMIUM, PATIENCE, chromium, far_from, painting, serving, small

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
WAY = [(50.0, 40.0), (110.0, 50.0), (130.0, 90.0)]  # in pixels of the view


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("studio")) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    expect.set_options(timeout=PATIENCE * 1000)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def china(tmp_path_factory):
    return small("china", tmp_path_factory.mktemp("photographs"), (192, 128))


@pytest.fixture(scope="module")
def flower(tmp_path_factory):
    return small("flower", tmp_path_factory.mktemp("photographs"), (120, 80))


@pytest.fixture
def painter(browser, server):
    with painting(browser, server) as painter:
        yield painter


@pytest.fixture
def easel(painter, china):
    """A painter whose photograph has dreamt."""
    painter.open(china)
    return painter


@pytest.fixture(scope="module")
def dreamt(browser, server, china):
    """A picture that has dreamt, by its address; whoever looks at it leaves it as it is."""
    with painting(browser, server) as painter:
        painter.open(china)
        picture, ground = painter.page.url.partition("#")[2], painter.ground()
    yield picture
    with painting(browser, server) as painter:
        painter.go_to(picture)
        assert (painter.ask("")["strokes"], painter.ground()) == (0, ground)


@pytest.fixture
def looker(painter, dreamt):
    """A painter before a picture that others look at as well: nothing is to be changed in it."""
    painter.go_to(dreamt)
    return painter


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`[h, w]`, 0..255."""
    return np.abs(a.astype(int) - b.astype(int)).mean(-1)


def smaller_brush(painter, presses: int = 9) -> float:
    """Makes the brush smaller by its key; gives its radius."""
    for _ in range(presses):
        painter.page.keyboard.press("[")
    return 70 / 1.12**presses


def test_a_dropped_photograph_dreams_and_is_painted_on_with_all_that_moves(browser, server, china):
    with painting(browser, server, reduced_motion="no-preference") as painter:
        painter.drop(china, on="#start")
        expect(painter.page.locator("#painting")).to_have_attribute("data-ready", "true")
        expect(painter.page.locator("#drop-veil")).to_be_hidden()
        photograph = painter.picture("photograph.webp")
        painter.until(lambda: difference(painter.shown(), photograph).mean() > 2, "the dream is seen")
        assert difference(painter.settle(), photograph).mean() > 5
        assert painter.ask("")["name"] == "china.jpg"
        painter.press(WAY)
        painter.settle(strokes=1)


def test_a_chosen_photograph_dreams(painter, china):
    with painter.page.expect_file_chooser() as chooser:
        painter.page.get_by_role("button", name="Choose a photograph").click()
    chooser.value.set_files(china)
    expect(painter.page.locator("#painting")).to_have_attribute("data-ready", "true")
    assert difference(painter.settle(), painter.picture("photograph.webp")).mean() > 5


def test_a_preset_is_tried_on_this_picture_and_chosen(easel):
    before = easel.shown()
    tile = easel.page.get_by_role("button", name="beasts", exact=True)
    expect(tile.locator(".thumb")).not_to_have_class(re.compile("waiting|missing"))
    tried, photograph = easel.picture("thumbnails/preset-beasts.webp"), easel.picture("photograph.webp")
    assert resembles(tried, photograph)
    tile.click()
    expect(tile).to_have_attribute("aria-pressed", "true")
    easel.until(lambda: easel.ground().get("preset") == "beasts", "the ground is chosen")
    assert difference(easel.settle(), before).mean() > 3


def resembles(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two pictures are of the same thing, looked at from far."""

    def coarse(picture: np.ndarray) -> np.ndarray:
        grey = picture.mean(-1)
        return np.array([part.mean() for row in np.array_split(grey, 8) for part in np.array_split(row, 12, axis=1)])

    return bool(np.corrcoef(coarse(a), coarse(b))[0, 1] > 0.9)


def test_a_stroke_changes_its_place_alone(easel):
    expect(easel.page.locator("#paint-hint")).to_be_visible()  # until somebody has painted
    radius, before = smaller_brush(easel), easel.shown()
    easel.press(WAY)
    after = easel.settle(strokes=1)
    expect(easel.page.locator("#paint-hint")).to_be_hidden()
    away = far_from(WAY, before.shape)
    assert np.array_equal(after[away > radius + 0.5], before[away > radius + 0.5])
    assert difference(after, before)[away < radius / 2].mean() > 3


def test_the_brush_paints_inside_what_is_selected(easel):
    """A click takes the region under it; what is outside stays as it is, to the last bit. Escape ends it."""
    page, before = easel.page, easel.settle()
    page.keyboard.press("s")
    page.mouse.click(*easel.client(60, 12))
    expect(page.locator("#selection-bar")).to_be_visible()
    inside = easel.picture("segments.webp")[..., 0]
    region = inside == inside[12, 60]
    assert 0.05 < region.mean() < 0.9
    page.keyboard.press("b")
    ways = [(60.0, 20.0), (150.0, 120.0)]
    easel.press(ways)
    changed = difference(easel.settle(strokes=1), before) > 0
    border = far_from_region(region)
    assert not changed[border].any()
    assert changed[region].any()
    page.keyboard.press("Escape")
    expect(page.locator("#selection-bar")).to_be_hidden()
    page.keyboard.press("s")
    easel.press([(20.0, 20.0), (60.0, 20.0), (60.0, 60.0), (20.0, 60.0)])
    page.get_by_role("button", name="Invert").click()
    page.keyboard.press("b")
    before = easel.shown()
    easel.press([(40.0, 40.0), (100.0, 40.0)])
    changed = difference(easel.settle(strokes=2), before) > 0
    assert not changed[24:56, 24:56].any()
    assert changed[24:56, 70:100].any()


def far_from_region(region: np.ndarray, margin: int = 10) -> np.ndarray:
    """What is outside of a region and not at its border, where it is soft."""
    grown = region.copy()
    for _ in range(margin):
        padded = np.pad(grown, 1, mode="edge")
        grown = padded[1:-1, 1:-1] | padded[2:, 1:-1] | padded[:-2, 1:-1] | padded[1:-1, 2:] | padded[1:-1, :-2]
    return ~grown


def test_a_mirrored_stroke_is_painted_on_both_sides(easel):
    before = easel.settle()
    smaller_brush(easel)
    easel.page.get_by_role("button", name="Brush options").click()
    easel.page.get_by_label("Mirror left and right").check()
    easel.page.keyboard.press("Escape")
    easel.press([(40.0, 60.0)])
    changed = difference(easel.settle(strokes=1), before)
    width = before.shape[1]
    assert changed[55:65, 35:45].mean() > 1
    assert changed[55:65, width - 45 : width - 35].mean() > 1
    assert changed[:, width // 2 - 10 : width // 2 + 10].max() == 0


def test_who_zooms_in_sees_it_sharper_than_it_was_painted(painter, tmp_path):
    painter.open(small("china", tmp_path, (1800, 120)))  # of which the view has 1024 pixels
    page, closeup = painter.page, painter.page.locator("#closeup")
    before = painter.shown()
    expect(closeup).to_be_hidden()
    page.keyboard.press("1")
    expect(closeup).to_be_visible()
    wide = "document.getElementById('closeup').width / parseFloat(document.getElementById('closeup').style.width)"
    painter.until(lambda: page.evaluate(wide) > 1.7, "it is as sharp as the photograph")
    assert np.array_equal(painter.shown(), before)
    middle = painter.shown().shape[1] / 2, painter.shown().shape[0] / 2
    painter.press([middle])
    clear = """(() => {
      const shown = document.getElementById("closeup");
      const copy = new OffscreenCanvas(shown.width, shown.height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(shown, 0, 0);
      const { data } = copy.getImageData(0, 0, shown.width, shown.height);
      return data.some((value, index) => index % 4 === 3 && value === 0);
    })()"""
    painter.until(lambda: page.evaluate(clear), "the stroke is seen as it is painted")
    painter.until(lambda: not page.evaluate(clear), "and is sharpened")
    page.keyboard.press("0")
    expect(closeup).to_be_hidden()


def test_a_held_brush_goes_on_dreaming(looker):
    smaller_brush(looker)
    before, frames = looker.shown(), []
    looker.page.mouse.move(*looker.client(*WAY[0]))
    looker.page.mouse.down()
    for _ in range(2):
        seen = frames[-1] if frames else before
        looker.until(lambda seen=seen: not np.array_equal(looker.shown(), seen), "it goes on")
        frames.append(looker.shown())
    looker.page.keyboard.press("Escape")
    looker.page.mouse.up()
    looker.until(lambda: np.array_equal(looker.shown(), before), "Escape takes the stroke back")
    assert looker.ask("")["strokes"] == 0


def test_undo_and_redo_bring_back_the_exact_pixels(easel):
    before = easel.shown()
    easel.press(WAY)
    after = easel.settle(strokes=1)
    easel.page.get_by_role("button", name="Undo").click()
    assert np.array_equal(easel.settle(strokes=0), before)
    easel.page.get_by_role("button", name="Redo").click()
    assert np.array_equal(easel.settle(strokes=1), after)
    easel.page.keyboard.press("Control+z")
    easel.settle(strokes=0)
    easel.page.keyboard.press("Control+z")
    easel.until(lambda: not easel.ground(), "the photograph is bare")
    assert np.array_equal(easel.settle(strokes=0), easel.picture("photograph.webp"))
    easel.page.keyboard.press("Control+y")
    easel.until(lambda: easel.ground(), "the dream is back")
    assert np.array_equal(easel.settle(strokes=0), before)


def test_the_eraser_brings_the_photograph_back(easel):
    radius, before, photograph = smaller_brush(easel), easel.shown(), easel.picture("photograph.webp")
    easel.page.get_by_role("button", name="Eraser").click()
    easel.press(WAY, hold=1200)
    after = easel.settle(strokes=1)
    inside = far_from(WAY[-1:], before.shape) < radius / 3
    assert difference(after, photograph)[inside].mean() < 0.2 * difference(before, photograph)[inside].mean()


def test_a_guides_layers_are_ranked_and_chosen(easel, flower):
    page = easel.page
    page.get_by_role("tab", name="Guide").click()
    page.set_input_files("#guide-file", flower)
    easel.until(lambda: easel.ground().get("reference"), "the guide is the ground")
    guided = easel.settle()
    page.get_by_role("button", name="Rank layers").click()
    layers = page.get_by_role("list", name="Layers, best first").get_by_role("button")
    expect(layers.nth(1)).to_be_visible()
    chosen = layers.nth(layers.count() - 1)
    layer = chosen.locator(".row-name").inner_text()
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    easel.until(lambda: easel.ground().get("layer") == layer, "the layer is the ground's")
    assert not np.array_equal(easel.settle(), guided)


def test_a_dropped_looks_file_is_the_brushs_and_kept(looker, tmp_path):
    page, look = looker.page, tmp_path / "Night sea.toml"
    look.write_text('[look]\nabout = "waves"\n[dream]\nlayer = "block5"\ncolour = "tint"\n')
    looker.drop(look, on="#painting", type="application/toml")
    expect(page.locator("#toasts")).to_contain_text("night-sea is kept among yours")
    expect(page.locator("#brush-look strong")).to_have_text("lace")  # which is the layer in its own words
    page.reload()
    page.locator("#painting[data-ready]").wait_for()
    page.locator("#brush-look").click()
    page.locator("#picker").get_by_role("radio", name="Yours").check(force=True)
    own = page.locator("#picker").get_by_role("button", name="night-sea")
    expect(own.locator(".thumb")).to_have_class("thumb")
    assert own.get_attribute("title") == "waves"
    expect(own).to_have_attribute("aria-pressed", "true")
    look.write_text("[dream]\nlayer = 8\n")
    page.keyboard.press("Escape")
    looker.foresee("status of 4")
    looker.drop(look, on="#painting", type="application/toml")
    expect(page.locator("#toasts")).to_contain_text("it takes a text")


def test_recent_brushes_show_their_looks_on_the_next_picture(looker, flower):
    page = looker.page
    for layer in ("block3", "block5"):
        page.evaluate(
            "async layer => (await import('/static/session.js')).setBrushLook({ kind: 'dream', layer })", layer
        )
    page.set_viewport_size({"width": 1500, "height": 900})  # narrower ones have no room for recent looks
    page.locator("#home").click()
    looker.open(flower)
    recent = page.get_by_role("button", name="Brush: block3")
    expect(recent.locator(".thumb")).to_have_class("thumb")  # neither missing nor awaited
    expect(page.locator("#brush-look .thumb")).to_have_class("thumb")
    assert recent.locator("img").evaluate("image => image.naturalWidth") > 100


def test_a_guide_that_comes_along_is_taken_with_a_click(easel):
    page = easel.page
    page.get_by_role("tab", name="Guide").click()
    sample = page.get_by_role("button", name="feathers", exact=True)
    sample.click()
    easel.until(lambda: easel.ground().get("reference"), "the guide is the ground")
    assert [each["name"] for each in easel.ask("")["references"]] == ["feathers"]
    expect(page.get_by_role("list", name="Guides to try")).not_to_contain_text("feathers")
    assert "--guide feathers" in easel.ask("command")["command"]
    page.get_by_role("button", name="Cancel growing").click()
    easel.settle()


def test_a_picture_dropped_on_the_panel_is_a_guide(easel, flower):
    easel.page.get_by_role("tab", name="Guide").click()
    easel.drop(flower, on="#panel")
    easel.until(lambda: easel.ask("")["references"], "the guide is there")
    assert easel.ask("")["references"][0]["name"] == "flower.jpg"
    easel.page.get_by_role("button", name="Cancel growing").click()
    easel.settle()


def test_a_style_grows_until_it_is_cancelled(easel):
    page, before = easel.page, easel.shown()
    page.get_by_role("tab", name="Style").click()
    page.get_by_role("button", name="woodcut", exact=True).click()
    expect(page.locator("#growing")).to_be_visible()
    easel.until(lambda: difference(easel.shown(), before).mean() > 3, "the style is seen")
    page.get_by_role("button", name="Cancel growing").click()
    expect(page.locator("#growing")).to_be_hidden()
    assert difference(easel.settle(), before).mean() > 3
    assert easel.ground()["filter"] == "woodcut"


def test_a_render_is_cancelled_and_another_one_downloaded(painter, tmp_path):
    page = painter.page
    painter.open(small("china", tmp_path, (1100, 110)))  # larger than its view, so that the render takes a while
    painter.press([(300, 40), (360, 60)])
    painter.settle(strokes=1)
    page.get_by_role("button", name="Render").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("#render-begin").click()
    progress = dialog.get_by_role("progressbar")
    painter.until(lambda: 0 < float(progress.get_attribute("value") or 0) < 1, "the render goes on")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog.locator("#render-begin")).to_be_visible()
    dialog.get_by_role("radio", name="Other").check()
    dialog.get_by_label("Long side in pixels").fill("128")
    dialog.locator("#render-begin").click()
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "china-painting.png"
    download.value.save_as(tmp_path / "rendered.png")
    found = record.read(tmp_path / "rendered.png")
    assert (found.recipe, found.output["width"]) == ("painting", 128)
    assert len(found.settings["painting"]["strokes"]) == 1


def test_a_film_is_made_shown_and_downloaded(painter, tmp_path):
    pytest.importorskip("av", reason="needs the extra `film`")
    page = painter.page
    painter.open(small("china", tmp_path, (96, 64)))
    painter.press([(30, 20), (60, 40)])
    painter.settle(strokes=1)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Film…").click()
    dialog = page.get_by_role("dialog", name="Film")
    loop = dialog.get_by_role("checkbox", name="Loop")
    dialog.get_by_role("radio", name="Strokes in time").check()
    expect(loop).to_be_hidden()
    dialog.get_by_role("radio", name="Zoom").check()
    dialog.get_by_role("radio", name="4 s", exact=True).check()
    loop.check()
    barriers = painter.find_barriers("film")
    with page.expect_request("**/films") as asked:
        dialog.get_by_role("button", name="Make the film").click()
    assert asked.value.post_data_json == {"kind": "zoom", "seconds": 4, "loop": True}
    video = dialog.locator("video")
    expect(video).to_have_attribute("src", re.compile(r"^/api/jobs/[0-9a-f]{16}/result$"))
    painter.until(lambda: video.evaluate("video => video.readyState > 0"), "the browser knows the film")
    assert video.evaluate("video => [video.videoWidth, video.videoHeight, video.duration]") == [96, 64, 4]
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "china-zoom.mp4"
    download.value.save_as(tmp_path / "zoom.mp4")
    assert (tmp_path / "zoom.mp4").read_bytes()[4:8] == b"ftyp"
    assert barriers + painter.find_barriers("filmed") == []


def test_without_pyav_the_page_says_how_films_are_made(looker):
    def without(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "films": "Films need PyAV. Install it."})

    looker.page.route("**/api/looks", without)
    looker.page.reload()
    looker.page.locator("#painting[data-ready]").wait_for()
    looker.page.get_by_role("button", name="More").click()
    looker.page.get_by_role("button", name="Film…").click()
    expect(looker.page.locator("#film-missing")).to_have_text("Films need PyAV. Install it.")
    expect(looker.page.locator("#film-begin")).to_have_count(0)


def test_an_answer_that_comes_late_does_not_hide_that_a_render_is_done(looker):
    def late(route):
        answer = route.fetch()
        looker.until(lambda: looker.ask("")["jobs"][-1]["state"] == "done", "the render is done")
        looker.page.wait_for_timeout(200)  # the socket tells it first
        route.fulfill(response=answer)

    looker.page.route("**/renders", late)
    looker.page.keyboard.press("r")
    with looker.page.expect_response("**/renders") as answer:
        looker.page.locator("#render-begin").click()
    answer.value.finished()
    looker.page.wait_for_timeout(200)
    expect(looker.page.get_by_role("link", name="Download")).to_be_visible()


def test_a_render_that_has_not_begun_says_that_it_waits(looker):
    job = {"id": "f" * 16, "kind": "render", "picture": looker.ask("")["id"], "state": "waiting", "done": 0}
    job |= {"seconds_left": None, "message": "painting it again at full size", "result": None}
    looker.page.route("**/renders", lambda route: route.fulfill(status=202, json=job))
    looker.page.keyboard.press("r")
    looker.page.locator("#render-begin").click()
    dialog = looker.page.get_by_role("dialog")
    expect(dialog.locator(".job-text")).to_have_text("Waiting for its turn")
    assert dialog.get_by_role("progressbar").get_attribute("value") is None
    expect(looker.page.locator("#render-chip")).to_have_text("waiting")


def test_the_painting_file_opens_again(easel, tmp_path):
    page = easel.page
    easel.press(WAY)
    kept = easel.settle(strokes=1)
    page.get_by_role("button", name="More").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save painting file").click()
    assert download.value.suggested_filename == "china.phosphene"
    download.value.save_as(tmp_path / "china.phosphene")
    first = easel.ask("")["id"]
    page.get_by_role("button", name="Phosphene: all pictures").click()
    page.set_input_files("#painting-file", tmp_path / "china.phosphene")
    page.locator("#painting[data-ready]").wait_for()
    assert np.array_equal(easel.settle(strokes=1), kept)
    assert easel.ask("")["id"] != first


def test_what_is_seen_is_saved_and_copied_at_once(looker, tmp_path):
    page = looker.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    assert download.value.suggested_filename == "china-painting.png"
    download.value.save_as(tmp_path / "seen.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "seen.png").convert("RGB")), looker.shown())
    page.keyboard.press("Control+c")
    expect(page.get_by_role("status").filter(has_text="The picture is copied")).to_be_visible()
    types = page.evaluate("navigator.clipboard.read().then((items) => items[0].types)")
    assert types == ["image/png"]


def test_who_paints_chooses_looks_for_the_brush(easel):
    page = easel.page
    expect(page.get_by_role("radio", name="Whole picture")).to_be_checked()
    expect(page.locator("#fill")).to_be_hidden()
    easel.press(WAY)
    easel.settle(strokes=1)
    expect(page.get_by_role("radio", name="Brush")).to_be_checked()
    ground = easel.ground()
    page.get_by_role("tabpanel", name="Dream").get_by_role("button", name="quilt").click()
    assert easel.ground() == ground  # it was for the brush
    page.reload()
    page.locator("#painting[data-ready]").wait_for()
    expect(page.get_by_role("radio", name="Brush")).to_be_checked()
    page.get_by_role("button", name="Fill the whole picture: quilt").click()
    easel.until(lambda: easel.ground().get("preset") == "quilt", "the whole picture is filled")


def test_strokes_are_hidden_faded_and_removed_in_their_list(easel):
    page, before = easel.page, easel.shown()
    easel.press(WAY)
    after = easel.settle(strokes=1)
    page.get_by_role("tab", name="Strokes").click()
    strokes = page.get_by_role("list", name="Strokes, newest first")
    page.get_by_role("button", name=re.compile("Hide stroke 1")).click()
    easel.until(lambda: np.abs(easel.shown().astype(int) - before).max() <= 1, "the stroke is hidden")
    page.get_by_role("button", name=re.compile("Show stroke 1")).click()
    easel.until(lambda: np.abs(easel.shown().astype(int) - after).max() <= 1, "the stroke is shown")
    strokes.get_by_role("button", name=re.compile("^1: ")).click()
    page.get_by_role("slider", name="Opacity of stroke 1").press("ArrowLeft")
    easel.until(lambda: easel.ask("")["layers"][0]["opacity"] < 1, "it fades")
    page.get_by_role("combobox", name="What of stroke 1 is shown").select_option("luminosity")
    easel.until(lambda: easel.ask("")["layers"][0]["blend"] == "luminosity", "its light alone is shown")
    page.get_by_role("button", name="Remove stroke 1").click()
    easel.until(lambda: np.abs(easel.shown().astype(int) - before).max() <= 1, "it is removed")
    assert easel.ask("")["strokes"] == 0
    page.get_by_role("slider", name="Dream over photograph").press("PageDown")
    easel.until(lambda: easel.ask("")["opacity"] < 1, "all of it fades")


def test_the_photograph_is_laid_beside_the_painting(looker):
    page = looker.page
    page.get_by_role("button", name="Compare with the photograph").click()
    border = page.get_by_role("slider", name="Photograph on the left, painting on the right")
    expect(border).to_be_visible()
    box, strokes = page.locator("#painting").bounding_box(), looker.ask("")["strokes"]
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 3)
    page.mouse.up()
    assert 15 < float(border.input_value()) < 35
    assert looker.ask("")["strokes"] == strokes  # it is no stroke
    assert looker.find_barriers("border") == []
    page.get_by_role("button", name="Compare with the photograph").click()
    expect(border).to_be_hidden()


def test_the_menu_a_small_brush_and_a_late_stroke_speak_for_themselves(looker):
    """The menu takes no more room than its words; a brush too small for forms says so; so does work that is queued."""
    page = looker.page
    page.get_by_role("button", name="More", exact=True).click()
    box = page.locator("#menu").bounding_box()
    assert box
    assert box["width"] < 320
    page.keyboard.press("Escape")
    expect(page.locator("#brush-look")).to_contain_text("Brush paints")
    smaller_brush(looker)
    expect(page.locator("#brush-look")).to_contain_text("Small: textures of")
    say = "import('/static/store.js').then(({ store }) => store.set({ late: LATE }))"
    page.evaluate(say.replace("LATE", "true"))
    expect(page.locator("#growing-text")).to_have_text("Painting your stroke")
    page.evaluate(say.replace("LATE", "false"))
    expect(page.locator("#growing")).to_be_hidden()


def test_looks_are_searched(looker):
    looker.page.locator("#brush-look").click()
    dialog = looker.page.get_by_role("dialog")
    looks = dialog.get_by_role("list", name="All").get_by_role("button")
    every = looks.count()
    assert every >= 30
    dialog.get_by_role("searchbox", name="Search the looks").fill("embroid")
    looker.until(lambda: 0 < looks.count() < every / 3, "only what is asked for is shown")
    assert looker.find_barriers("search") == []
    dialog.get_by_role("searchbox").fill("facets")
    looks.first.click()
    expect(looker.page.locator("#brush-look")).to_contain_text("facets")


def test_the_dice_gives_another_dream(easel):
    before = easel.ground()
    easel.page.get_by_role("tabpanel", name="Dream").get_by_role("button", name="Another one").click()
    easel.until(lambda: "seed" in (easel.ground() or {}), "another dream grows")
    assert {**easel.ground(), "seed": None} == {**before, "seed": None}


def test_four_others_are_shown_to_choose_from(easel):
    before, panel = easel.ground(), easel.page.get_by_role("tabpanel", name="Dream")
    panel.get_by_role("button", name="Show four").click()
    others = panel.get_by_role("list", name="Others of this look").get_by_role("button")
    expect(others).to_have_count(4)
    for number in range(4):
        expect(others.nth(number).locator(".thumb")).not_to_have_class(re.compile("waiting|missing"))
    shown = {others.nth(number).locator("img").get_attribute("src") for number in range(4)}
    tried = [easel.picture(f"thumbnails/{address.rpartition('/')[2]}") for address in shown if address]
    assert min(difference(a, b).mean() for a, b in pairwise(tried)) > 3
    others.nth(1).click()
    easel.until(lambda: "seed" in easel.ground(), "the one that was chosen grows")
    assert {**easel.ground(), "seed": None} == {**before, "seed": None}


def test_colours_are_kept_for_the_whole_picture_and_the_brush(easel):
    page = easel.page
    keep = page.get_by_role("tabpanel", name="Dream").get_by_role("radio", name="Keep")
    keep.check(force=True)
    easel.until(lambda: (easel.ground() or {}).get("colour") == "keep", "the whole picture keeps its colours")
    page.get_by_role("tabpanel", name="Dream").get_by_role("button", name="quilt").click()
    easel.until(lambda: (easel.ground() or {}).get("preset") == "quilt", "another look is chosen")
    assert easel.ground()["colour"] == "keep"  # it holds for the next look as well


def test_messages_let_the_mouse_through_and_go_with_their_picture(looker):
    page = looker.page
    say = "import('/static/toasts.js').then((toasts) => toasts.complain({message: 'It fails.', hint: 'Wait.'}))"
    page.evaluate(say)
    toast = page.get_by_role("alert").filter(has_text="It fails.")
    box, picture = toast.bounding_box(), page.locator("#painting").bounding_box()
    assert box["x"] >= picture["x"] + picture["width"]  # beside the picture
    under = "([x, y]) => document.elementFromPoint(x, y).closest('.toast') === null"
    assert page.evaluate(under, [box["x"] + 20, box["y"] + box["height"] / 2])
    page.get_by_role("button", name="Phosphene: all pictures").click()
    expect(toast).to_have_count(0)


def test_the_command_is_shown_and_copied(looker):
    page = looker.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Copy as command").click()
    command = page.get_by_label("The command")
    expect(command).to_have_text("phosphene china.jpg --preset carnival")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "phosphene china.jpg --preset carnival"


def test_a_reload_finds_everything_again(easel):
    easel.press(WAY)
    kept = easel.settle(strokes=1)
    easel.page.reload()
    easel.page.locator("#painting[data-ready]").wait_for()
    assert np.array_equal(easel.settle(strokes=1), kept)
    easel.page.get_by_role("button", name="Undo").click()
    easel.settle(strokes=0)


def test_a_killed_server_loses_nothing(browser, china, tmp_path):
    with serving(tmp_path) as server, painting(browser, server) as painter:
        painter.open(china)
        painter.press(WAY)
        kept = painter.settle(strokes=1)
        painter.foresee("WebSocket connection|ERR_CONNECTION_REFUSED")
        server.stop(signal.SIGKILL)
        expect(painter.page.locator("#banner")).to_be_visible()
        server.start()
        painter.enter()
        painter.page.get_by_role("link", name="Open china.jpg").click()
        painter.page.locator("#painting[data-ready]").wait_for()
        assert np.array_equal(painter.settle(strokes=1), kept)


def test_a_file_that_is_no_picture_is_refused_in_words(painter, tmp_path):
    bad = tmp_path / "letter.jpg"
    bad.write_text("Dear painter,\nthis is no picture.\n" * 20)
    painter.foresee("status of 4")
    painter.drop(bad, on="#start")
    alert = painter.page.get_by_role("alert")
    expect(alert).to_contain_text("letter.jpg")
    expect(painter.page.locator("body")).to_have_attribute("data-screen", "start")
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_be_hidden()


def test_everything_by_keyboard(painter):
    page, tokens = painter.page, painter.page.keyboard
    painter.tab_to("Grey")
    tokens.press("Enter")
    page.locator("#painting[data-ready]").wait_for()
    painter.tab_to("spots")
    tokens.press("Enter")
    painter.until(lambda: painter.ground().get("preset") == "spots", "the preset is chosen")
    painter.tab_to("To the picture")
    tokens.press("Enter")
    expect(page.locator("#painting")).to_be_focused()
    tokens.down("Enter")
    for _ in range(4):
        tokens.press("Shift+ArrowRight")
    page.wait_for_timeout(500)
    tokens.up("Enter")
    painter.settle(strokes=1)
    tokens.press("Control+z")
    painter.settle(strokes=0)
    tokens.press("r")
    expect(page.get_by_role("dialog", name="Render")).to_be_visible()
    tokens.press("Escape")
    expect(page.get_by_role("dialog", name="Render")).to_be_hidden()


def test_a_finger_paints_on_a_phone(browser, server, china):
    with painting(browser, server, viewport={"width": 390, "height": 844}, has_touch=True) as painter:
        painter.open(china)
        before, (x, y) = painter.shown(), painter.client(96, 64)
        painter.page.touchscreen.tap(x, y)
        after = painter.settle(strokes=1)
        assert not np.array_equal(after, before)
        assert painter.page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_camera_takes_a_picture(painter):
    painter.page.get_by_role("button", name="Camera").click()
    expect(painter.page.get_by_role("dialog", name="Camera").locator("video")).to_be_visible()
    assert painter.find_barriers("camera") == []
    painter.page.get_by_role("button", name="Take the picture").click()
    painter.page.locator("#painting[data-ready]").wait_for()
    assert painter.ask("")["name"] == "camera.png"


def test_nothing_bars_anybody_from_the_screens(painter, china, flower):
    barriers = painter.find_barriers("start")
    painter.open(china)
    painter.press(WAY)
    painter.settle(strokes=1)
    painter.page.get_by_role("tab", name="Strokes").click()
    painter.page.get_by_role("button", name=re.compile("^1: ")).click()
    barriers += painter.find_barriers("Strokes")
    for tab in ("Dream", "Guide"):
        painter.page.get_by_role("tab", name=tab).click()
        barriers += painter.find_barriers(tab)
    painter.page.set_input_files("#guide-file", flower)
    painter.page.get_by_role("button", name="Rank layers").click()
    painter.page.get_by_role("list", name="Layers, best first").wait_for()
    barriers += painter.find_barriers("ranked layers")
    painter.page.get_by_role("tab", name="Style").click()
    barriers += painter.find_barriers("Style")
    painter.page.get_by_role("button", name="More").click()
    barriers += painter.find_barriers("menu")
    painter.page.get_by_role("button", name="Phosphene: all pictures").click()
    painter.page.get_by_role("list", name="Recent").wait_for()
    assert barriers + painter.find_barriers("shelves") == []


def test_nothing_bars_anybody_from_the_dialogs(looker):
    page, tokens, barriers = looker.page, looker.page.keyboard, []
    tokens.press("r")
    barriers += looker.find_barriers("render")
    page.locator("#render-begin").click()
    page.locator("#download").wait_for()
    barriers += looker.find_barriers("rendered")
    tokens.press("Escape")
    tokens.press("?")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    barriers += looker.find_barriers("help")
    tokens.press("Escape")
    tokens.press("l")
    for kind in ("Dreams", "Guides", "Layers"):
        page.get_by_role("radio", name=kind).check()
        barriers += looker.find_barriers(f"looks, {kind}")
    page.get_by_label("Any layer").select_option("block8")
    page.get_by_role("button", name="Its channels").click()
    barriers += looker.find_barriers("channels")
    page.get_by_role("radio", name="Styles").check()
    barriers += looker.find_barriers("looks, Styles")
    tokens.press("Escape")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Copy as command").click()
    assert barriers + looker.find_barriers("command") == []


def test_a_picture_that_was_made_here_lends_its_look_to_the_brush(painter, china, tmp_path):
    made = phosphene.dream(china, preset="lace", strength=0.7, octaves=1, steps=1, long_side=96)
    made.save(tmp_path / "friend.png")
    painter.open(tmp_path / "friend.png")
    toast = painter.page.locator(".toast", has_text="Made with lace, strength 0.7")
    toast.get_by_role("button", name="Paint with this look").click()
    expect(painter.page.locator("#brush-look")).to_contain_text("lace")
    expect(toast).to_be_hidden()


def test_zoom_is_of_the_photograph_and_not_of_its_view(painter, tmp_path):
    wide = np.random.default_rng(1).integers(0, 255, (64, 2048, 3), np.uint8)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    painter.open(tmp_path / "wide.png")
    level = painter.page.locator("#zoom-level")
    level.click()
    expect(level).to_have_text("100 %")
    shown = painter.page.locator("#painting").bounding_box()
    assert shown["width"] == pytest.approx(2048, abs=2)
