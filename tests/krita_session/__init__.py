"""A session in Krita, which tests put beside the plug-in: it dreams of a layer and of a selection, and cancels.

It runs within Krita, works by timers as a person would by hand, and writes what it saw into a file of JSON.
"""

import json
import os
import sys
import traceback
from pathlib import Path

from krita import Extension, Krita, Selection
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import QApplication

FOLDER = Path(os.environ.get("PHOSPHENE_SESSION", "."))
TICK = 200


class Session(Extension):
    def __init__(self, parent):
        super().__init__(parent)
        self.told, self.steps, self.ticks = {}, None, 0

    def setup(self):
        pass

    def createActions(self, window):
        self.timer = QTimer()
        self.timer.timeout.connect(self.go_on)
        self.timer.start(TICK)

    def go_on(self):
        """One step of the session; a step that yields is asked again at the next tick."""
        try:
            self.steps = self.steps or self.session()
            next(self.steps)
        except StopIteration:
            self.end()
        except Exception:
            self.told["fault"] = traceback.format_exc()
            self.end()

    def end(self):
        self.timer.stop()
        (FOLDER / "told.json").write_text(json.dumps(self.told))
        for document in Krita.instance().documents():
            document.setModified(False)
            document.close()
        os._exit(0)

    def finished(self, docker):
        while docker.run is not None:
            yield

    def session(self):
        self.told["python"] = sys.version
        for _ in range(10):
            yield
        document = Krita.instance().openDocument(str(FOLDER / "photo.png"))
        Krita.instance().activeWindow().addView(document)
        for _ in range(10):
            yield
        (docker,) = [each for each in Krita.instance().dockers() if each.windowTitle() == "Phosphene"]
        docker.setVisible(True)
        while docker.looks is None:
            yield
        self.told["looks"] = {kind: len(names) for kind, names in docker.looks.items()}
        base = document.activeNode()
        before = bytes(base.pixelData(0, 0, document.width(), document.height()))

        docker.kind.setCurrentText("Dream")
        docker.what.setCurrentText("coils")
        docker.begin()
        seen = []
        while docker.run is not None:
            seen.append(docker.bar.value())
            yield
        self.told["words"] = docker.words.text()
        self.told["progress"] = seen
        self.told["layer"] = self.look_at(document, document.activeNode())
        self.told["kept"] = bytes(base.pixelData(0, 0, document.width(), document.height())) == before

        document.setActiveNode(base)
        chosen = Selection()
        chosen.select(40, 30, 120, 80, 255)
        document.setSelection(chosen)
        docker.what.setCurrentText("beasts")
        docker.begin()
        yield from self.finished(docker)
        self.told["selection"] = self.look_at(document, document.activeNode())

        document.setActiveNode(base)
        document.setSelection(None)
        docker.kind.setCurrentText("Style")
        docker.what.setCurrentText("woodcut")
        docker.begin()
        for _ in range(3):
            yield
        while docker.run is not None and docker.run.progress < 0.2:
            yield
        docker.cancel()
        yield from self.finished(docker)
        self.told["cancelled"] = docker.words.text() or self.look_at(document, document.activeNode())["name"]

        docker.kind.setCurrentText("Guide")
        docker.what.setCurrentText("feathers")
        document.setActiveNode(base)
        docker.begin()
        yield from self.finished(docker)
        self.told["guide"] = self.look_at(document, document.activeNode())
        for _ in range(5):
            yield
        QApplication.primaryScreen().grabWindow(0).save(str(FOLDER / "screen.png"))
        document.setBatchmode(True)
        document.saveAs(str(FOLDER / "made.kra"))

    def look_at(self, document, node):
        width, height = document.width(), document.height()
        data = bytes(node.pixelData(0, 0, width, height))
        alphas = data[3::4]
        (FOLDER / f"{len(self.told)}.bgra").write_bytes(data)
        return {
            "name": node.name(),
            "width": width,
            "height": height,
            "covered": sum(each > 0 for each in alphas),
            "file": f"{len(self.told)}.bgra",
        }


Krita.instance().addExtension(Session(Krita.instance()))
