"""What the program says: notes and errors on standard error, pictures and JSON on standard output."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True)
class Voice:
    """Speaks, or keeps quiet."""

    quiet: bool = False
    json: bool = False

    def say(self, text: str) -> None:
        """A line for the person."""
        if not self.quiet:
            click.echo(text, err=True)

    def complain(self, text: str) -> None:
        """An error, which is heard in any case."""
        click.echo(click.style("Error: ", fg="red") + text, err=True)

    def tell(self, facts: dict[str, Any]) -> None:
        """A line for a program."""
        if self.json:
            click.echo(json.dumps(facts))


def deliver(data: bytes) -> None:
    """Writes a picture to standard output."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
