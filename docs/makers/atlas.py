"""Makes the picture of docs/how-to/atlas.md: python docs/make.py atlas. It needs the extra `browser`, and Chromium."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import phosphene

TARGET = Path(__file__).parents[1] / "pictures" / "atlas.jpg"
VIEW = {"width": 1080, "height": 1470}
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu"]


def main() -> None:
    """The upper part of the page that is made of the built-in clouds."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = phosphene.atlas("clouds", Path(folder) / "clouds")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=VIEW)
        page.goto(made.page.resolve().as_uri(), wait_until="networkidle")
        Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(TARGET, quality=85)
        browser.close()


if __name__ == "__main__":
    main()
