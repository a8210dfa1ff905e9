"""The command that copies plug-ins to where other programs look for them."""

import json
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
    from platformdirs import user_data_path

    return user_data_path(roaming=True) / "krita" / "pykrita"


def _gimp() -> Path:
    from platformdirs import user_config_path

    return user_config_path(roaming=True) / "GIMP" / "3.0" / "plug-ins"


def _comfyui() -> Path:
    raise SettingsError(
        "ComfyUI may lie anywhere. Name the folder that it looks into:\n"
        "phosphene plugins comfyui --folder ComfyUI/custom_nodes"
    )


@dataclass(frozen=True)
class Plugin:
    """Files for a program."""

    program: str  # its name
    package: str  # the folder that has the plug-in's modules, and gets the client
    folder: Callable[[], Path]  # where the program looks for plug-ins
    starts: bool  # whether it starts the command, and needs the client for that
    then: str  # what is to be done in the program


PLUGINS = {
    "krita": Plugin(
        "Krita",
        "phosphene_krita",
        _krita,
        True,
        "In Krita: Settings › Configure Krita › Python Plugin Manager, tick Phosphene, and start Krita again.\n"
        "The docker is under Settings › Dockers › Phosphene.",
    ),
    "gimp": Plugin(
        "GIMP",
        "phosphene_gimp",
        _gimp,
        True,
        "Start GIMP 3 again. It is under Filters › Phosphene.",
    ),
    "comfyui": Plugin(
        "ComfyUI",
        "phosphene_comfyui",
        _comfyui,
        False,
        "Install Phosphene for ComfyUI's own Python, from its folder: python -m pip install . ; for films '.[film]'\n"
        "Then start ComfyUI again. The nodes are under Phosphene.",
    ),
}


@click.command(name="plugins", short_help="Copies the plug-in for Krita, GIMP or ComfyUI to where that looks for it.")
@click.argument("program", type=click.Choice([*PLUGINS], case_sensitive=False))
@flag("--folder", metavar="DIR", help="where the program looks for plug-ins  [its usual folder]")
def install(program: str, folder: str | None) -> None:
    """Copies a plug-in to where PROGRAM looks for plug-ins: krita, gimp, comfyui.

    Those of Krita and GIMP start this installation's command. Do it again after an update.
    """
    plugin = PLUGINS[program]
    target = Path(folder) if folder is not None else plugin.folder()
    if target.exists() and not target.is_dir():
        raise SettingsError(f"{target} is no folder.\nName the one that {plugin.program} looks into: --folder DIR")
    shutil.copytree(FILES / program, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    package = target / plugin.package
    for path in package.glob("*.py"):
        if path.read_bytes().startswith(b"#!"):
            path.chmod(0o755)  # GIMP starts it as a program
    if plugin.starts:
        shutil.copy(FILES / "client.py", package)
        words = [sys.executable, "-P", "-m", "phosphene"]  # nothing of a folder where it is started
        (package / "command.json").write_text(json.dumps(words), "utf-8")
    Console().say(f"{package}\n{plugin.then}")
