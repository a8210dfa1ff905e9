"""What the pages of series have in common: they open without a network, and can load nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files

STYLE, SCRIPT = "paper.css", "paper.js"


def head(title: str, style: str, *, more: str = "") -> Iterator[str]:
    """The lines down to the body: a title, our style and the page's own, and `more` for the head."""
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    # Whatever a file's name may hold, the page can load nothing from elsewhere.
    yield (
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none';"
        " form-action 'none'; img-src 'self' file:; style-src 'unsafe-inline';"
        " script-src 'unsafe-inline' 'self' file:\">"
    )
    if more:
        yield more
    yield f"<title>{escape(title)}</title>"
    yield f"<style>\n{part(__name__, STYLE)}{style}</style>\n</head>"


def script(own: str) -> str:
    """The page's script, after ours, which copies lines."""
    return f"<script>\n{part(__name__, SCRIPT)}{own}</script>"


@cache
def part(package: str, name: str) -> str:
    """The text of a file of a package."""
    return files(package).joinpath(name).read_text("utf-8")
