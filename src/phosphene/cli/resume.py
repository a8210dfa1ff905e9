"""The command that goes on with a run that stopped."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from phosphene.cli import completion, options

ARGUMENTS = "phosphene.arguments"  # in click's context: the command line that is run


@click.command(short_help="Goes on with a run that stopped.")
@click.argument("picture", shell_complete=completion.files)
@click.pass_context
def resume(context: click.Context, picture: str) -> int:
    """Goes on with the run that was to write PICTURE and stopped: the same command, from where it was.

    Such a run leaves a folder PICTURE.unfinished, which is gone when the picture is there.
    """
    from phosphene import journal
    from phosphene.errors import ImageError, RecordError

    output = Path(picture.removesuffix(journal.SUFFIX))
    found = journal.read(journal.folder_of(output))
    if found is None:
        raise ImageError(
            f"No run that writes {output} was stopped: there is no {journal.folder_of(output).name}.\n"
            "A run keeps one from its first minute on. To make a finished picture again: phosphene redo PICTURE"
        )
    command = found.get("command", {})
    arguments, folder = command.get("arguments"), Path(str(command.get("folder", "")))
    if not isinstance(arguments, list) or not folder.is_dir():
        raise RecordError(f"{journal.folder_of(output)} does not say how it was begun. Give the same command again.")
    words = [str(word) for word in arguments if word not in options.BEGIN_ANEW]
    front = context.find_root().command
    with contextlib.chdir(folder), front.make_context("phosphene", words) as again:
        code = front.invoke(again)
    return code if isinstance(code, int) else 0
