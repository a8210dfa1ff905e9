"""The docker: what is wished for, how far it is, and the layer that comes of it."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from krita import DockWidget
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from . import client, layers

POLL = 100  # milliseconds between two looks at how far it is
PICTURES = "Pictures (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.avif *.heic)"
OWN = "a picture of yours…"


class PhospheneDocker(DockWidget):
    """Dream, Style and Guide for the active layer, or for what is selected on it."""

    def __init__(self):
        super().__init__()
        self.setWindowTitle("Phosphene")
        self.run, self.place, self.folder, self.picture = None, None, None, None
        self.asking, self.heard, self.name = None, None, ""
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.look)
        self.kind, self.what = QComboBox(), QComboBox()
        self.kind.addItems([*client.FLAGS])
        self.strength = QDoubleSpinBox()
        self.strength.setSingleStep(0.1)
        self.begin_button, self.cancel_button = QPushButton("Dream"), QPushButton("Cancel")
        self.bar, self.words = QProgressBar(), QLabel()
        self.bar.setRange(0, 1000)
        self.words.setWordWrap(True)
        self._arrange()
        self.kind.currentTextChanged.connect(self.fill)
        self.what.activated.connect(self.choose_picture)
        self.begin_button.clicked.connect(self.begin)
        self.cancel_button.clicked.connect(self.cancel)
        self.looks = None
        self.show_state()
        QTimer.singleShot(0, self.ask_looks)

    def _arrange(self):
        body = QWidget()
        form, buttons, all_ = QFormLayout(), QHBoxLayout(), QVBoxLayout(body)
        form.addRow("What", self.kind)
        form.addRow("Look", self.what)
        form.addRow("Strength", self.strength)
        buttons.addWidget(self.begin_button)
        buttons.addWidget(self.cancel_button)
        for part in (form, buttons):
            all_.addLayout(part)
        all_.addWidget(self.bar)
        all_.addWidget(self.words)
        all_.addStretch()
        self.setWidget(body)

    def canvasChanged(self, canvas):  # noqa: N802 - Krita calls it so
        """Krita wants it; the docker looks at the document when the button is pressed."""

    def ask_looks(self):
        """Asks the program what there is, beside; it takes a second."""
        self.asking = threading.Thread(target=self.hear_looks, daemon=True)
        self.asking.start()
        self.timer.start(POLL)

    def hear_looks(self):
        """In a thread of its own, which touches nothing of the window."""
        try:
            self.heard = client.looks()
        except client.Failure as failure:
            self.heard = str(failure)

    def take_looks(self):
        """What was heard."""
        self.asking = None
        if isinstance(self.heard, str):
            self.words.setText(self.heard)
        else:
            self.looks = self.heard
        self.fill(self.kind.currentText())

    def fill(self, kind):
        """The looks of a kind."""
        self.what.clear()
        self.what.addItems((self.looks or {}).get(kind, []) + ([] if kind == "Dream" else [OWN]))
        least, usual, most = client.STRENGTHS[kind]
        self.strength.setRange(least, most)
        self.strength.setValue(usual)
        self.begin_button.setText({"Dream": "Dream", "Style": "Paint in this style", "Guide": "Dream towards it"}[kind])
        self.show_state()

    def choose_picture(self, _):
        """Asks for a picture, where one is wished for."""
        if self.what.currentText() == OWN:
            self.picture, _ = QFileDialog.getOpenFileName(self, "A guide or a style", "", PICTURES)
            self.words.setText(Path(self.picture).name if self.picture else "")

    def own_picture(self):
        """The painter's own guide or style, where one is wished for."""
        if self.what.currentText() != OWN:
            return None
        if not self.picture:
            raise client.Failure("Choose a picture first.")
        return self.picture

    def begin(self):
        """Writes what is worked on into a folder, and starts the command."""
        self.words.setText("")
        try:
            own = self.own_picture()
            self.place = layers.Place.active()
            self.folder = tempfile.TemporaryDirectory(prefix="phosphene-")
            folder = Path(self.folder.name)
            self.place.write(folder)
            kind, look = self.kind.currentText(), self.what.currentText()
            self.name = f"{kind}: {look}"
            self.run = client.Run(client.words(kind, look, self.strength.value(), folder, own))
        except (client.Failure, layers.NothingToDo) as failure:
            self.words.setText(str(failure))
            return
        self.timer.start(POLL)
        self.show_state()

    def cancel(self):
        """Ends the command; what there is becomes the layer."""
        if self.run:
            self.run.cancel()

    def look(self):
        """How far it is; when it has ended, the layer is made."""
        if self.asking and not self.asking.is_alive():
            self.take_looks()
        if self.run:
            self.bar.setValue(int(1000 * self.run.progress))
            if self.run.done:
                self.finish()
        if not self.run and not self.asking:
            self.timer.stop()

    def finish(self):
        """Makes the layer of what came, or tells what went wrong."""
        run, self.run = self.run, None
        run.wait()
        made = Path(self.folder.name) / "out.png"
        try:
            if run.failure:
                self.words.setText(run.failure)
            elif made.exists():
                self.place.add(made, self.name)
            else:
                self.words.setText("Cancelled before there was anything.")
        except Exception as error:  # the document, the layer or the file may be gone, and Qt ends Krita for it
            self.words.setText(f"No layer could be made: {error}")
        finally:
            self.folder.cleanup()
            self.show_state()

    def show_state(self):
        """Which buttons can be pressed."""
        self.begin_button.setEnabled(self.run is None and bool(self.looks))
        self.cancel_button.setEnabled(self.run is not None)
        self.bar.setVisible(self.run is not None)
