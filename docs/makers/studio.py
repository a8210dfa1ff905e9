"""Makes the pictures of the studio: python docs/make.py studio

It starts a studio, and paints on a photograph that scikit-learn ships. With a folder, `python docs/makers/studio.py
SCREENSHOTS`, it also looks at every screen, wide and on a phone, dark and light, and keeps what it sees there. It takes
some minutes. It needs the extra `browser`, and Chromium.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import sklearn.datasets
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parents[1] / "pictures"
PHOTOGRAPHS = Path(sklearn.datasets.__file__).parent / "images"
SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
THEMES = ("dark", "light")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
PATIENCE = 900  # seconds; there are twelve styles to try
WAIT = 100  # milliseconds between two looks at what is being waited for
CALM = 600  # milliseconds until nothing moves any more
MOVIE_WIDTH, MOVIE_SECONDS, MOVIE_FRAMES = 960, 20, 8  # pixels, seconds, frames a second
BEFORE, AFTER = 1, 2  # seconds of it in which nothing is painted

Points = list[tuple[float, float]]


def way(*corners: tuple[float, float], steps: int = 24) -> Points:
    """Points along straight lines."""
    found = []
    for (x, y), (to_x, to_y) in pairwise(corners):
        found += [(x + (to_x - x) * i / steps, y + (to_y - y) * i / steps) for i in range(steps)]
    return [*found, corners[-1]]


def wave(begin: tuple[float, float], end: tuple[float, float], height: float, turns: float, steps: int = 60) -> Points:
    """Points along a line that sways."""
    line = [
        (begin[0] + (end[0] - begin[0]) * i / steps, begin[1] + (end[1] - begin[1]) * i / steps) for i in range(steps)
    ]
    return [(x, y + height * math.sin(2 * math.pi * turns * i / steps)) for i, (x, y) in enumerate(line)]


# In pixels of the view, 1024 × 683: a palace on a hill above a lake, trees on both sides.
UPPER_ROOF = way((160, 205), (250, 150), (330, 85), (420, 160), (505, 205))
LOWER_ROOF = way((115, 430), (270, 430), (420, 430), (555, 405))
SKY = wave((1000, 80), (590, 190), 65, 0.95)
BUSHES = way((540, 640), (700, 565), (820, 550))
PINE = way((850, 570), (955, 420), (965, 280))
LEAVES = way((30, 560), (150, 590), (330, 630))
BRANCH = way((20, 300), (60, 380), (40, 450))


@dataclass
class Studio:
    """A studio that runs, spoken to as programs do."""

    address: str

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Sends JSON or a file's bytes, and gives what is answered."""
        site, token = urlsplit(self.address), parse_qs(urlsplit(self.address).query)["token"][0]
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        request = urllib.request.Request(f"http://{site.netloc}/api/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def wait(self, picture: str, *kinds: str) -> None:
        """Until no job of these kinds is being done."""
        while any(
            job["kind"] in kinds and job["state"] in ("waiting", "running")
            for job in self.ask(f"pictures/{picture}")["jobs"]
        ):
            time.sleep(WAIT / 1000)


@contextmanager
def studio() -> Iterator[Studio]:
    """Starts one, with nothing in it, and ends it."""
    command = [sys.executable, "-m", "phosphene", "studio", "--no-open", "--port", "0"]
    with tempfile.TemporaryDirectory() as home:
        place = os.environ | {"PHOSPHENE_STUDIO": home}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=place)
        try:
            assert process.stdout
            yield Studio(process.stdout.readline().strip())
        finally:
            process.terminate()
            process.wait()


def photograph(name: str, scale: int) -> bytes:
    """A photograph, made larger, so that it fills a screen."""
    target = io.BytesIO()
    with Image.open(PHOTOGRAPHS / f"{name}.jpg") as found:
        large = found.resize((found.width * scale, found.height * scale), Image.Resampling.LANCZOS)
    large.save(target, "JPEG", quality=95)
    return target.getvalue()


def opened(room: Studio) -> tuple[str, str]:
    """The photograph as it is, and a flower that leads the brush."""
    picture = room.ask("pictures?name=palace.jpg", photograph("china", 2))["id"]
    room.ask(f"pictures/{picture}/undo", method="POST")
    room.wait(picture, "ground")
    return picture, room.ask(f"pictures/{picture}/references?name=dahlia.jpg", photograph("flower", 1))["id"]


def preset(name: str) -> dict[str, Any]:
    """A look of that name."""
    return {"kind": "dream", "preset": name}


def paint(room: Studio, picture: str, flower: str) -> None:
    """All strokes but that along the upper roof."""
    guided = {"kind": "dream", "reference": flower, "layer": None}
    strokes: list[tuple[dict[str, Any], float, float, float, Points, float]] = [
        (preset("beasts"), 84, 0.75, 1.0, LOWER_ROOF, 8),
        (guided, 210, 1.0, 1.0, BUSHES, 7),
        (guided, 140, 1.0, 0.7, PINE, 5),
        (preset("spots"), 150, 0.75, 1.0, LEAVES, 6),
        (preset("reef"), 110, 0.75, 0.8, BRANCH, 4),
        (preset("carnival"), 175, 0.9, 0.9, SKY, 9),
    ]
    for look, size, softness, strength, points, seconds in strokes:
        brush = {"size": size, "softness": softness, "strength": strength, "look": look}
        stroke = {"brush": brush, "points": [[x, y, 1.0] for x, y in points], "seconds": seconds}
        room.ask(f"pictures/{picture}/strokes", stroke)


class Visitor:
    """Somebody before the page."""

    def __init__(self, browser: Browser, room: Studio, size: str, theme: str) -> None:
        self.name, self.room = f"{size}-{theme}", room
        self.page: Page = browser.new_page(viewport=SIZES[size], color_scheme=theme, has_touch=size == "phone")  # type: ignore[arg-type]
        self.page.goto(room.address)
        self.page.locator("body[data-connected=true]").wait_for()

    def open(self, picture: str) -> None:
        """Goes to a picture that there is, and waits for its thumbnails."""
        self.page.goto(self.page.url.partition("#")[0] + f"#{picture}")
        self.page.locator("#painting[data-ready]").wait_for()
        self.page.wait_for_timeout(CALM)
        self.room.wait(picture, "thumbnails")
        self.page.wait_for_timeout(CALM)

    def point(self, x: float, y: float) -> None:
        """Moves the mouse to a place of the view."""
        box = self.page.locator("#painting").bounding_box()
        assert box
        scale = box["width"] / 1024
        self.page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)

    def take_brush(self, look: str, size: float) -> None:
        """Chooses what the brush paints, and how large it is."""
        self.page.keyboard.press("l")
        self.page.get_by_role("dialog").get_by_role("button", name=look, exact=True).click()
        self.page.get_by_label("Brush size").fill(str(100 * math.log(size / 4) / math.log(150)))

    def draw(self, points: Points, seconds: float) -> None:
        """Paints along points, for so many seconds in all."""
        began = time.monotonic()
        self.point(*points[0])
        self.page.mouse.down()
        while (done := (time.monotonic() - began) / seconds) < 1:
            self.point(*points[int(done * len(points))])
            self.page.wait_for_timeout(30)
        self.page.mouse.up()

    def look(self) -> Image.Image:
        """What is on the screen."""
        return Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")


def film(visitor: Visitor, points: Points) -> list[tuple[float, Image.Image]]:
    """Paints with the mouse; gives what was seen, with the second at which it was."""
    frames: list[tuple[float, Image.Image]] = []
    session = visitor.page.context.new_cdp_session(visitor.page)

    def seen(frame: dict[str, Any]) -> None:
        image = Image.open(io.BytesIO(base64.b64decode(frame["data"]))).convert("RGB")
        frames.append((frame["metadata"]["timestamp"], image))
        session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    session.on("Page.screencastFrame", seen)
    visitor.point(*points[0])
    session.send("Page.startScreencast", {"format": "jpeg", "quality": 95})
    visitor.page.wait_for_timeout(BEFORE * 1000)
    visitor.draw(points, MOVIE_SECONDS - BEFORE - AFTER)
    visitor.page.wait_for_timeout(AFTER * 1000)
    session.send("Page.stopScreencast")
    return [(at - frames[0][0], image) for at, image in frames if at - frames[0][0] < MOVIE_SECONDS]


def thinned(frames: list[tuple[float, Image.Image]]) -> list[tuple[float, Image.Image]]:
    """As many a second as the movie shall have."""
    kept = frames[:1]
    for frame in frames:
        if frame[0] - kept[-1][0] >= 1 / MOVIE_FRAMES:
            kept.append(frame)
    return kept


def write_movie(frames: list[tuple[float, Image.Image]], path: Path) -> None:
    """An animated WebP, as fast as it was painted."""
    times = [at for at, _ in frames] + [MOVIE_SECONDS]
    lasting = [max(1, round((after - at) * 1000)) for at, after in pairwise(times)]
    height = round(frames[0][1].height * MOVIE_WIDTH / frames[0][1].width)
    small = [image.resize((MOVIE_WIDTH, height), Image.Resampling.LANCZOS) for _, image in frames]
    small[0].save(
        path, save_all=True, append_images=small[1:], duration=lasting, loop=0, quality=80, method=4, kmax=1000
    )


def rank(page: Page) -> None:
    """Takes the flower for the brush, and asks at which layers it is seen best."""
    page.get_by_role("radio", name="Brush").check()
    page.get_by_role("button", name="dahlia.jpg", exact=True).click()
    if page.get_by_role("button", name="Rank layers").is_visible():
        page.get_by_role("button", name="Rank layers").click()
    page.get_by_role("list", name="Layers, best first").wait_for()


def tour(visitor: Visitor, picture: str) -> Iterator[tuple[str, Image.Image]]:
    """Every screen."""
    page = visitor.page
    page.wait_for_timeout(CALM)
    yield "start", visitor.look()
    visitor.open(picture)
    for tab in ("Style", "Guide", "Dream"):
        page.get_by_role("tab", name=tab).click()
        if tab == "Guide":
            rank(page)
        page.wait_for_timeout(CALM)
        visitor.room.wait(picture, "thumbnails")
        page.wait_for_timeout(CALM)
        yield tab.lower(), visitor.look()
    for key, name in (("l", "looks"), ("r", "render"), ("?", "help")):
        page.keyboard.press(key)
        page.wait_for_timeout(CALM)
        yield name, visitor.look()
        page.keyboard.press("Escape")


def look_around(browser: Browser, room: Studio, picture: str, target: Path) -> None:
    """Every screen, in every size and theme."""
    target.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        for theme in THEMES:
            visitor = Visitor(browser, room, size, theme)
            for name, image in tour(visitor, picture):
                image.save(target / f"{visitor.name}-{name}.png")
            visitor.page.close()


def main() -> None:
    """Paints, films, keeps what the documents show, and looks around if it was told where to."""
    with studio() as room, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        picture, flower = opened(room)
        paint(room, picture, flower)
        painter = Visitor(browser, room, "wide", "dark")
        painter.open(picture)
        painter.take_brush("beasts", 112)
        write_movie(thinned(film(painter, UPPER_ROOF)), HERE / "studio-stroke.webp")
        painter.page.wait_for_timeout(1500)
        painter.look().save(HERE / "studio.jpg", quality=88)
        painter.page.close()
        for folder in sys.argv[1:]:
            look_around(browser, room, picture, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
