"""A benchmark's table: printed row by row, and written as CSV."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = Mapping[str, str | float]


def asked(about: str | None) -> argparse.Namespace:
    """Where the table goes, `output`, and what was painted, `pictures`; either may be `None`."""
    return parser(about).parse_args()


def parser(about: str | None) -> argparse.ArgumentParser:
    """The parser of these two, to which a benchmark may add."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="the table as CSV")
    parser.add_argument("--pictures", type=Path, help="a folder for what was painted")
    return parser


def show(row: Row) -> None:
    print(" ".join(f"{name}: {value}" for name, value in _written(row).items()), flush=True)


def write(rows: Sequence[Row], output: Path) -> None:
    with output.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(map(_written, rows))


def _written(row: Row) -> dict[str, str]:
    return {name: value if isinstance(value, str) else f"{value:.3f}" for name, value in row.items()}
