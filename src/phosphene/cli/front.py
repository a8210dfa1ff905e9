"""The front door: which command is meant, and what becomes of errors."""

import glob
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from phosphene import __version__
from phosphene.cli import completion, factory, film, looks, match, plugins, reports, serve, studio, tables
from phosphene.cli.configuration import beginning
from phosphene.cli.progress import Console, open_streams
from phosphene.errors import StopRequested, in_words, nearest
from phosphene.names import CANVASES
from phosphene.techniques import TECHNIQUES

_NO_READER = 141  # what the shell reports of a program whose reader went away


class Front(click.Group):
    """Takes a picture in place of a command, and turns every error into a message and an exit code."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> NoReturn:
        """Runs a command line and exits."""
        arguments = list(sys.argv[1:] if args is None else args)
        debug = bool(os.environ.get("PHOSPHENE_DEBUG")) or _take_debug_(arguments)
        open_streams()
        options |= {"prog_name": "phosphene", "standalone_mode": False}
        try:
            result = super().main(arguments, **options)
            sys.stdout.flush()
        except BaseException as error:  # whatever it is, it is told in words, and becomes an exit code
            result = _code_of(error, debug=debug)
        sys.exit(result if isinstance(result, int) else 0)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in their order; those of techniques that were registered come last."""
        return list(dict.fromkeys((*self.commands, *TECHNIQUES)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        own = super().get_command(ctx, cmd_name)
        return own or (factory.command(TECHNIQUES[cmd_name]) if cmd_name in TECHNIQUES else None)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `dream` before a command line that begins with a picture or with one of its options."""
        args = [os.fspath(word) for word in args]
        if not ctx.resilient_parsing:
            _refuse_blanks(args)
        commands = self.list_commands(ctx)
        if args[:1] == ["help"] and not Path("help").exists():
            args = [*(word for word in args[1:2] if word in commands), "--help"]
        if args and args[0] not in commands and args[0] not in ("--help", "-h", "--version"):
            if not args[0].startswith("-") and not ctx.resilient_parsing:
                _check_word(args[0], tuple(commands))
            args = ["dream", *args]
        elif not args:
            args = ["--help"]
        ctx.meta[factory.ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes the first word: a command, a canvas, an option of `dream`; where it begins none, a file."""
        if incomplete.startswith("-"):
            dreaming = self.commands["dream"]
            with dreaming.make_context("dream", [], parent=ctx, resilient_parsing=True) as inner:
                return dreaming.shell_complete(inner, incomplete)
        found = super().shell_complete(ctx, incomplete) + beginning(CANVASES, incomplete)
        return found or [CompletionItem(incomplete, type="file")]


_OTHER_WORDS = {
    "animate": "phosphene film holiday.mp4, or phosphene zoom photo.jpg",
    "video": "phosphene film holiday.mp4",
    "movie": "phosphene film holiday.mp4",
    "completions": "phosphene completion",
    "gui": "phosphene studio",
    "paint": "phosphene studio",
    "ui": "phosphene studio",
    "web": "phosphene studio",
    "transfer": "phosphene style photo.jpg painting.jpg",
    "batch": "phosphene FOLDER",
    "deepdream": "phosphene dream photo.jpg",
    "guide": "phosphene dream photo.jpg --guide flowers.jpg",
    "filter": "phosphene style photo.jpg --filter woodcut, or phosphene filters",
}
_OTHER_FLAGS = {
    "--color": "--colour",
    "--colors": "--colours",
    "--iterations": "--steps",
    "--iteration": "--steps",
    "--num-iterations": "--steps",
    "--lr": "--step-size",
    "--learning-rate": "--step-size",
    "--style": "phosphene style PICTURE STYLE",
    "--style-image": "phosphene style PICTURE STYLE",
    "--only": "--mask",
    "--zoom": "phosphene zoom PICTURE",
    "--frames": "phosphene zoom PICTURE, or phosphene film FILM",
    "--fps": "phosphene zoom PICTURE, or phosphene film FILM",
    "--scale": "--enlarge, or in phosphene style the size of the strokes",
    "--upscale": "--enlarge",
    "--poster": "--enlarge",
    "--creature-size": "--base-size, or --octaves",
    "--width": "--long-side",
    "--max-size": "--long-side",
    "--image-size": "--long-side",
    "--layers": "--layer",
    "--gpu": "--device cuda",
    "--output-dir": "-o FOLDER/",
    "--model-file": "--model",
    "--network": "--model",
    "--tiles": "--tile",
    "--overwrite": "--force",
    "--verbose": "--debug",
}
"""What other programs call things, and what they are called here."""


def _refuse_blanks(args: Sequence[str]) -> None:
    """Refuses words that are empty, as a variable of the shell that is not set leaves them: none means anything."""
    for before, word in zip(("", *args), args, strict=False):
        flag, sign, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if (flag and not sign) or value.strip():
            continue
        named = flag or (before if before.startswith("-") and before.strip("-") and "=" not in before else "")
        raise click.UsageError(
            f"{named or 'A name'} is empty: {value!r}.\nName something"
            f"{', or leave the flag out' if named else ''}. Is a variable of your shell not set?"
        )


def _take_debug_(arguments: list[str]) -> bool:
    """Removes `--debug`, wherever it stands before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if "--debug" not in arguments[:end]:
        return False
    arguments.remove("--debug")
    return True


def _check_word(word: str, commands: tuple[str, ...]) -> None:
    """Refuses a first word that is neither a command nor anything like a picture."""
    if word in CANVASES or Path(word).exists() or glob.has_magic(word) or any(mark in word for mark in "./\\"):
        return
    if (meant := _OTHER_WORDS.get(word.lower())) is not None:
        raise click.UsageError(f"{word!r} is neither a command nor a picture.\nIt is: {meant}")
    here = sorted(each.name for each in Path().iterdir())
    raise click.UsageError(
        f"{word!r} is neither a command nor a picture.{nearest(word, [*commands, *CANVASES, *here])}\n"
        f"The commands are {', '.join(commands)}; phosphene --help explains them."
    )


def _code_of(error: BaseException, *, debug: bool) -> int:
    """Tells an error, and gives its exit code."""
    match error:
        case BrokenPipeError():  # what is left to write is nobody's any more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _NO_READER
        case SystemExit():  # with 1, click's own answer to a broken pipe
            return error.code if isinstance(error.code, int) and error.code != 1 else _NO_READER
        case click.Abort() | KeyboardInterrupt():
            return _told("Interrupted; nothing is saved.", 130, debug=debug)
        case Exception():  # a fault of ours: a line and the way to report it, no traceback
            return _told(*_explained(error), debug=debug)
    raise error


def _told(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    Console().complain(message)
    return code


def _explained(error: Exception) -> tuple[str, int]:
    """An error's message for the person, and its exit code."""
    match error:
        case click.ClickException():
            return _usage(error), error.exit_code
        case StopRequested():
            return "Interrupted; nothing is saved.", 130
    ours = in_words(error)
    return str(ours), ours.exit_code


def _usage(error: click.ClickException) -> str:
    """Click's message, and where help is."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        if meant := _OTHER_FLAGS.get(error.option_name):
            message = f"No such option {error.option_name!r}. It is: {meant}"
        elif elsewhere := _commands_with(error.option_name, context):
            message = f"No such option {error.option_name!r} here; it belongs to: phosphene {', '.join(elsewhere)}"
    if "\n" in message or context is None:
        return message
    return f"{message}\nSee: {context.command_path} --help"


def _commands_with(flag: str, context: click.Context | None) -> list[str]:
    """The commands that know a flag."""
    if context is None or not isinstance(front := context.find_root().command, Front):
        return []
    known = {name: front.get_command(context, name) for name in front.list_commands(context)}
    return [name for name, each in known.items() if each and any(flag in option.opts for option in each.params)]


_HELP = """Brings a neural network's patterns out of your pictures.

\b
phosphene photo.jpg            dreams, and writes photo-dream.png
phosphene clouds               dreams upon a sky that it paints itself
phosphene photo.jpg --strength 2 --layer block8 -o wild.png
phosphene style photo.jpg waves.jpg    repaints it as another picture is painted
phosphene studio               opens a page in your browser, to paint with dreams
phosphene dream --help         all that can be set
"""


@click.command(cls=Front, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="phosphene", message="%(prog)s %(version)s")
@click.option(
    "--warm", is_flag=True, expose_value=False, help="Let a process that has loaded everything do it: phosphene serve."
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def main() -> None:
    """The command line."""


_MAKE = (
    film.film,
    film.zoom,
    factory.redo,
    factory.resume,
    reports.atlas,
    reports.study,
    match.match,
    studio.studio,
    serve.serve,
)
_SHOW = (
    looks.looks,
    tables.filters,
    tables.layers,
    tables.networks,
    tables.presets,
    tables.info,
    completion.completion,
    plugins.install,
)
for _command in (*map(factory.command, TECHNIQUES.values()), *_MAKE, *_SHOW):
    main.add_command(_command)
