"""The command that keeps a warm process: `phosphene --warm …` is done by a child of it, which has loaded everything."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

import click

from phosphene import warm
from phosphene.cli import configuration, process
from phosphene.cli.options import flag
from phosphene.cli.progress import Console
from phosphene.errors import SettingsError
from phosphene.recipes.settings import DreamSettings

TICK = 1.0  # seconds after which children that have ended are noticed at the latest
WINDOW = 3.0  # seconds over which other programs' load is taken
MOST = 16  # commands at a time


@click.command(short_help="Keeps torch and the network in memory for commands with --warm.")
@flag(
    "--minutes", type=click.FloatRange(0.01, 100_000), default=30.0, show_default=True, help="ends after so long unused"
)
@flag("--model", metavar="NAME", shell_complete=configuration.models, default=DreamSettings.model, show_default=True,
      help="the network that is kept in memory")  # fmt: skip
@flag("-q", "--quiet", is_flag=True, help="say nothing")
def serve(minutes: float, model: str, quiet: bool) -> None:
    """Keeps torch and the network in memory: a command that is given as phosphene --warm … begins at once.

    It listens at a socket that only you can reach, never at a network's address. Each command is a child of it, and
    sees the folder, the environment and the terminal of whoever gave it. Ctrl-C ends it.
    """
    if not warm.POSSIBLE:
        raise SettingsError("This system cannot fork, so that no process can be kept warm.\nLeave --warm out.")
    listener = _listen()
    try:
        command_line = _loaded(model)
        Console(quiet).say(
            f"Ready: phosphene --warm photo.jpg\nIt ends after {minutes:g} unused minutes, or by Ctrl-C."
        )
        Server(listener, command_line).run(60 * minutes)
    except KeyboardInterrupt:
        Console(quiet).say("No process is kept warm any more.")
    finally:
        warm.address().unlink(missing_ok=True)
        listener.close()


def _listen() -> socket.socket:
    """The socket. Raises `SettingsError`: another process listens there."""
    try:
        place = warm.address()
    except PermissionError as error:
        raise SettingsError(f"{error}\nRemove it, or set XDG_RUNTIME_DIR to a folder of your own.") from error
    with socket.socket(socket.AF_UNIX) as other:
        if other.connect_ex(str(place)) == 0:
            raise SettingsError("A process is kept warm already.\nUse it: phosphene --warm photo.jpg")
    place.unlink(missing_ok=True)  # of one that was killed
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen(MOST)
    return listener


def _loaded(model: str) -> Callable[[list[str]], object]:
    """The command line, with all that commands load.

    Nothing may have been computed on several threads: a child has none of its parent's, and would wait for them.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    from phosphene import networks
    from phosphene.cli import main
    from phosphene.techniques import TECHNIQUES

    networks.load(model)
    for technique in TECHNIQUES.values():
        import_module(technique.engine_path.partition(":")[0])
    for room in ("phosphene.cli.runner", "phosphene.run.functions"):
        import_module(room)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page

    def command_line(argv: list[str]) -> object:
        torch.set_num_threads(threads)
        return main(argv)

    return command_line


class Server:
    """Forks for each request, and hands signals and exit codes on.

    Args:
        listener: where requests come in.
        command_line: does what words say; it exits.
    """

    def __init__(self, listener: socket.socket, command_line: Callable[[list[str]], object]) -> None:
        self._listener, self._command_line = listener, command_line
        self._children: dict[int, socket.socket] = {}  # who waits for them, by their number
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def run(self, unused: float) -> None:
        """Serves until nothing was asked for so many seconds."""
        wake, woken = socket.socketpair()
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(wake, selectors.EVENT_READ)
        last = load_taken = time.monotonic()
        process.SINCE_START.begin()
        while self._children or time.monotonic() - last < unused:
            for key, _ in self._selector.select(min(TICK, unused)):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is wake:
                    wake.recv(4096)
                else:
                    self._hear(key.data)
                last = time.monotonic()
            self._bury()
            if time.monotonic() - load_taken > WINDOW:
                load_taken = time.monotonic()
                process.SINCE_START.begin()

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        if len(self._children) >= MOST:
            link.close()  # it is done without this process
            return
        try:
            request, streams = warm.receive(link)
        except (OSError, ValueError, TypeError):
            link.close()
            return
        child = os.fork()
        if not child:
            self._be_child(link, request, streams)
        for number in streams:
            os.close(number)
        self._children[child] = link
        self._selector.register(link, selectors.EVENT_READ, child)

    def _hear(self, child: int) -> None:
        """A signal for a child; whoever goes away has no use for it any more."""
        link = self._children[child]
        try:
            wished = link.recv(1)
        except OSError:
            wished = b""
        if not wished:
            self._selector.unregister(link)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, wished[0] if wished and wished[0] in (signal.SIGINT, signal.SIGTERM) else signal.SIGTERM)

    def _bury(self) -> None:
        """Tells the exit codes of children that have ended."""
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            link = self._children.pop(child)
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):
                link.sendall(b"%d\n" % (code if code >= 0 else 128 - code))
            with contextlib.suppress(KeyError):
                self._selector.unregister(link)
            link.close()
            process.SINCE_START.begin()  # what the child did was no other program's work

    def _be_child(self, link: socket.socket, request: warm.Request, streams: list[int]) -> NoReturn:
        """Becomes the command, and ends with it."""
        code = 1
        process.SINCE_START.forked()
        try:
            signal.set_wakeup_fd(-1)
            for caught in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(caught, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for each in (self._listener, link, *self._children.values()):
                each.close()
            self._selector.close()
            for wanted, number in enumerate(streams):
                os.dup2(number, wanted)
            os.environ.clear()
            os.environ.update(request.environment)
            os.umask(request.umask)
            os.chdir(request.folder)
            _open_streams()
            self._command_line(request.argv)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(code)


def _open_streams() -> None:
    """Python's standard streams, anew for the numbers 0 to 2."""
    for number, (name, mode) in enumerate((("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))):
        raw = open(number, mode, closefd=False)  # noqa: SIM115 - to the end
        errors = "backslashreplace" if name == "stderr" else None
        stream = io.TextIOWrapper(raw, errors=errors, line_buffering=raw.isatty() or name == "stderr")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
