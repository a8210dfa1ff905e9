"""The studio in Firefox: a painter opens a photograph, paints a stroke with the mouse, and fetches what it became.

Firefox is spoken to by WebDriver BiDi (W3C), which it listens for by itself, so that no other program is needed.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
import threading
import time
from base64 import b64decode, b64encode

import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")

from studio_browser import PATIENCE, READ, TRANSFER, serving, small

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(FIREFOX is None, reason="needs Firefox")
PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


class Firefox:
    """A browser without a window, and one page in it."""

    def __init__(self, profile):
        profile.mkdir()
        written = "".join(f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in PREFERENCES.items())
        (profile / "user.js").write_text(written)
        command = [FIREFOX, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        address = ""
        for line in self.process.stderr:
            if found := re.search(r"WebDriver BiDi listening on (ws://127\.0\.0\.1:\d+)", line):
                address = found[1]
                break
        assert address, "Firefox does not listen"
        reader = threading.Thread(target=self.process.stderr.read, daemon=True)  # so that it can go on speaking
        reader.start()
        self.leave = contextlib.ExitStack()
        self.leave.callback(self.process.stderr.close)
        self.leave.callback(reader.join, 20)
        self.leave.callback(self.process.wait, 20)
        self.leave.callback(self.process.terminate)
        self.line = self.leave.enter_context(connect(f"{address}/session", max_size=None))
        self.number, self.complaints = 0, []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.page = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def ask(self, method, **params):
        """What a command gives."""
        self.number += 1
        self.line.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            told = json.loads(self.line.recv(PATIENCE))
            if told.get("method") == "log.entryAdded" and told["params"]["level"] == "error":
                self.complaints.append(told["params"]["text"])
            if told.get("id") == self.number:
                assert told["type"] == "success", told
                return told["result"]

    def evaluate(self, function, *arguments):
        """What a function of the page's gives."""
        written = ", ".join(json.dumps(each) for each in arguments)
        found = self.ask(
            "script.evaluate",
            expression=f"Promise.resolve(({function})({written})).then(JSON.stringify)",
            target={"context": self.page},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"].get("value", "null"))

    def until(self, function, *arguments):
        end = time.monotonic() + PATIENCE
        while not (found := self.evaluate(function, *arguments)):
            assert time.monotonic() < end, function
            time.sleep(0.1)
        return found

    def drag(self, points):
        """The mouse goes down at the first point, along the others, and up."""
        move = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 80} for x, y in points]
        actions = [move[0], {"type": "pointerDown", "button": 0}, *move[1:], {"type": "pause", "duration": 600}]
        actions.append({"type": "pointerUp", "button": 0})
        mouse = {"type": "pointer", "id": "mouse", "actions": actions}
        self.ask("input.performActions", context=self.page, actions=[mouse])

    def close(self):
        self.leave.close()


@pytest.fixture
def firefox(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MOZ_CRASHREPORTER_DISABLE", "1")
    browser = Firefox(tmp_path / "profile")
    yield browser
    browser.close()


OPEN = f"""(told) => {{
  const input = document.getElementById("photograph-file");
  input.files = ({TRANSFER})(told).files;
  input.dispatchEvent(new Event("change", {{ bubbles: true }}));
}}"""
STATE = """async () => {
  const told = await (await fetch(`/api/pictures/${location.hash.slice(1)}`)).json();
  const busy = told.jobs.some(({ kind, state }) => kind !== "thumbnails" && ["waiting", "running"].includes(state));
  return told.growing || busy ? null : { strokes: told.strokes, growing: told.growing };
}"""
BOX = """() => {
  const { left, top, width, height } = document.getElementById("painting").getBoundingClientRect();
  return [left, top, width, height];
}"""


def shown(firefox):
    """The canvas as it is, `[h, w, 3]`."""
    read = firefox.evaluate(READ)
    return np.frombuffer(b64decode(read["pixels"]), np.uint8).reshape(read["height"], read["width"], 4)[..., :3]


PRESS = "(name) => document.querySelector(`[aria-label^='${name}'], [title^='${name}']`).click()"


def paint_in_a_region(firefox, box):
    """A click selects the sky, where the next stroke stays; then its stroke is hidden in the list."""
    left, top, width, height = box
    firefox.evaluate(PRESS, "Select:")
    firefox.drag([(left + 0.3 * width, top + 0.08 * height)])
    firefox.until("() => !document.getElementById('selection-bar').hidden")
    firefox.evaluate(PRESS, "Brush (B)")
    before = shown(firefox)
    firefox.drag([(left + 0.3 * width, top + 0.1 * height), (left + 0.4 * width, top + 0.12 * height)])
    end = time.monotonic() + PATIENCE
    while (firefox.until(STATE) or {}).get("strokes") != 2:
        assert time.monotonic() < end, "the second stroke does not come"
    time.sleep(0.5)
    changed = np.abs(shown(firefox).astype(int) - before).max(-1)
    assert changed[:30].max() > 5
    assert changed[-40:].max() == 0
    firefox.evaluate(
        "() => [...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent === 'Strokes').click()"
    )
    firefox.evaluate("() => document.querySelector('.strokes button[aria-pressed]').click()")
    end = time.monotonic() + PATIENCE
    while not np.array_equal(shown(firefox), before):
        assert time.monotonic() < end, "the stroke is not hidden"
        time.sleep(0.3)


def test_a_painter_in_firefox(firefox, tmp_path):
    photograph = small("china", tmp_path, (192, 128))
    with serving(tmp_path) as server:
        firefox.ask("browsingContext.setViewport", context=firefox.page, viewport={"width": 1280, "height": 800})
        firefox.ask("browsingContext.navigate", context=firefox.page, url=server.address, wait="complete")
        firefox.until("() => document.body.dataset.connected === 'true'")
        text = b64encode(photograph.read_bytes()).decode()
        firefox.evaluate(OPEN, {"name": photograph.name, "type": "image/jpeg", "text": text})
        firefox.until("() => document.querySelector('#painting[data-ready]') !== null")
        firefox.until(STATE)
        before = shown(firefox)
        left, top, width, height = firefox.evaluate(BOX)
        way = [(0.3, 0.5), (0.45, 0.45), (0.6, 0.5), (0.7, 0.55)]
        firefox.drag([(left + x * width, top + y * height) for x, y in way])
        end = time.monotonic() + PATIENCE
        while (firefox.until(STATE) or {}).get("strokes") != 1:
            assert time.monotonic() < end, "the stroke does not come"
        time.sleep(0.5)
        after = shown(firefox)
        assert np.abs(after.astype(int) - before).max() > 20
        fetched = firefox.evaluate(
            """async () => {
              const here = `/api/pictures/${location.hash.slice(1)}/view.webp`;
              const bytes = new Uint8Array(await (await fetch(here)).arrayBuffer());
              return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
            }"""
        )
        with Image.open(io.BytesIO(b64decode(fetched))) as painted:
            assert np.array_equal(np.asarray(painted.convert("RGB")), after)
        paint_in_a_region(firefox, (left, top, width, height))
    assert not firefox.complaints
