"""How soon the studio answers: from a stroke's first point to pixels on the screen, and while a render runs.

    python benchmarks/studio.py [--strokes 20] [--megapixels 1]

A real server, and a real page in Chromium driven by Playwright (pip install 'phosphene[browser]', and Debian's
chromium). Strokes begin at places all over a photograph, with the default brush, and are timed within the page, from
the pointer's event to the frame that was drawn. The event loop's pauses are taken in the server while a render runs: a
task in it sleeps for 5 ms again and again, and notes how much later it wakes. Clicks are requests of the page's own
meanwhile. One stroke of many is hidden and shown; a style is chosen for the brush and painted with at once; and a
render is asked for while the picture's thumbnails are still being made. The table goes to `studio.csv`.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import math
import shutil
import statistics
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sklearn.datasets import load_sample_image

from phosphene.sessions.service import Studio
from phosphene.studio import server
from phosphene.studio.answers import Limits
from phosphene.studio.guard import Tokens
from tables import Row, show, write

HERE = Path(__file__).parent
NAP = 0.005  # seconds
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")

WATCH = """() => {
  const canvas = document.querySelector("#painting");
  window.waits = [];
  let began = null;
  addEventListener("pointerdown", () => { began = performance.now(); }, true);
  new MutationObserver(() => {
    if (began !== null) window.waits.push(performance.now() - began);
    began = null;
  }).observe(canvas, { attributes: true, attributeFilter: ["data-frames"] });
}"""


class Served:
    """A server in a thread, and how late its event loop woke."""

    def __init__(self, folder: Path) -> None:
        self.pauses: list[float] = []
        self._ready, self.port = threading.Event(), 0
        self.studio = Studio(folder, model="efficientnet-lite0")
        self._listener = server.listen("127.0.0.1", 0)
        self.place = server.Place("127.0.0.1", self._listener.getsockname()[1], Tokens("benchmark" * 4))
        self.uvicorn = server.server(self.studio, self.place, Limits(), self._ready.set)
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.thread.start()
        self._ready.wait(30)

    async def _serve(self) -> None:
        watching = asyncio.create_task(self._watch())
        await self.uvicorn.serve([self._listener])
        watching.cancel()

    async def _watch(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(NAP)
            self.pauses.append(time.perf_counter() - began - NAP)

    def get(
        self, path: str, data: bytes | None = None, kind: str = "application/json", method: str | None = None
    ) -> bytes:
        """Asks as a program does."""
        headers = {"Authorization": f"Bearer {self.place.tokens.token}", "Content-Type": kind}
        asked = urllib.request.Request(f"http://127.0.0.1:{self.place.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{path}: {error.read().decode()}") from error

    def open(self, picture: bytes) -> str:
        """Opens a picture; gives its id."""
        return json.loads(self.get("/api/pictures?name=china.jpg", picture, "image/jpeg"))["id"]

    def close(self) -> None:
        """Ends it."""
        self.uvicorn.should_exit = True
        self.thread.join(15)


def photograph(megapixels: float) -> bytes:
    """China at a size."""
    china = Image.fromarray(load_sample_image("china.jpg"))
    scale = math.sqrt(megapixels * 1e6 / (china.width * china.height))
    target = io.BytesIO()
    china.resize((round(china.width * scale), round(china.height * scale)), Image.Resampling.LANCZOS).save(
        target, "JPEG", quality=95
    )
    return target.getvalue()


@contextmanager
def page_of(served: Served, picture: str) -> Iterator[Page]:
    """The studio's page with a picture open."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(served.place.address)
        page.goto(f"http://127.0.0.1:{served.place.port}/#{picture}")
        page.reload()
        page.locator("#painting[data-ready]").wait_for()
        yield page
        browser.close()


def settled(served: Served, picture: str) -> None:
    """Waits until nothing is being computed."""
    while any(job["state"] in ("waiting", "running") for job in state(served, picture)["jobs"]):
        time.sleep(0.2)


def state(served: Served, picture: str) -> dict:
    """How a picture stands."""
    return json.loads(served.get(f"/api/pictures/{picture}"))


def strokes(page: Page, count: int) -> list[float]:
    """Seconds from the first point to the screen, for so many strokes."""
    page.evaluate(WATCH)
    box = page.locator("#painting").bounding_box()
    for number in range(count):
        x, y = (0.15 + 0.7 * (number * share % 1) for share in (0.618, 0.755))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.down()
        page.wait_for_timeout(600)
        page.mouse.up()
        page.wait_for_timeout(900)
    return [wait / 1000 for wait in page.evaluate("window.waits")]


def adjusting(served: Served, page: Page, picture: str, count: int, times: int = 6) -> list[float]:
    """Seconds until the screen shows that one stroke was hidden, or is there again, after so many more were painted."""
    box, before = page.locator("#painting").bounding_box(), state(served, picture)["strokes"]
    count += before
    for number in range(before, count):
        x, y = (0.1 + 0.75 * (number * share % 1) for share in (0.618, 0.755))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + (x + 0.08) * box["width"], box["y"] + y * box["height"], steps=4)
        page.mouse.up()
        page.wait_for_timeout(150)
    while (made := state(served, picture)["strokes"]) < count:
        page.wait_for_timeout(500)
    found = []
    settled(served, picture)
    for number in range(times):
        before, began = page.locator("#painting").get_attribute("data-frames"), time.perf_counter()
        change = json.dumps({"of": made // 2, "visible": bool(number % 2)}).encode()
        served.get(f"/api/pictures/{picture}/adjustments", change)
        while page.locator("#painting").get_attribute("data-frames") == before:
            page.wait_for_timeout(5)
        found.append(time.perf_counter() - began)
    return found


def styling(page: Page, filter: str) -> float:
    """Seconds from choosing a style for the brush to its first paint on the screen."""
    page.evaluate(WATCH)
    box, began = page.locator("#painting").bounding_box(), time.perf_counter()
    page.evaluate(
        "async filter => (await import('/static/session.js')).setBrushLook({ kind: 'style', filter })", filter
    )
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    while not page.evaluate("window.waits.length"):
        page.wait_for_timeout(20)
    return time.perf_counter() - began


def starting(served: Served, picture: str, times: int = 12) -> list[float]:
    """Seconds from asking for a render to its first work, with a style and thumbnails of all filters still to make."""
    served.get(f"/api/pictures/{picture}/thumbnails", b'{"set": "filters"}')
    found = []
    for _ in range(times):
        time.sleep(1.3)
        began = time.perf_counter()
        job = json.loads(served.get(f"/api/pictures/{picture}/renders", b'{"format": "png", "long_side": null}'))
        while json.loads(served.get(f"/api/jobs/{job['id']}"))["state"] == "waiting":
            time.sleep(0.01)
        found.append(time.perf_counter() - began)
        served.get(f"/api/jobs/{job['id']}", method="DELETE")
        while json.loads(served.get(f"/api/jobs/{job['id']}"))["state"] == "running":
            time.sleep(0.05)
    return found


def rendering(served: Served, page: Page, picture: str, count: int) -> tuple[float, list[float], list[float]]:
    """While a render runs: the longest pause of the event loop, seconds of clicks, and of strokes."""
    job = json.loads(served.get(f"/api/pictures/{picture}/renders", b'{"format": "png", "long_side": null}'))
    time.sleep(1)
    served.pauses.clear()
    clicks = []
    for _ in range(60):
        began = time.perf_counter()
        served.get("/api/looks")
        clicks.append(time.perf_counter() - began)
        time.sleep(0.05)
    waits = strokes(page, count)
    pause = max(served.pauses)
    running = json.loads(served.get(f"/api/jobs/{job['id']}"))["state"]
    if running != "running":
        print(f"The render was {running} before the strokes were: take more megapixels.")
    return pause, clicks, waits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=20)
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--render", type=float, default=12.0, help="megapixels of the picture that is rendered")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder))
        picture = served.open(photograph(chosen.megapixels))
        settled(served, picture)
        with page_of(served, picture) as page:
            settled(served, picture)
            page.wait_for_timeout(1000)
            waits = strokes(page, chosen.strokes)
            rows.append(row(f"stroke to screen, {chosen.megapixels:g} MP", waits))
            settled(served, picture)
            rows.append(row("one stroke of 50 hidden or shown", adjusting(served, page, picture, 50)))
            rows.append(row("style chosen to first paint", [styling(page, "coloured_pencil")]))
            rows.append(row("render asked for to its first work", starting(served, picture)))
        large = served.open(photograph(chosen.render))
        settled(served, large)
        with page_of(served, large) as page:
            settled(served, large)
            pause, clicks, waits = rendering(served, page, large, max(3, chosen.strokes // 4))
        rows.append(row("stroke to screen while rendering", waits))
        rows.append(row("click answered while rendering", clicks))
        rows.append(
            {"what": "longest pause of the event loop", "median s": "", "worst s": round(pause, 3), "count": ""}
        )
        served.close()
    for each in rows:
        show(each)
    write(rows, HERE / "studio.csv")


def row(what: str, seconds: list[float]) -> Row:
    """A line of the table."""
    median, worst = statistics.median(seconds), max(seconds)
    return {"what": what, "median s": median, "worst s": worst, "count": str(len(seconds))}


if __name__ == "__main__":
    main()
