"""The command that goes on with a run that stopped."""

import contextlib
from pathlib import Path

import click

from phosphene.cli import configuration, options

ARGUMENTS = "phosphene.arguments"  # in click's context: the command line that is run


@click.command(short_help="Goes on with a run that stopped.")
@click.argument("picture", shell_complete=configuration.files)
@click.option("--model", metavar="FILE.py:NAME", help="the program of the run's own network, which runs only if named")
@click.pass_context
def resume(context: click.Context, picture: str, model: str | None) -> int:
    """Goes on with the run that was to write PICTURE and stopped: the same command, from where it was.

    Such a run leaves a folder PICTURE.unfinished, which is gone when the picture is there.
    """
    from phosphene.errors import ImageError, RecordError
    from phosphene.records import journal

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
    own = None if model is None else str(Path(model).absolute())
    words = [_named_again(str(word), own, picture) for word in arguments if word not in options.BEGIN_ANEW]
    front = context.find_root().command
    with contextlib.chdir(folder), front.make_context("phosphene", words) as again:
        code = front.invoke(again)
    return code if isinstance(code, int) else 0


def _named_again(word: str, model: str | None, picture: str) -> str:
    """A word of a journal; in place of a program, which it must not have run, the one that the user named."""
    from phosphene import networks

    flag = "--model=" if word.startswith("--model=") else ""
    name = word.removeprefix(flag)
    if not networks.is_program(name):
        return word
    if model is None:
        networks.refuse_program(name, "The stopped run", f"phosphene resume {picture} --model {{}}")
    return f"{flag}{model}"
