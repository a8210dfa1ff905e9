"""Makes every picture of the documents: python docs/make.py [NAME…]

Without names it makes all of them, one maker after the other, which takes long. A name is a picture's file, as
`guided.jpg`, or a maker, as `patterns`. Pictures are made of canvases, of drawings of our own, and of photographs that
installed packages ship.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# What makes a picture, from the root of the repository: in an order in which each finds what it needs.
MAKERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "front": (
        "docs/makers/front.py",
        ("dahlia-dream.jpg", "clouds-dream.jpg", "painted.jpg", "guided.jpg", "presets.jpg"),
    ),
    "tutorial": ("docs/makers/tutorial.py", ("tutorial-first.jpg", "tutorial-looks.jpg", "tutorial-guide.jpg")),
    "guides": ("docs/makers/guides.py", ("guide-sheet.jpg",)),
    "atlas": ("docs/makers/atlas.py", ("atlas.jpg",)),
    "objectives": ("docs/makers/objectives.py", ("objectives.jpg",)),
    "patterns": (
        "docs/makers/patterns.py",
        ("patterns.jpg", "pattern-sheet.jpg", "pattern-wallpaper.jpg", "pattern-parameterisations.jpg"),
    ),
    "style": ("docs/makers/style.py", ("style.jpg", "filters.jpg", "paintings.jpg")),
    "films": ("docs/makers/films.py", ("film.jpg", "film.webp", "zoom.webp")),
    "studio": ("docs/makers/studio.py", ("studio.jpg", "studio-stroke.webp")),
    "study": ("docs/makers/study.py", ("study.jpg",)),
    "measures": (
        "benchmarks/measures_figures.py",
        ("measures-borders.png", "measures-seams.png", "measures-planted.png", "measures-curves.png"),
    ),
    "why": (
        "benchmarks/why/__main__.py --googlenet googlenet",
        (
            "why-borders.png",
            "why-shifts.png",
            "why-lattice.png",
            "why-lattice-pictures.jpg",
            "why-octaves.png",
            "why-octaves-efficientnet-lite0.jpg",
            "why-octaves-googlenet.jpg",
            "why-scales.png",
            "why-choices.png",
        ),
    ),
    "scaling": ("benchmarks/scaling.py --plot", ("scaling.png",)),
}


def chosen(names: list[str]) -> list[str]:
    """The makers that were named, or whose pictures were.

    Raises:
        SystemExit: there is none of that name.
    """
    unknown = set(names) - MAKERS.keys() - {picture for _, pictures in MAKERS.values() for picture in pictures}
    if unknown:
        sys.exit(f"Nothing makes {', '.join(sorted(unknown))}. There are {', '.join(MAKERS)}.")
    return [maker for maker, (_, pictures) in MAKERS.items() if not names or {maker, *pictures} & set(names)]


def main() -> None:
    """Runs the makers one after the other."""
    for maker in chosen(sys.argv[1:]):
        print(maker, flush=True)
        subprocess.run([sys.executable, *MAKERS[maker][0].split()], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
