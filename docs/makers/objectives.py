"""Makes the picture of docs/how-to/objectives.md: python docs/make.py objectives"""

from __future__ import annotations

from pathlib import Path

import phosphene
from phosphene.pixels.sheets import sheet

HERE = Path(__file__).parents[1] / "pictures"
SIZE = (420, 280)

WORDS = (
    "layer(block8)",
    "sum(block8)",
    "channel(block8, 37)",
    "neuron(block12, 37)",
    "direction(block8, 'dahlias')",
    "direction(block8, 'dahlias', noise)",
    "class('tabby')",
    "class('volcano')",
    "guide(block8, 'dahlias') + guide(block3, 'dahlias')",
    "layer(block3) - 1.5*tv()",
    "layer(block3) - 4*blur()",
    "layer(block3) - 0.002*l2()",
    "layer(block8) + 40*channel(block10, 37) - 20*class('tabby')",
)


def main() -> None:
    """Every kind of objective on the same clouds."""
    cells = [("clouds", phosphene.load(phosphene.dream("clouds", size=SIZE, steps=1, strength=0).image).pixels)]
    for words in WORDS:
        dreamt = phosphene.dream("clouds", size=SIZE, objective=words, colour=0.7)
        cells.append((dreamt.record.objective, dreamt.pixels))
    phosphene.save(sheet(cells, columns=3), HERE / "objectives.jpg", quality=80, overwrite=True)


if __name__ == "__main__":
    main()
