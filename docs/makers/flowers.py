"""Paints the flowers that guide dreams in the documents: python docs/make.py flowers"""

from __future__ import annotations

from pathlib import Path

import torch

from phosphene.images.writing import encode
from phosphene.pixels.canvases import canvas

TARGET = Path(__file__).parents[1] / "pictures" / "guide-flowers.jpg"


def main() -> None:
    """The built-in dahlias, small."""
    data, _ = encode(canvas("dahlias", 320, 480, dtype=torch.float32), "jpeg", quality=92)
    TARGET.write_bytes(data)


if __name__ == "__main__":
    main()
