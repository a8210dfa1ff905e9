"""The command line: it speaks, draws, saves and catches Ctrl-C. Nobody imports it.

Nothing here loads torch before a command needs it, so that `--help` is quick.
"""

from phosphene.cli.front import main

__all__ = ["main"]
