"""What the studio's web server asks for: pictures, and what is painted on them."""

import contextlib
import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from weakref import WeakValueDictionary

from phosphene import batch, filters, images, networks
from phosphene.errors import PhospheneError, SettingsError, UnknownNameError, nearest
from phosphene.images import Picture
from phosphene.images.sources import write_atomically
from phosphene.names import CANVASES, GUIDES
from phosphene.networks import Network
from phosphene.painting.document import DREAM, Ground, Look
from phosphene.painting.history import History
from phosphene.painting.look_cache import USUAL, as_ground, check_layer
from phosphene.pixels.canvases import canvas
from phosphene.recipes.settings import PRESETS
from phosphene.records.record import Facts
from phosphene.run.extras import films_missing
from phosphene.sessions.background import SUFFIXES
from phosphene.sessions.jobs import Job, Worker
from phosphene.sessions.screen import THUMBNAIL, eight_bits, webp
from phosphene.sessions.session import VIEW, Session
from phosphene.sessions.states import Folder, FolderEntry, KeptLook, Looks, PictureEntry
from phosphene.sessions.store import PICTURE, SessionFolder, Store, checked_facts, checked_name
from phosphene.techniques import looks as look_files
from phosphene.techniques.engine import GUIDE_SIZE
from phosphene.techniques.looks import LookFile
from phosphene.texts import text_of

LOADED = 4  # pictures that are in memory; others are opened again when they are asked for
UPLOAD_BYTES, UPLOAD_PIXELS = 200_000_000, 100_000_000
CANVAS_SIDES = 32, 8192  # pixels of a canvas's side, the least and the most
BEGINNING = Ground(Look(DREAM, preset=USUAL), 1.0)
FOLDER_MOST = 500  # pictures of a folder that are shown


class Studio:
    """All pictures of a painter, and the one thread that computes.

    Args:
        folder: where paintings are kept.
        pictures: a folder whose pictures are offered, read-only.
        model: the network.
        max_pixels: refuses larger pictures.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pictures: Path | None = None,
        model: str = "efficientnet-lite0",
        max_pixels: int = UPLOAD_PIXELS,
    ) -> None:
        self.network, self.max_pixels, self._pictures = networks.load(model), max_pixels, pictures
        self.store, self.worker = Store(folder), Worker()
        self._sessions: dict[str, Session] = {}  # those that are kept in memory, the last used last
        self._alive = WeakValueDictionary[str, Session]()  # those, and the ones that something still works with
        self._opening: dict[str, threading.Lock] = {}  # pictures that are being read
        self._latest: dict[str, SessionFolder] = {}  # of each photograph that was opened, by the SHA-256 of its file
        self._lock = threading.RLock()

    def looks(self) -> Looks:
        """What a brush or a ground can be, and what can be opened."""
        layers = [(name, self.network.layer(name)) for name in self.network.layers]
        return {
            "presets": [{"name": each.name, "about": each.about} for each in PRESETS.values()],
            "filters": [{"name": name, "about": filters.read(name).about} for name in filters.names()],
            "yours": _kept_looks(self.network),
            "layers": [{"name": name, "channels": each.channels, "shows": each.shows} for name, each in layers],
            "canvases": [{"name": name, "about": about} for name, about in CANVASES.items()],
            "guides": list(GUIDES),
            "formats": list(SUFFIXES),
            "films": films_missing(),
            "limits": {"bytes": UPLOAD_BYTES, "pixels": self.max_pixels},
        }

    def list(self) -> list[PictureEntry]:
        """The paintings, the last changed first."""
        return [told for folder in self.store.folders() if (told := _told(folder)) is not None]

    def open(self, data: bytes, name: str) -> Session:
        """Opens a picture from a file's bytes; it begins to dream at once.

        Raises:
            PhospheneError: it cannot be read.
        """
        return self._new(data, checked_name(name, "picture"))

    def canvas(self, name: str, width: int, height: int, seed: int) -> Session:
        """Opens a canvas, which the program paints. Raises `SettingsError`: an impossible one."""
        if name not in CANVASES:
            raise UnknownNameError(f"There is no canvas {name!r}.{nearest(name, CANVASES)}")
        least, most = CANVAS_SIDES
        if not (least <= width <= most and least <= height <= most):
            raise SettingsError(f"A canvas has from {least} to {most} pixels a side, not {width}×{height}.")
        painted = canvas(name, height, width, seed=seed)
        return self._new(images.encode(painted, "png")[0], f"{name}.png")

    def keep_look(self, data: bytes, name: str) -> KeptLook:
        """Keeps a look's file under its name, in the user's folder.

        Raises:
            SettingsError: it is none, is of another network, or uses pictures.
        """
        called = checked_name(name, "look's file")
        if len(data) > look_files.MOST:
            raise SettingsError(f"{called} is no look's file: it has {len(data):,} bytes.")
        found, ground = _look_of(data, called, self.network)
        kept = look_files.written(found.technique, found.settings, found.about, None).encode()
        free = look_files.free_name(called, kept)
        look_files.folder().mkdir(parents=True, exist_ok=True)
        write_atomically(look_files.folder() / f"{free}.toml", kept, overwrite=True)
        return {"name": free, "about": found.about, "ground": ground.to_dict()}

    def guide(self, name: str) -> bytes:
        """One of the canvases that can guide a dream, lossless WebP. Raises `UnknownNameError`: there is none."""
        if name not in GUIDES:
            raise UnknownNameError(f"There is no guide {name!r}.{nearest(name, GUIDES)}")
        return _drawn(name)

    def folder(self) -> Folder:
        """The folder that was given, and its pictures; without one, none."""
        if self._pictures is None:
            return {"folder": None, "pictures": [], "left_out": ""}
        found, left_out = self._files()
        files = [FolderEntry(number=number, name=path.name) for number, path in enumerate(found)]
        return {"folder": self._pictures.resolve().name, "pictures": files, "left_out": left_out}

    def open_file(self, number: int) -> Session:
        """Opens a picture of the folder.

        Raises:
            PhospheneError: there is none of that number, or it cannot be read.
        """
        path = self._file(number)
        return self.open(path.read_bytes(), path.name)

    def folder_thumbnail(self, number: int) -> bytes:
        """A small one of the folder's pictures."""
        picture = images.load(self._file(number), long_side=THUMBNAIL, max_pixels=self.max_pixels)
        return webp(eight_bits(picture.pixels))

    def unpack(self, data: bytes, name: str) -> Session:
        """Opens a painting's file. Raises `PhospheneError`: it is none, or damaged."""
        folder = self.store.unpack(data)
        try:
            return self._opened(folder)
        except (PhospheneError, KeyError, TypeError, ValueError) as error:
            self.store.discard(folder)
            if isinstance(error, PhospheneError):
                raise
            raise SettingsError(f"{checked_name(name, 'This file')} is damaged: its facts are not whole.") from error

    def picture(self, id: str) -> Session:
        """An open picture, or one that was kept. Raises `UnknownNameError`: there is none."""
        with self._lock:
            if (found := self._seen(id)) is not None:
                return found
            opening = self._opening.setdefault(id, threading.Lock())
        with opening:  # who wants the same picture waits for it, and nobody else
            if (found := self._seen(id)) is not None:
                return found
            try:
                return self._opened(self.store.folder(id))
            finally:
                self._opening.pop(id, None)

    def _seen(self, id: str) -> Session | None:
        """A picture that is in memory, whether it is kept there or only still worked with; one of an id at most."""
        with self._lock:
            found = self._alive.get(id)
            if id in self._sessions:
                self._sessions[id] = self._sessions.pop(id)
            return found

    def forget(self, id: str) -> None:
        """Deletes a picture and what was painted on it, when nothing is just being written there."""
        self.picture(id).close()
        with self._lock:
            self._sessions.pop(id, None)
            self._alive.pop(id, None)
            self._latest = {key: folder for key, folder in self._latest.items() if folder.id != id}
        self.worker.ask(lambda: self.store.forget(id)).result()

    def job(self, id: str) -> Job:
        """A job. Raises `UnknownNameError`: there is none."""
        for session in self._in_memory():
            if (found := session.jobs.get(id)) is not None:
                return found
        raise UnknownNameError("There is no such job any more.")

    def close(self) -> None:
        """Ends all work; what was painted is kept."""
        for session in self._in_memory():
            session.close()
        self.worker.close()

    def _in_memory(self) -> Sequence[Session]:
        with self._lock:
            return list(self._alive.values())

    def _new(self, data: bytes, name: str) -> Session:
        view = self._view(data, name)
        folder = self.store.new(data)
        height, width = images.size_of(folder.path / PICTURE) or self._size(data)
        notes = [note for note in view.notes if not note.startswith("shrunk")]  # that the view is small is no news
        facts = {"name": name, "height": height, "width": width, "notes": notes, "history": History().to_dict()}
        session = self._seated(folder, facts, view)
        session.set_ground(BEGINNING)
        session.keep()
        photograph = hashlib.sha256(data).hexdigest()
        with self._lock:
            before, self._latest[photograph] = self._latest.get(photograph), folder
        if before is not None:  # its looks were tried with this network; the user's filters may be others now
            folder.take_thumbnails(before, but={f"filter-{each.name}" for each in filters.folder().glob("*")})
        self.store.sweep({each.id for each in self._in_memory()})
        return session

    def _opened(self, folder: SessionFolder) -> Session:
        facts = checked_facts(folder.facts())
        return self._seated(folder, facts, self._view(folder.read(PICTURE), facts["name"]))

    def _view(self, data: bytes, name: str) -> Picture:
        return images.load(data, long_side=VIEW, max_pixels=self.max_pixels, name=name)

    def _size(self, data: bytes) -> tuple[int, int]:
        """Height and width of a picture whose header alone does not tell them."""
        pixels = images.load(data, max_pixels=self.max_pixels).pixels
        return pixels.shape[-2], pixels.shape[-1]

    def _seated(self, folder: SessionFolder, facts: Facts, view: Picture) -> Session:
        session = Session(folder, facts, view, self.network, self.worker, max_pixels=self.max_pixels)
        with self._lock:
            self._sessions[folder.id] = self._alive[folder.id] = session
            idle = [id for id, each in self._sessions.items() if not each.busy and each is not session]
            for id in idle[: max(0, len(self._sessions) - LOADED)]:
                del self._sessions[id]
        return session

    def _files(self) -> tuple[Sequence[Path], str]:
        """The pictures of the folder that was given, and what else is there, in words."""
        if self._pictures is None:
            return [], ""
        others = Counter[str]()
        try:
            found, _ = batch.expand([str(self._pictures)], others=others)
        except PhospheneError:  # there is none
            found = []
        shown = [Path(each.name) for each in found[:FOLDER_MOST]]
        first = f"These are the first {FOLDER_MOST} of {len(found)} pictures. " if len(found) > FOLDER_MOST else ""
        return shown, (first + batch.in_kinds(others)).strip()

    def _file(self, number: int) -> Path:
        files, _ = self._files()
        if not 0 <= number < len(files):
            raise UnknownNameError(f"The folder has no picture of the number {number}.")
        return files[number]


def _told(folder: SessionFolder) -> PictureEntry | None:
    """What the list says of a painting; `None` of one that cannot be read."""
    try:
        facts = folder.facts()
        events = facts["history"]["events"][: facts["history"]["done"]]
        return {
            "id": folder.id,
            "name": facts["name"],
            "width": facts["width"],
            "height": facts["height"],
            "changed": facts["changed"],
            "strokes": sum(isinstance(each, dict) and "touches" in each for each in events),
        }
    except (PhospheneError, KeyError, TypeError):
        return None


def _look_of(data: bytes, called: str, network: Network) -> tuple[LookFile, Ground]:
    """What a look's file says. Raises `SettingsError`: it is none, or not one for this network and a brush."""
    found = LookFile.read(text_of(data, called), called)
    if found.settings.get("model", network.name) != network.name:
        raise SettingsError(f"{called} is a look of another network, {found.settings['model']}.")
    try:
        ground = as_ground(found.technique.name, found.settings)
    except (KeyError, TypeError, ValueError, OverflowError) as error:  # it is for the command line
        raise SettingsError(f"{called} is no look that a brush could have: {str(error)[:200]}") from error
    if ground is None:
        raise SettingsError(f"{called} needs pictures of its own, or is no look that a brush could have.")
    if ground.look.filter is not None:
        filters.read(ground.look.filter)
    if ground.look.layer is not None:
        check_layer(network, ground.look.layer, ground.look.channel)
    return found, ground


def _kept_looks(network: Network) -> list[KeptLook]:
    """The user's looks, but those that a brush cannot have."""
    shown: list[KeptLook] = []
    for name, path in look_files.kept().items():
        with contextlib.suppress(PhospheneError, OSError):
            found, ground = _look_of(path.read_bytes(), path.name, network)
            shown.append({"name": name, "about": found.about, "ground": ground.to_dict()})
    return shown


@cache
def _drawn(guide: str) -> bytes:
    """A canvas that guides, lossless WebP."""
    return webp(eight_bits(canvas(guide, *GUIDE_SIZE[::-1])), lossless=True)
