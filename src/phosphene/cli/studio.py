"""The command that opens the studio. It loads torch and the web server only when it is run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from phosphene.cli import configuration, process
from phosphene.cli.options import flag
from phosphene.cli.progress import Console
from phosphene.errors import SettingsError
from phosphene.recipes.settings import DreamSettings
from phosphene.startup import loading

if TYPE_CHECKING:
    from phosphene.studio.server import Place

_WARNING = """Others in your network can reach this address. Whoever has its token can see and change your paintings,
and nothing is encrypted on the way. Without --host only this computer is served."""


@click.command(short_help="Opens the studio: paint with dreams, in your browser.")
@flag("--folder", metavar="DIR", help="a folder of pictures to choose from; it is only read")
@flag("--port", type=click.IntRange(0, 65535), default=0, help="the port; by default a free one")
@flag("--host", metavar="ADDR", default="127.0.0.1", show_default=True, help="the address to listen at")
@flag("--open/--no-open", "opens", default=True, help="whether the browser is opened")
@flag(
    "--model",
    metavar="NAME",
    shell_complete=configuration.models,
    default=DreamSettings.model,
    show_default=True,
    help="the network",
)
def studio(folder: str | None, port: int, host: str, opens: bool, model: str) -> None:
    """Opens the studio: a page in your browser, on this computer only, where you paint with dreams.

    It prints its address. The address has a token in it, another one at each start, without which nobody is let in.
    Ctrl-C ends it; the paintings are kept.
    """
    if folder is not None and not Path(folder).is_dir():
        raise SettingsError(f"--folder {folder} is no folder.\nName one that is there: phosphene studio --folder DIR")
    pictures = None if folder is None else Path(folder).resolve()
    process.one_heap()
    from phosphene.sessions.service import Studio
    from phosphene.studio.server import serve

    loading.end()
    serve(
        lambda: Studio(_home(), pictures=pictures, model=model),
        host=host,
        port=port,
        ready=lambda place: _announce(place, opens=opens),
    )
    Console().say("The studio is closed.")


def _home() -> Path:
    """Where paintings are kept: `$PHOSPHENE_STUDIO`, or the user's data folder."""
    from platformdirs import user_data_path

    chosen = os.environ.get("PHOSPHENE_STUDIO")
    return Path(chosen) if chosen else user_data_path("phosphene") / "studio"


def _announce(place: Place, *, opens: bool) -> None:
    """Prints the address, and opens it; in a thread, since some browsers keep whoever starts them waiting."""
    import threading
    import webbrowser

    from phosphene.studio.server import LOOPBACK

    if place.host not in LOOPBACK:
        Console().say(_WARNING)
    Console().say("The studio is open. Ctrl-C closes it.")
    click.echo(place.address)
    if opens:
        threading.Thread(target=webbrowser.open, args=(place.address_once(),), daemon=True).start()
