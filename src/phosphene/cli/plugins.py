"""The command that copies plug-ins to where other programs look for them."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from phosphene import plugins as room
from phosphene.cli.options import flag
from phosphene.cli.progress import Console
from phosphene.errors import SettingsError

FILES = Path(room.__file__).parent


def _krita() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "krita" / "pykrita"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "krita" / "pykrita"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "krita" / "pykrita"


@dataclass(frozen=True)
class Plugin:
    """Files for a program."""

    program: str  # its name
    package: str  # the folder that has the plug-in's modules, and gets the client
    folder: Callable[[], Path]  # where the program looks for plug-ins
    then: str  # what is to be done in the program


PLUGINS = {
    "krita": Plugin(
        "Krita",
        "phosphene_krita",
        _krita,
        "In Krita: Settings › Configure Krita › Python Plugin Manager, tick Phosphene, and start Krita again.\n"
        "The docker is under Settings › Dockers › Phosphene.",
    ),
}


@click.command(name="plugins", short_help="Copies the plug-in for Krita to where it looks for plug-ins.")
@click.argument("program", type=click.Choice([*PLUGINS], case_sensitive=False))
@flag("--folder", metavar="DIR", help="where the program looks for plug-ins  [its usual folder]")
def install(program: str, folder: str | None) -> None:
    """Copies a plug-in to where PROGRAM looks for plug-ins: krita.

    The plug-in starts this installation's command. Do it again after an update.
    """
    plugin = PLUGINS[program]
    target = Path(folder) if folder else plugin.folder()
    if target.exists() and not target.is_dir():
        raise SettingsError(f"{target} is no folder.\nName the one that {plugin.program} looks into: --folder DIR")
    shutil.copytree(FILES / program, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    package = target / plugin.package
    shutil.copy(FILES / "client.py", package)
    words = [sys.executable, "-m", "phosphene"]
    (package / "command.json").write_text(json.dumps(words), "utf-8")
    Console().say(f"{package}\n{plugin.then}")
