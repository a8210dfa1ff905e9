"""A studio in a process of its own, and a painter before its page in a real browser."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from conftest import photograph

# Chromium without windows, if it is there, shows the same pages; the tests of pages take a fifth less processor time.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
BARE = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
QUIET = "--disable-component-update --disable-sync"
CAMERA = "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"  # it sees a moving pattern
FLAGS = f"{BARE} {QUIET} {CAMERA}".split()
PATIENCE = 120  # seconds, on a machine that does other things as well
THEMES = {"dark": "", "light": "runOnly: ['color-contrast', 'link-in-text-block']"}  # they differ in colours alone

# Read from a copy: a canvas that is drawn on is not made for reading, and the browser says so as a warning.
READ = """() => {
  const shown = document.getElementById("painting");
  const copy = new OffscreenCanvas(shown.width, shown.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(shown, 0, 0);
  const bytes = copy.getImageData(0, 0, shown.width, shown.height).data;
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { width: shown.width, height: shown.height, pixels: btoa(text) };
}"""
# Colours change one after the other, those that inherit them later.
CALM = """async () => {
  const frame = () => new Promise((seen) => requestAnimationFrame(seen));
  for (let calm = 0; calm < 5; calm += 1) {
    if (document.getAnimations().some(({ playState }) => playState === "running")) calm = 0;
    await frame();
  }
}"""
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
  tellViolation(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));"""
TRANSFER = """({ name, type, text }) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  return transfer;
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium, until it is no more needed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Server:
    """`phosphene studio`, started and ended as often as a test likes; its paintings stay."""

    def __init__(self, home: Path) -> None:
        self.home, self.address = home, ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "phosphene", "studio", "--no-open", "--port", "0"]
        keep = {"PHOSPHENE_STUDIO": str(self.home / "studio"), "OMP_NUM_THREADS": "1"}
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | keep
            )
        assert self._process.stdout
        self.address = self._process.stdout.readline().strip()
        assert self.address.startswith("http://127.0.0.1:"), self.said

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.communicate(timeout=PATIENCE)

    @property
    def said(self) -> str:
        """What it wrote for the person at the terminal."""
        return self._log.read_text()

    @property
    def _log(self) -> Path:
        return self.home / "said.txt"


class Painter:
    """Somebody before the page: opens, chooses, paints, looks."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.faults: list[str] = []
        self._foreseen: list[str] = []
        self._watch()

    def enter(self) -> None:
        """Opens the address that the terminal shows."""
        self.page.goto(self.server.address)
        self.page.locator("body[data-connected=true]").wait_for()

    def foresee(self, pattern: str) -> None:
        """Something that the browser will complain of, and should."""
        self._foreseen.append(pattern)

    def complaints(self) -> list[str]:
        return [fault for fault in self.faults if not any(re.search(each, fault) for each in self._foreseen)]

    def open(self, file: Path) -> None:
        """Opens a photograph and waits until it has dreamt."""
        self.page.set_input_files("#photograph-file", file)
        self.page.locator("#painting[data-ready]").wait_for()
        self.settle()

    def go_to(self, picture: str) -> None:
        """Opens a picture that there is, by its address."""
        self.page.goto(f"{self.page.url.partition('#')[0]}#{picture}")
        self.page.locator("#painting[data-ready]").wait_for()

    def drop(self, file: Path, on: str, type: str = "image/jpeg") -> None:
        """Drags a file over an element, and lets it fall."""
        told = {"name": file.name, "type": type, "text": b64encode(file.read_bytes()).decode()}
        carried = {"dataTransfer": self.page.evaluate_handle(TRANSFER, told)}
        self.page.dispatch_event(on, "dragover", carried)
        self.page.locator("#drop-veil").wait_for(state="visible")
        self.page.dispatch_event(on, "drop", carried)

    def ask(self, path: str) -> Any:
        """What the server knows of the open picture."""
        return self.page.request.get(self._of(path)).json()

    def ground(self) -> dict[str, Any]:
        """The look of the whole picture; empty where it is the photograph."""
        return self.ask("")["ground"] or {}

    def picture(self, path: str) -> np.ndarray:
        """A picture that the server has of the open picture, `[h, w, 3]`."""
        with Image.open(io.BytesIO(self.page.request.get(self._of(path)).body())) as found:
            return np.asarray(found.convert("RGB"))

    def shown(self) -> np.ndarray:
        """The canvas as it is, `[h, w, 3]`."""
        read = self.page.evaluate(READ)
        pixels = np.frombuffer(b64decode(read["pixels"]), np.uint8)
        return pixels.reshape(read["height"], read["width"], 4)[..., :3]

    def until(self, come_true: Callable[[], Any], what: str) -> None:
        """Waits for something; the page's own waiting would need `eval`, which its policy forbids."""
        end = time.monotonic() + PATIENCE
        while not come_true():
            assert time.monotonic() < end, f"{what}: not in {PATIENCE} s"
            self.page.wait_for_timeout(60)

    def settle(self, strokes: int | None = None) -> np.ndarray:
        """Waits until nothing is painted any more and the screen shows what the server has; gives the pixels."""
        self.until(lambda: self._calm(strokes), f"calm, and {strokes} strokes")
        self.until(lambda: np.array_equal(self.shown(), self.picture("view.webp")), "the screen shows the painting")
        return self.shown()

    def press(self, points: list[tuple[float, float]], hold: int = 500) -> None:
        """Paints with the mouse along points of the view, which it stays down on for so many milliseconds."""
        mouse = self.page.mouse
        mouse.move(*self.client(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.client(*point), steps=6)
        self.page.wait_for_timeout(hold)
        mouse.up()

    def client(self, x: float, y: float) -> tuple[float, float]:
        """From pixels of the view to the window's."""
        box = self.page.locator("#painting").bounding_box()
        assert box
        scale = box["width"] / self.page.evaluate("document.getElementById('painting').width")
        return box["x"] + x * scale, box["y"] + y * scale

    def tab_to(self, name: str) -> None:
        """Goes by the Tab key to what is called so."""
        for _ in range(120):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText") == name:
                return
        raise AssertionError(f"Tab does not lead to {name!r}")

    def find_barriers(self, screen: str) -> list[str]:
        """What axe says of the page as it stands, in both themes."""
        found = []
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        for theme, rules in THEMES.items():
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            self.page.evaluate(CALM)
            told = self.page.evaluate(f"axe.run(document, {{ resultTypes: ['violations'], {rules} }})")
            for fault in told["violations"]:
                found += [f"{screen}, {theme}: {fault['help']}: {node['html']}" for node in fault["nodes"]]
        return found

    def _calm(self, strokes: int | None) -> bool:
        state = self.ask("")
        busy = [job for job in state["jobs"] if job["kind"] != "thumbnails" and job["state"] in ("waiting", "running")]
        return not busy and not state["growing"] and strokes in (None, state["strokes"])

    def _of(self, path: str) -> str:
        site = urlsplit(self.page.url)
        return f"http://{site.netloc}/api/pictures/{site.fragment}{f'/{path}' if path else ''}"

    def _watch(self) -> None:
        page, note = self.page, self.faults.append
        page.on("console", self._heard)
        page.on("pageerror", lambda error: note(f"page error: {error}"))
        page.on("request", lambda request: self._check_address(request.url))
        page.on("websocket", lambda socket: self._check_address(socket.url))
        page.expose_function("tellViolation", lambda words: note(f"policy: {words}"))
        page.add_init_script(TELL_VIOLATIONS)

    def _heard(self, told: ConsoleMessage) -> None:
        if told.type in ("error", "warning"):
            self.faults.append(f"{told.type}: {told.text} {told.location['url']}")

    def _check_address(self, url: str) -> None:
        if urlsplit(url).scheme not in ("blob", "data") and urlsplit(url).hostname != "127.0.0.1":
            self.faults.append(f"leaves this computer: {url}")


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """A studio that runs, and said nothing of a fault in the end."""
    server = Server(home)
    server.start()
    try:
        yield server
    finally:
        server.stop()
    assert "Traceback" not in server.said, server.said


@contextmanager
def painting(browser: Browser, server: Server, **options: Any) -> Iterator[Painter]:
    """A painter on a fresh page, without motion unless asked for; in the end the browser must not have complained."""
    usual = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, "reduced_motion": "reduce"}
    context = browser.new_context(**(usual | options))
    context.set_default_timeout(PATIENCE * 1000)
    try:
        painter = Painter(context.new_page(), server)
        painter.enter()
        yield painter
        assert not painter.complaints(), painter.complaints()
    finally:
        context.close()


def small(name: str, folder: Path, size: tuple[int, int]) -> Path:
    """A photograph, made small."""
    path = folder / f"{name}.jpg"
    with Image.open(photograph(name)) as found:
        found.resize(size, Image.Resampling.LANCZOS).save(path, quality=92)
    return path


def far_from(points: list[tuple[float, float]], shape: tuple[int, ...]) -> np.ndarray:
    """How far each pixel's middle is from the way between points, `[h, w]`."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    at = rows * 1j + columns
    found = []
    for begin, end in zip(points, points[1:] or points, strict=False):
        a, way = complex(*begin), complex(*end) - complex(*begin)
        along = np.clip(((at - a) * np.conj(way)).real / (abs(way) ** 2 or 1.0), 0, 1)
        found.append(np.abs(at - a - along * way))
    return np.min(found, axis=0)
