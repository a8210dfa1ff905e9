"""The notebook of the documents, run from top to bottom as Jupyter runs it; and `Live`, whose pictures grow in it."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import phosphene
from phosphene.errors import SettingsError
from phosphene.run import notebook

nbformat = pytest.importorskip("nbformat", reason="needs the extra `notebook`")
nbclient = pytest.importorskip("nbclient", reason="needs the extra `notebook`")
pytest.importorskip("ipykernel", reason="needs the extra `notebook`")

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOK = DOCS / "how-to" / "notebook.ipynb"
# Small, and every step drawn, however quick the machine is.
SMALL = """
import phosphene
from phosphene.run import notebook

SIZE = (96, 64)
phosphene.Live.__init__.__kwdefaults__["pause"] = notebook.REST = 0
"""
LIVE = "on_step=phosphene.Live()"


class Watching(nbclient.NotebookClient):
    """Runs a notebook, and keeps all that stood below each cell, one after the other.

    With `interrupt_at`, presses Interrupt when so many pictures were shown.
    """

    def __init__(self, book, folder, *, interrupt_at=None):
        super().__init__(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
        self.shown = [[] for _ in book.cells]
        self._interrupt_at, self._pressing = interrupt_at, None

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.shown[cell_index].append((msg["msg_type"], msg["content"]["data"]))
            if len(self.shown[cell_index]) == self._interrupt_at:
                self._pressing = asyncio.ensure_future(self.km.interrupt_kernel())
        return super().process_message(msg, cell, cell_index)


def picture(data):
    """The picture of a display's HTML."""
    (jpeg,) = re.findall(r"data:image/jpeg;base64,([\w+/=]+)", data["text/html"])
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(jpeg))), dtype=float)


def book_of(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def failures(book):
    return [output for cell in book.cells for output in cell.get("outputs", ()) if output.output_type == "error"]


def test_the_notebook_runs_and_its_pictures_grow(tmp_path):
    folder = tmp_path / "how-to"
    folder.mkdir()
    book = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = (cell for cell in book.cells if "parameters" in cell.metadata.get("tags", ()))
    parameters.source = SMALL
    client = Watching(book, folder)
    client.execute()
    assert not failures(book)
    lively = [number for number, cell in enumerate(book.cells) if LIVE in cell.source and cell.cell_type == "code"]
    assert len(lively) >= 6
    for number in lively:
        kinds, shown = zip(*client.shown[number], strict=True)
        assert kinds[:1] == ("display_data",)
        assert set(kinds[1:]) == {"update_display_data"}
        pictures = [picture(each) for each in shown]
        assert len({each.tobytes() for each in pictures}) >= 10
        assert np.abs(pictures[-1] - pictures[0]).mean() > 1
        assert "100%" in shown[-1]["text/plain"]


def test_the_notebook_holds_no_outputs():
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    for cell in book.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_interrupt_ends_the_dream_and_keeps_it(tmp_path):
    book = book_of(
        "import phosphene",
        "dreamt = phosphene.dream('grey', size=(64, 48), octaves=1, steps=2000, layer='block3',"
        " on_step=phosphene.Live(pause=0.05))",
        "assert not dreamt.record.complete\nprint(dreamt.record.reached)\ndreamt",
        "import signal\nassert signal.getsignal(signal.SIGINT) is signal.default_int_handler",
    )
    client = Watching(book, tmp_path, interrupt_at=3)
    client.execute()
    assert not failures(book)
    assert client.shown[1][-1][1]["text/plain"].startswith("Stopped; this is kept: octave 1 of 1 · step ")
    printed, shown = book.cells[2].outputs
    assert re.fullmatch(r"octave 1 of 1, step \d+ of 2000\n", printed.text)
    assert "image/jpeg" in shown.data


def test_each_run_has_a_picture_of_its_own(tmp_path):
    book = book_of(
        "import phosphene\nlive = phosphene.Live(long_side=32)\nquick = dict(size=(64, 48), layer='block3', steps=2)",
        "phosphene.dream('grey', on_step=live, **quick)\nphosphene.dream('noise', on_step=live, **quick);",
    )
    client = Watching(book, tmp_path)
    client.execute()
    kinds = [kind for kind, _ in client.shown[1]]
    assert kinds.count("display_data") == 2
    assert all(picture(data).shape == (24, 32, 3) for _, data in client.shown[1])


def test_a_second_interrupt_ends_the_cell():
    before = signal.getsignal(signal.SIGINT)
    heard = notebook._Interrupt()
    try:
        signal.raise_signal(signal.SIGINT)
        assert heard.wished
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        heard.end()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("installed", [True, False])
def test_outside_a_notebook_it_says_what_to_do(installed, monkeypatch):
    if not installed:
        monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(SettingsError, match=r"Jupyter notebook, and this is none(.|\n)*--preview"):
        phosphene.Live()
