"""Makes the picture of docs/how-to/study.md: python docs/make.py study

It studies the built-in clouds, and looks at the report in Chromium. It needs the extras `study` and `browser`.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import phosphene

HERE = Path(__file__).parents[1] / "pictures"
VARY = {"layer": ["block3", "block8", "block11"], "octaves": [1, 3, 5]}
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu"]
SECTIONS = ("#all", "#curves")  # side by side in the picture
SIZE = (1040, 1080)


def main() -> None:
    """Studies, looks, and lays two parts of the page side by side."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        rows = phosphene.study("clouds", VARY, Path(folder) / "study", size=(576, 384))
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport=dict(zip(("width", "height"), SIZE, strict=True)))
        page.emulate_media(reduced_motion="reduce")
        page.goto(rows.page.as_uri())
        picture = Image.new("RGB", (len(SECTIONS) * SIZE[0], SIZE[1]))
        for number, section in enumerate(SECTIONS):
            page.locator(section).evaluate("part => part.scrollIntoView()")
            page.wait_for_timeout(1000)
            picture.paste(Image.open(io.BytesIO(page.screenshot())), (number * SIZE[0], 0))
        browser.close()
    picture.save(HERE / "study.jpg", quality=86)


if __name__ == "__main__":
    main()
