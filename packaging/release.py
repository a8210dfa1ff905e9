"""Checks of a release: python packaging/release.py check 1.2.3"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = {"pyproject.toml": r'^version = "(.+)"$', "src/phosphene/__init__.py": r'^__version__ = "(.+)"$'}


def versions() -> dict[str, str]:
    """The version, by the file that names it."""
    found = {}
    for name, words in PLACES.items():
        match = re.search(words, (ROOT / name).read_text("utf-8"), re.MULTILINE)
        found[name] = match[1] if match else "none"
    return found


def faults(version: str) -> list[str]:
    """What stands against releasing a version."""
    wrong = [f"{name} says {found}, not {version}" for name, found in versions().items() if found != version]
    told = re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    return wrong if told else [*wrong, f"CHANGELOG.md has no heading: ## {version}"]


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "check":
        sys.exit(__doc__)
    sys.exit("\n".join(faults(sys.argv[2])) or None)
