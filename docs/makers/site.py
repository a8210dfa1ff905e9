"""What the site has beside the pages in `docs`: a hook of mkdocs, see `mkdocs.yml`.

Of the names of Python, where the pages have a table, the site has signatures and docstrings. What the pages link to
outside of `docs` comes along: Markdown as a page, everything else as a text to open.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, normpath, relpath
from typing import Any

import reference
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"CONTRIBUTING.md": "contributing/index.md", "CHANGELOG.md": "contributing/changes.md"}
LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)#\s]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie at the root, and what pages link to."""
    for source, target in PAGES.items():
        if files.get_file_from_path(target) is None:
            text = _moved((ROOT / source).read_text("utf-8"), source, f"docs/{target}")
            files.append(File.generated(config, target, content=text))
    for outside in sorted({name for page in files.documentation_pages() for name in _outside(page)}):
        shown = _shown(outside)
        files.append(File.generated(config, shown, content=(ROOT / outside).read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Writes out the names of Python, and leads links to where their targets are in the site."""
    written = reference.PLACE.sub(lambda place: reference.docstrings() if place[1] == "names" else place[2], markdown)
    return LINK.sub(lambda link: _led(link[1], page.file.src_uri), written)


def _moved(text: str, source: str, target: str) -> str:
    """A text whose links, right at `source`, are right at `target`."""
    return LINK.sub(lambda link: relpath(normpath(f"{dirname(source)}/{link[1]}".lstrip("/")), dirname(target)), text)


def _outside(page: File) -> set[str]:
    """The files at the root, or below it, that a page links to and that are in no page's place."""
    targets = (_target(link[1], page.src_uri) for link in LINK.finditer(page.content_string))
    return {name for name in targets if not name.startswith("docs/") and name not in PAGES and (ROOT / name).is_file()}


def _led(link: str, page: str) -> str:
    name = _target(link, page)
    if name in PAGES:
        return relpath(PAGES[name], dirname(page))
    if name.startswith("docs/") or not (ROOT / name).is_file():
        return link
    return relpath(_shown(name), dirname(page))


def _target(link: str, page: str) -> str:
    """What a page's link leads to, from the root."""
    return normpath(f"docs/{dirname(page)}/{link}")


def _shown(name: str) -> str:
    """Where the site has a file from outside of `docs`; browsers open texts, and download programs."""
    return f"files/{name}" if name.endswith((".csv", ".txt")) else f"files/{name}.txt"
