"""The command that has a shell complete the words of `phosphene` at the Tab key."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from phosphene.cli.options import flag
from phosphene.cli.progress import Console
from phosphene.errors import SettingsError, nearest

SHELLS = ("bash", "zsh", "fish", "powershell")
_LINES = {  # for a file that the shell reads when it begins, where it looks into no folder
    "zsh": ("~/.zshrc", 'eval "$(phosphene completion zsh)"'),
    "powershell": ("the file that $PROFILE names", "phosphene completion powershell | Out-String | Invoke-Expression"),
}


def _file(shell: str) -> Path | None:
    """Where a shell looks for the script by itself; `None` where it needs a line in a file of the user's."""
    if shell == "bash":
        data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        return Path(data) / "bash-completion" / "completions" / "phosphene"
    if shell == "fish":
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "fish/completions/phosphene.fish"
    return None


@click.command(short_help="Has the Tab key complete commands, flags, presets and layers.")
@click.argument("shell", required=False, metavar="[bash|zsh|fish|powershell]")
@flag("--install", is_flag=True, help="write it where the shell looks for it, in place of printing it")
@click.pass_context
def completion(context: click.Context, shell: str | None, install: bool) -> None:
    """Prints what a shell needs to complete commands, flags, presets and layers at the Tab key, or installs it.

    The shell is the one that you use, unless you name another.
    """
    named = shell or Path(os.environ.get("SHELL", "")).name
    if named not in SHELLS:
        given = f"{named!r} is no shell that is known here.{nearest(named, SHELLS)}" if named else "Name your shell."
        raise SettingsError(f"{given}\nThere are {', '.join(SHELLS)}: phosphene completion bash")
    script = _script(context.find_root().command, named)
    if not install:
        click.echo(script.rstrip())
        return
    path = _file(named)
    if path is None:
        place, line = _LINES[named]
        Console().say(f"{named} looks into no folder of yours. Put this line into {place}:\n{line}")
        return
    from phosphene.images.sources import write_atomically

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, script.encode(), overwrite=True)
    more = " It takes the package bash-completion, which most systems have." if named == "bash" else ""
    Console().say(f"{path}\nOpen a new window, and press Tab.{more}")


def _script(command: click.Command, shell: str) -> str:
    made = get_completion_class(shell)
    if made is None:
        raise SettingsError(f"This version of click knows no {shell}.\nUpdate it: pip install -U click")
    return made(command, {}, "phosphene", "_PHOSPHENE_COMPLETE").source()
