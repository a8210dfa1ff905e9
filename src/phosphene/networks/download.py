"""Fetching weights: the whole file, checked, or none."""

import logging
import tempfile
from pathlib import Path
from typing import Any, Protocol

from phosphene.errors import DISK_FULL, RoomError, UnknownNameError, WeightsError, nearest
from phosphene.networks import registry
from phosphene.networks.registry import Source, models_folder

PATIENCE = 30.0  # seconds without a byte before a connection counts as dead


class Progress(Protocol):
    """What is told of a download; the shape that pooch expects."""

    total: Any

    def update(self, amount: int) -> None:
        """So many bytes have come."""

    def reset(self) -> None:
        """Counts from nothing again."""

    def close(self) -> None:
        """The file is there."""


def fetch(name: str, *, force: bool = False, progress: Progress | None = None) -> Path:
    """The file of weights of a network of `SOURCES`, downloaded into `models_folder()` unless it is there.

    What is there is downloaded, too, and replaced, with `force`. `progress` is told of the bytes as they come.

    Raises:
        UnknownNameError: no such network.
        WeightsError: no connection, or not the file that was expected; how to get it by hand.
        RoomError: the disk is full.
    """
    source = _source(name)
    if not source.address:
        return _installed(source)
    target = models_folder() / source.file
    if target.is_file() and not force:
        registry.check(source, target)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own takes half a file along when it goes, however the download ends.
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as folder:
            return _download(source, Path(folder), progress).replace(target)
    except (OSError, ValueError) as error:
        raise _explain(error, source, target) from error


def _source(name: str) -> Source:
    if name not in registry.SOURCES:
        known = registry.SOURCES
        raise UnknownNameError(
            f"Unknown network {name!r}.{nearest(name, known)} There are {', '.join(known)}."
            " List them with: phosphene networks"
        )
    return registry.SOURCES[name]


def _installed(source: Source) -> Path:
    path = registry.find(source)
    if path is None:
        raise WeightsError(
            f"The weights of {source.name} come with the installation, and are gone.\n"
            f"Bring them back with: {source.again}"
        )
    return path


def _download(source: Source, folder: Path, progress: Progress | None) -> Path:
    import pooch

    pooch.get_logger().setLevel(logging.CRITICAL)  # the library is silent; the edges speak
    downloader = pooch.HTTPDownloader(progressbar=progress or False, timeout=PATIENCE)
    known = source.hashes[0]
    return Path(pooch.retrieve(source.address, known, fname=source.file, path=folder, downloader=downloader))


def _explain(error: Exception, source: Source, target: Path) -> Exception:
    """Why there is no file, where it is to be had, and where it belongs."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return RoomError(f"The disk has no room for {target}, {source.size} MB.\nFree some, or set PHOSPHENE_MODELS.")
    return WeightsError(
        f"The weights of {source.name} did not come: {_reason(error)}.\n"
        f"Fetch them by hand from {source.address}\n"
        f"and save them as {target}"
    )


def _reason(error: Exception) -> str:
    """The cause in few words: requests wraps it several times, with much that helps nobody."""
    if isinstance(error, ValueError) and "hash" in str(error):
        return "what came is another file, or a damaged one (its checksum is wrong)"
    answer = getattr(error, "response", None)
    if answer is not None:
        answer.close()  # pooch leaves it open
        return f"the server answered {answer.status_code} {answer.reason}"
    if isinstance(error, PermissionError):
        return "you may not write there"
    silent = {"ReadTimeout": "the server is silent"}
    kinds = silent | dict.fromkeys(("ConnectionError", "ConnectTimeout"), "no connection")
    known = kinds.get(type(error).__name__) or getattr(error, "strerror", None)
    return known or str(error).splitlines()[0][:100]
