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
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import NoReturn

import click

from phosphene.cli import configuration, process
from phosphene.cli.options import flag
from phosphene.cli.progress import Console
from phosphene.errors import SettingsError
from phosphene.recipes.settings import DreamSettings
from phosphene.startup import loading, warm

TICK = 1.0  # seconds after which children that have ended are noticed at the latest
WINDOW = 3.0  # seconds over which other programs' load is taken
MOST = 16  # commands at a time
WAIT = 3.0  # seconds within which one that is out of date has ended


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
    sees the folder, the environment and the terminal of whoever gave it. Ctrl-C ends it when the commands that run
    are done, a second one interrupts them.
    """
    if not warm.POSSIBLE:
        raise SettingsError("This system cannot fork, so that no process can be kept warm.\nLeave --warm out.")
    os.chdir("/")  # whoever started it may remove the folder
    with _listening() as listener:
        command_line = _loaded(model)
        Console(quiet).say(
            f"Ready: phosphene --warm photo.jpg\nIt ends after {minutes:g} unused minutes, or by Ctrl-C."
        )
        Server(listener, command_line).run(60 * minutes)
    Console(quiet).say("No process is kept warm any more.")


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    """The socket, as long as the block runs. Raises `SettingsError`: another process listens there."""
    import fcntl  # not on Windows

    try:
        place = warm.address()
        lock = place.with_suffix(".lock").open("w")
    except OSError as error:
        raise SettingsError(f"{error}\nRemove it, or set XDG_RUNTIME_DIR to a folder of your own.") from error
    with lock, socket.socket(socket.AF_UNIX) as listener:
        end = time.monotonic() + WAIT
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    raise SettingsError("A process is kept warm already.\nUse it: phosphene --warm photo.jpg") from None
                time.sleep(0.05)
        place.unlink(missing_ok=True)  # of one that was killed
        try:
            listener.bind(str(place))
        except OSError as error:
            raise SettingsError(f"{place}: {error}.\nSet XDG_RUNTIME_DIR to a folder with a shorter name.") from error
        listener.listen(MOST)
        try:
            yield listener
        finally:
            place.unlink(missing_ok=True)


def _loaded(model: str) -> Callable[[list[str]], object]:
    """The command line, with all that commands load.

    Nothing may have been computed on several threads: a child has none of its parent's, and would wait for them.
    """
    import torch

    from phosphene.networks.network import use_threads

    threads = torch.get_num_threads()
    use_threads(1)
    from phosphene import networks
    from phosphene.cli import main
    from phosphene.techniques import TECHNIQUES

    networks.load(model)
    for technique in TECHNIQUES.values():
        import_module(technique.engine_path.partition(":")[0])
    for room in ("phosphene.cli.runner", "phosphene.run.functions"):
        import_module(room)
    loading.load_all_of_torch()
    gc.collect()
    loading.end()  # a collection of all of it in a child would copy every page

    def command_line(argv: list[str]) -> object:
        use_threads(threads)
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
        self._ending, self._told = False, list[int]()  # the signals that came

    def run(self, unused: float) -> None:
        """Serves until nothing was asked for so many seconds, or until a signal; it waits for its children."""
        wake, woken = socket.socketpair()
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda caught, _: self._told.append(caught))
        self._selector.register(wake, selectors.EVENT_READ)
        last = load_taken = time.monotonic()
        process.SINCE_START.begin()
        while self._children or not (self._ending or time.monotonic() - last > unused):
            for key, _ in self._selector.select(min(TICK, unused)):
                if key.fileobj is self._listener:
                    last = time.monotonic() if self._accept() else last
                elif key.fileobj is wake:
                    wake.recv(4096)
                else:
                    self._hear(key.data)
            last = time.monotonic() if self._bury() else last
            if self._told:
                self._end()
            if time.monotonic() - load_taken > WINDOW:
                load_taken = time.monotonic()
                process.SINCE_START.begin()

    def _end(self) -> None:
        """Takes no more commands, and waits for those that run.

        SIGTERM, or a second Ctrl-C, interrupts them, so that they save what there is: the first one may have reached
        whoever asked for them, too, who hands it on.
        """
        again, self._ending = self._ending, True
        if not again:
            self._selector.unregister(self._listener)
        if again or signal.SIGTERM in self._told:
            for child in self._children:
                self._signal(child, signal.SIGINT)
        self._told.clear()

    def _accept(self) -> bool:
        """Takes a request, if it is one that can be done; says whether it was."""
        try:
            link, _ = self._listener.accept()
        except OSError:
            return False
        request, streams = None, list[int]()
        try:
            request, streams = warm.receive(link)
            child = os.fork() if len(self._children) < MOST else -1
        except warm.OtherInstallationError:  # this one is out of date, or will not be asked again
            self._ending = True
            child = -1
        except (OSError, ValueError):
            child = -1
        if not child and request is not None:
            self._be_child(link, request, streams)
        for number in streams:
            os.close(number)
        if child < 0:
            link.close()  # it is done without this process
            return False
        with contextlib.suppress(OSError):
            link.sendall(warm.ACCEPTED)
        self._children[child] = link
        self._selector.register(link, selectors.EVENT_READ, child)
        return True

    def _hear(self, child: int) -> None:
        """A signal for a child; whoever goes away has no use for it any more."""
        link = self._children[child]
        try:
            wished = link.recv(1)
        except OSError:
            wished = b""
        if not wished:
            self._selector.unregister(link)
        self._signal(child, wished[0] if wished and wished[0] in (signal.SIGINT, signal.SIGTERM) else signal.SIGTERM)

    def _signal(self, child: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    def _bury(self) -> bool:
        """Tells the exit codes of children that have ended; says whether there were any."""
        any_ended = False
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                break
            any_ended = True
            link = self._children.pop(child)
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):
                link.sendall(b"%d\n" % (code if code >= 0 else 128 - code))
            with contextlib.suppress(KeyError):
                self._selector.unregister(link)
            link.close()
            process.SINCE_START.begin()  # what the child did was no other program's work
        return any_ended

    def _be_child(self, link: socket.socket, request: warm.Request, streams: list[int]) -> NoReturn:
        """Becomes the command, and ends with it."""
        code = 1
        process.SINCE_START.forked()
        try:
            os.setsid()  # Ctrl-C of the server's terminal is not for it
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
            os.nice(max(0, request.niceness - os.nice(0)))
            _open_streams(request.closed)
            self._command_line(request.argv)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            for stream in filter(None, (sys.stdout, sys.stderr)):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(code)


def _open_streams(closed: list[int]) -> None:
    """Python's standard streams, anew for the numbers 0 to 2, but those that are closed."""
    for number, (name, mode) in enumerate((("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))):
        stream = None
        if number not in closed:
            raw = open(number, mode, closefd=False)  # noqa: SIM115 - to the end
            errors = "backslashreplace" if name == "stderr" else None
            stream = io.TextIOWrapper(raw, errors=errors, line_buffering=raw.isatty() or name == "stderr")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
