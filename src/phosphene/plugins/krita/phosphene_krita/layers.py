"""What is worked on in a document, as files, and the layer that a file becomes."""

from __future__ import annotations

from krita import Krita
from PyQt5.QtCore import QByteArray, QRect
from PyQt5.QtGui import QImage

MARGIN = 64  # pixels around a selection that are seen with it
SRGB = "sRGB-elle-V2-srgbtrc.icc"


class NothingToDo(Exception):
    """There is no document, no layer, or nothing on it."""


class Place:
    """A layer, or what is selected on it, with what lies around it.

    Args:
        document: the document.
        node: the layer.
    """

    def __init__(self, document, node):
        self.document, self.node, self.selection = document, node, document.selection()
        whole = QRect(0, 0, document.width(), document.height())
        if self.selection is not None:
            chosen = QRect(self.selection.x(), self.selection.y(), self.selection.width(), self.selection.height())
            self.chosen = chosen.intersected(whole)
            self.box = self.chosen.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN).intersected(whole)
        else:
            self.chosen = self.box = whole
        if self.chosen.isEmpty():
            raise NothingToDo("Nothing of the picture is selected.")

    @classmethod
    def active(cls):
        """The active layer of the active document."""
        document = Krita.instance().activeDocument()
        node = document.activeNode() if document else None
        if node is None:
            raise NothingToDo("Open a picture, and choose a layer.")
        return cls(document, node)

    def write(self, folder):
        """Writes `in.png`, and `mask.png` where something is selected."""
        copy = self.node.duplicate()
        copy.setColorSpace("RGBA", "U8", SRGB)
        data = copy.projectionPixelData(*self.box.getRect())
        width, height = self.box.width(), self.box.height()
        image = QImage(data, width, height, 4 * width, QImage.Format_ARGB32)
        if not any(bytes(data)[3::4]):
            raise NothingToDo("There is nothing on this layer here.")
        image.save(str(folder / "in.png"))
        if self.selection is not None:
            mask = QImage(self.selected(), width, height, width, QImage.Format_Grayscale8)
            mask.save(str(folder / "mask.png"))

    def selected(self):
        """How far each pixel of the box is selected, 0 to 255, row by row."""
        return self.selection.pixelData(*self.box.getRect())

    def add(self, path, name):
        """Puts a picture of the box on a new layer above the one that was worked on."""
        image = QImage(str(path)).convertToFormat(QImage.Format_ARGB32)
        width, height = self.box.width(), self.box.height()
        pixels = image.constBits()
        pixels.setsize(image.byteCount())
        data = bytearray(bytes(pixels))
        if self.selection is not None:
            alphas = bytes(self.selected())
            data[3::4] = bytes(a * b // 255 for a, b in zip(data[3::4], alphas))
        layer = self.document.createNode(name, "paintlayer")
        layer.setColorSpace("RGBA", "U8", SRGB)
        self.node.parentNode().addChildNode(layer, self.node)
        layer.setPixelData(QByteArray(bytes(data)), self.box.x(), self.box.y(), width, height)
        self.document.setActiveNode(layer)
        self.document.refreshProjection()
        return layer
