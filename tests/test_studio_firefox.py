"""The studio in Firefox, which speaks WebDriver BiDi by itself: no driver and no other package is in between."""

from __future__ import annotations

import json
import queue
import re
import shutil
import subprocess
import threading
import time
from base64 import b64decode
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
pytest.importorskip("axe_playwright_python", reason="needs the extra `browser`")

from websockets.sync.client import connect

from phosphene.records import record
from studio_browser import PATIENCE, READ, far_from, serving, small

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(FIREFOX is None, reason="needs Firefox: apt-get install firefox-esr")
WAY = [(50, 40), (110, 50), (130, 90)]  # in pixels of the view
SPEAKS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# A browser for tests asks nothing of the network by itself.
PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """A page in Firefox, told what to do as a WebDriver would: https://w3c.github.io/webdriver-bidi/."""

    def __init__(self, socket):
        self._socket, self._number, self._answers = socket, 0, queue.Queue()
        self.faults: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.page = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def call(self, method, **params):
        """A command's result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        answer = self._answers.get(timeout=PATIENCE)
        assert answer["type"] == "success", f"{method}: {answer}"
        assert answer["id"] == self._number
        return answer["result"]

    def _listen(self):
        for message in self._socket:
            told = json.loads(message)
            if told["type"] != "event":
                self._answers.put(told)
            elif told["method"] == "log.entryAdded" and told["params"]["level"] in ("error", "warn"):
                self.faults.append(f"{told['params']['level']}: {told['params']['text']}")
            elif told["method"] == "network.beforeRequestSent":
                self._check_address(told["params"]["request"]["url"])

    def _check_address(self, url):
        if not re.match(r"(https?|ws)://127\.0\.0\.1[:/]|about:|blob:|data:", url):
            self.faults.append(f"leaves this computer: {url}")

    def evaluate(self, expression):
        """The value of an expression of JavaScript, which may be a promise."""
        words = f"Promise.resolve({expression}).then(value => JSON.stringify(value ?? null))"
        told = self.call("script.evaluate", expression=words, target={"context": self.page}, awaitPromise=True)
        assert told["type"] == "success", told
        return json.loads(told["result"]["value"])

    def until(self, expression, what):
        """Waits until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not (found := self.evaluate(expression)):
            assert time.monotonic() < end, f"{what}: not in {PATIENCE} s"
            time.sleep(0.1)
        return found

    def go_to(self, url):
        self.call("browsingContext.navigate", context=self.page, url=url, wait="complete")

    def choose(self, selector, file):
        """Gives a file to an input."""
        told = {"type": "css", "value": selector}
        (node,) = self.call("browsingContext.locateNodes", context=self.page, locator=told)["nodes"]
        self.call("input.setFiles", context=self.page, element={"sharedId": node["sharedId"]}, files=[str(file)])

    def mouse(self, *steps):
        source = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": list(steps)}
        self.call("input.performActions", context=self.page, actions=[source])

    def click(self, selector):
        box = self.until(f"({BOX})({json.dumps(selector)})", f"{selector} is seen")
        x, y = (round(each) for each in (box[0] + box[2] / 2, box[1] + box[3] / 2))
        self.mouse(move(x, y), {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def shown(self):
        """The canvas as it is, `[h, w, 3]`."""
        read = self.evaluate(f"({READ})()")
        return np.frombuffer(b64decode(read["pixels"]), np.uint8).reshape(read["height"], read["width"], 4)[..., :3]

    def press(self, points):
        """Paints with the mouse along points of the view."""
        left, top, width, _ = self.evaluate(f"({BOX})('#painting')")
        scale = width / self.evaluate("document.getElementById('painting').width")
        at = [(round(left + x * scale), round(top + y * scale)) for x, y in points]
        moves = [move(*place, 120) for place in at[1:]]
        lifted = {"type": "pause", "duration": 400}, {"type": "pointerUp", "button": 0}
        self.mouse(move(*at[0]), {"type": "pointerDown", "button": 0}, *moves, *lifted)


BOX = """(selector) => {
  const found = document.querySelector(selector);
  const { left, top, width, height } = found ? found.getBoundingClientRect() : {};
  return width ? [left, top, width, height] : null;
}"""
STATE = "fetch(`/api/pictures/${location.hash.slice(1)}`).then((answer) => answer.json())"
CALM = f"""{STATE}.then((state) => state.strokes === %d && !state.growing && !state.jobs.some(
  (job) => job.kind !== 'thumbnails' && ['waiting', 'running'].includes(job.state)))"""


def move(x, y, duration=0):
    return {"type": "pointerMove", "x": x, "y": y, "duration": duration}


@contextmanager
def browsing(folder):
    """Firefox, with a profile of its own and downloads into a folder."""
    profile = folder / "profile"
    profile.mkdir()
    told = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(told))
    words = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    words += ["--width", "1280", "--height", "800", "about:blank"]
    heard = folder / "firefox.txt"
    with heard.open("w") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            with connect(f"{_address(heard)}/session", max_size=None) as socket:
                firefox = Firefox(socket)
                where = {"type": "allowed", "destinationFolder": str(folder)}
                firefox.call("browser.setDownloadBehavior", downloadBehavior=where)
                yield firefox
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _address(heard):
    """Where it listens, as soon as it says so."""
    end = time.monotonic() + PATIENCE
    while not (found := SPEAKS.search(heard.read_text())):
        assert time.monotonic() < end, heard.read_text()
        time.sleep(0.05)
    return found[1]


def come(path):
    """Waits for a file, whole."""
    end = time.monotonic() + PATIENCE
    while not path.is_file() or not path.stat().st_size or path.with_suffix(".png.part").exists():
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.1)
    return path


def test_a_photograph_is_painted_on_and_downloaded(tmp_path):
    photo = small("china", tmp_path, (192, 128))
    with serving(tmp_path) as server, browsing(tmp_path) as firefox:
        firefox.go_to(server.address)
        firefox.until("document.body.dataset.connected === 'true'", "the page is connected")
        firefox.choose("#photograph-file", photo)
        firefox.until("document.querySelector('#painting[data-ready]') !== null", "the photograph is open")
        firefox.until(CALM % 0, "it has dreamt")
        before = firefox.shown()
        assert before.shape == (128, 192, 3)
        firefox.press(WAY)
        firefox.until(CALM % 1, "the stroke is painted")
        changed = np.abs(firefox.shown().astype(int) - before).mean(-1)
        near = far_from([(float(x), float(y)) for x, y in WAY], before.shape) < 10
        assert changed[near].mean() > 5
        firefox.click("#render")
        firefox.click("#render-begin")
        firefox.click("dialog a[download]")
        found = record.read(come(tmp_path / "china-painting.png"))
        assert (found.recipe, len(found.settings["painting"]["strokes"])) == ("painting", 1)
        assert not firefox.faults, firefox.faults
