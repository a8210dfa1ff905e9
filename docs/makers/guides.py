"""Makes the sheet of docs/explanation/guides.md: python docs/make.py guides"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"


def main() -> None:
    """The command that the page shows; its PNG becomes a JPEG."""
    made = PICTURES / "guide-sheet.png"
    words = ["match", "clouds", "dahlias", "--top", "4", "-o", str(made)]
    subprocess.run([sys.executable, "-m", "phosphene", *words], cwd=ROOT, check=True)
    Image.open(made).convert("RGB").save(made.with_suffix(".jpg"), quality=85)
    made.unlink()


if __name__ == "__main__":
    main()
