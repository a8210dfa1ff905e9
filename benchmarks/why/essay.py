"""The essay's numbers, written into it: each stands between marks that say where it comes from.

    <!-- n borders/GoogLeNet 4c/field -->299<!-- / -->

A number of a list is named by its place; `|%` after the name writes a share in per cent, `|2` two decimals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MARK = re.compile(r"<!-- n (?P<name>[^|>]+?)(?:\|(?P<form>[^ ]+))? -->(?P<value>.*?)<!-- / -->", re.DOTALL)


def fill(document: Path, numbers: Mapping[str, Any]) -> None:
    """Writes every number anew."""
    document.write_text(filled(document.read_text("utf-8"), numbers), "utf-8")


def filled(text: str, numbers: Mapping[str, Any]) -> str:
    def written(mark: re.Match[str]) -> str:
        head = mark[0][: mark.start("value") - mark.start()]
        return f"{head}{shown(find(numbers, mark['name']), mark['form'] or '')}<!-- / -->"

    return MARK.sub(written, text)


def find(numbers: Any, name: str) -> float:
    """The number at a path, as `borders/GoogLeNet 4c/lost/0`.

    Raises:
        KeyError: there is none.
    """
    for part in name.split("/"):
        numbers = (
            numbers[int(part)] if isinstance(numbers, Sequence) and not isinstance(numbers, str) else numbers[part]
        )
    return float(numbers)


def shown(value: float, form: str) -> str:
    """As people write it."""
    if form == "%":
        return f"{value * 100:.0f} %"
    return f"{value:.{int(form)}f}" if form else f"{value:g}"


def rounded(x: Any) -> Any:
    """Numbers with four digits, which is more than any of them deserves."""
    if isinstance(x, float):
        return float(f"{x:.4g}")
    if isinstance(x, Mapping):
        return {str(key): rounded(each) for key, each in x.items()}
    if isinstance(x, list | tuple):
        return [rounded(each) for each in x]
    return x
