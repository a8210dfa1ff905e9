"""One picture and the painter before it: what was done, what can be undone, what is being computed, and who watches."""

import time
from functools import cached_property, partial

from phosphene import images
from phosphene.errors import SettingsError
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.painting.document import STYLE, Adjustment, Brush, Ground, Look, Stroke, Touch
from phosphene.painting.engine import PaintEngine
from phosphene.painting.history import History, read
from phosphene.painting.look_cache import LookCache, made_with
from phosphene.records.record import Facts
from phosphene.sessions.background import Background
from phosphene.sessions.jobs import Job, Rank, Subscribers, Worker
from phosphene.sessions.painter import LiveStroke, Painter
from phosphene.sessions.preparing import Preparation
from phosphene.sessions.screen import THUMBNAIL, eight_bits, webp
from phosphene.sessions.states import Command, Reference, State, layer_of
from phosphene.sessions.store import PICTURE, References, SessionFolder, command_of

VIEW = 1024  # pixels of the view's long side


class Session(Subscribers):
    """A picture that is painted on, and the pages that watch it.

    Args:
        folder: where it is kept.
        facts: what is known of it.
        view: the photograph at the size at which it is painted.
        network: which dreams.
        worker: computes.
        max_pixels: refuses larger references.
    """

    def __init__(
        self,
        folder: SessionFolder,
        facts: Facts,
        view: Picture,
        network: Network,
        worker: Worker,
        *,
        max_pixels: int = images.MAX_PIXELS,
    ) -> None:
        super().__init__(folder.id, worker)
        self.folder, self.network, self.max_pixels = folder, network, max_pixels
        self.name, self.size = str(facts["name"]), (int(facts["height"]), int(facts["width"]))
        self.notes = [str(note) for note in facts.get("notes", ())]
        self.references = References(folder, facts.get("references", {}))
        engine, history = PaintEngine(LookCache(network, view, self.references)), read(History, facts["history"])
        kept = folder.pixels(view.pixels) if history.done else None
        if kept is not None:
            engine.restore(kept, history.document)
        self.painter = Painter(engine, history, self.emit, self._changed)
        self.background = Background(self.name, folder, self.references, self.painter, worker, self.add_job)
        self._ground_job: Job | None = None
        self._live: LiveStroke | None = None
        self._preparation = Preparation(self.painter, worker, self.add_job, self._called, self._paint)

    @property
    def history(self) -> History:
        """What was done."""
        return self.painter.history

    @property
    def engine(self) -> PaintEngine:
        """What is painted on."""
        return self.painter.engine

    @property
    def growing(self) -> bool:
        """Whether the ground, or all that is upon it, is being computed."""
        return self._ground_job is not None and not self._ground_job.over

    def state(self) -> State:
        """How it stands, as JSON has it."""
        history, (height, width) = self.history, self.engine.look_cache.size
        document = history.document
        ground = document.ground
        return {
            "id": self.id,
            "name": self.name,
            "width": self.size[1],
            "height": self.size[0],
            "view": {"width": width, "height": height},
            "revision": self.painter.screen.revision,
            "ground": None if ground is None else ground.to_dict(),
            "growing": self.growing,
            "strokes": len(document.strokes),
            "layers": [layer_of(stroke) for stroke in document.strokes],
            "ground_opacity": document.ground_opacity,
            "opacity": document.opacity,
            "can_undo": history.done > 0,
            "can_redo": history.done < len(history.events),
            "references": self.references.told(),
            "jobs": [job.to_dict() for job in self.jobs.values()],
            "notes": self.notes,
            "regions": self.engine.regions is not None,
            "look": self.look,
        }

    @cached_property
    def look(self) -> dict[str, object] | None:
        """What the picture itself was made with, if it says so."""
        found = made_with(self.folder.read(PICTURE), self.engine.look_cache.network)
        return None if found is None else found.to_dict()

    def view(self) -> bytes:
        """The painting, a WebP without loss."""
        return self.painter.screen.picture()

    def photograph(self) -> bytes:
        """The photograph at the same size, WebP."""
        return webp(eight_bits(self.engine.photograph), lossless=True)

    def thumbnail(self) -> bytes:
        """The painting, small, WebP."""
        return self.painter.screen.thumbnail()

    def regions(self) -> bytes | None:
        """What the ground's style matched with what, if it is a style, WebP."""
        found = self.engine.regions
        return None if found is None else webp(eight_bits(found))

    def add_reference(self, data: bytes, name: str) -> Reference:
        """Adds a guide or a style. Raises `PhospheneError`: it cannot be read."""
        added = self.references.add(data, name, max_pixels=self.max_pixels)
        self.keep()
        self.emit_state()
        return added

    def reference(self, id: str) -> bytes:
        """A guide or a style, small, WebP. Raises `UnknownNameError`: there is none."""
        return webp(eight_bits(images.load(self.references[id], long_side=THUMBNAIL).pixels))

    def command(self) -> Command:
        """The command that makes this picture, if one can."""
        return command_of(self.name, self.history.document, self.references)

    def pack(self) -> bytes:
        """All of it as one file, which another studio can open."""
        self.keep()
        return self.folder.pack()

    def emit_state(self) -> None:
        """Tells all who listen how it stands."""
        self.emit({"event": "state", "state": self.state()})

    def set_ground(self, ground: Ground | None) -> State:
        """Lays another ground; one that is still growing is replaced.

        Raises:
            PhospheneError: there can be no such ground.
        """
        if ground is not None:
            self._check(ground)
        replaced = self.growing and self.history.done > 0 and not isinstance(self.history.last, (Stroke, Adjustment))
        self._abandon()
        self.painter.enter((self.history.undone if replaced else self.history).then(ground), instead=replaced)
        self._paint_again(forward=True)
        return self.state()

    def adjust(self, adjustment: Adjustment) -> State:
        """Adjusts what was painted before: how far it covers, whether it is shown, in which order.

        Raises:
            SettingsError: there is no such stroke.
        """
        count = len(self.history.document.strokes)
        if isinstance(adjustment.of, int) and adjustment.of >= count:
            raise SettingsError(f"There is no stroke {adjustment.of}.\nThey are 0 to {count - 1}.")
        if adjustment.of != "all":  # which may fade while it grows
            self._abandon()
        self.worker.ask(lambda: self._adjust(adjustment)).result()
        return self.state()

    def _adjust(self, adjustment: Adjustment) -> None:
        """In the worker's thread. An opacity that is turned further takes the place of the adjustment before."""
        history, last = self.history, self.history.last
        more = isinstance(last, Adjustment) and last.of == adjustment.of and last.fades and adjustment.fades
        changed = (history.undone if more else history).then(adjustment)
        number = changed.done - 1
        self.painter.patches.forget_from(number + more)  # of what was undone
        known = self.painter.patches.get(number)
        if not self.painter.lay(changed):
            self.painter.enter(changed, instead=more)
            self._paint_again(forward=True)
        elif known:
            self.painter.patches.put(number, known._replace(after=self.engine.pixels.clone()))

    def undo(self) -> State:
        """Takes the last event back."""
        return self._go(back=True)

    def redo(self) -> State:
        """Brings back what was undone."""
        return self._go(back=False)

    def begin(self, brush: Brush, points: Touch, *, mirrored: bool = False) -> LiveStroke:
        """Begins a stroke, which is painted until it is lifted; mirrored, on the left and on the right.

        Raises:
            PhospheneError: there can be no such brush, or the strokes are being painted again.
        """
        if self.growing and (self.history.document.strokes or isinstance(self.history.last, Adjustment)):
            raise SettingsError("Your strokes are being painted again on the new ground.\nWait until they are there.")
        job = self._preparation.job_for(brush.look)
        self.end()
        self._live = live = LiveStroke(brush, points, mirrored=mirrored)
        if job is None:
            self._paint(live)
        else:
            self._preparation.paint_after(job, live)
        return live

    def take_up(self, look: Look) -> None:
        """The brush is to paint a look, which is made ready; others are not, unless a stroke waits for them.

        Raises:
            PhospheneError: a look that cannot be.
        """
        self._preparation.take_up(look)

    def _paint(self, live: LiveStroke) -> None:
        self._stop_growing()
        self.worker.post(lambda: self.painter.paint(live))

    def more(self, points: Touch) -> None:
        """Further points of the stroke."""
        if self._live is not None:
            self._live.more(points)

    def end(self, *, cancelled: bool = False) -> None:
        """Lifts the brush."""
        live, self._live = self._live, None
        if live is not None:
            live.lift(cancelled=cancelled)

    def cancel(self) -> None:
        """Lifts the brush, and takes the stroke back."""
        self.end(cancelled=True)

    def stroke(self, brush: Brush, points: Touch, seconds: float) -> State:
        """A whole stroke, which takes so many seconds. Raises `PhospheneError`: as `begin`."""
        if (job := self._preparation.job_for(brush.look)) is not None:
            raise SettingsError(f"{job.message[0].upper()}{job.message[1:]}.\nPaint as soon as it is ready.")
        live = self.begin(brush, points[:1])
        number = max(1, len(points) - 1)
        for point in points[1:]:
            time.sleep(seconds / number)
            self.more((point,))
        if len(points) < 2:
            time.sleep(seconds)
        self.end()
        live.finished.wait()
        return self.state()

    def close(self) -> None:
        """Ends all that is being done for it."""
        self.end()
        self.worker.drop(self.jobs.values())

    def keep(self) -> None:
        """Keeps how it stands."""
        if not self.folder.path.is_dir():  # it was deleted meanwhile
            return
        facts = {
            "name": self.name,
            "height": self.size[0],
            "width": self.size[1],
            "notes": self.notes,
            "references": self.references.facts,
            "history": self.history.to_dict(),
        }
        self.folder.keep(facts, self.engine.pixels)

    def _check(self, ground: Ground) -> None:
        if ground.look.kind == STYLE:
            self.engine.look_cache.style(ground.look, ground.strength)
        else:
            self.engine.look_cache.check(ground.look)

    def _called(self, look: Look) -> str:
        """A look's name, as a painter knows it: that of its picture, if it is of one."""
        known = {each["id"]: each["name"] for each in self.references.told()}
        return known.get(look.reference or "", look.name)

    def _stop_growing(self) -> None:
        """Ends the ground's growing; it stays as it stands."""
        if self._ground_job is not None:
            self._ground_job.cancel()

    def _abandon(self) -> None:
        """Ends whatever is being painted, and waits until it has ended."""
        self.end()
        self._stop_growing()
        self._ground_job = None
        self.worker.ask(lambda: None).result()

    def _go(self, *, back: bool) -> State:
        """To another place in the history."""
        self._abandon()
        self.worker.ask(lambda: self._turn(back=back)).result()
        return self.state()

    def _turn(self, *, back: bool) -> None:
        """By a patch if there is one, else all is painted again.

        In the worker's thread, the pixels first: whoever sees the other history sees its pixels.
        """
        history = self.history.undone if back else self.history.redone
        if history.done == self.history.done:
            return
        number = min(self.history.done, history.done)
        patch, event = self.painter.patches.get(number), self.history.events[number]
        pixels = None if patch is None else patch.before if back else patch.after
        if patch is None or pixels is None:
            if isinstance(event, (Stroke, Adjustment)) and self.painter.lay(history):
                return
            self.painter.history = history
            self._paint_again(forward=not back)
            return
        self.engine.opacity = history.document.opacity
        self.painter.put(patch.box, pixels, "undo" if back else "redo")
        if not isinstance(event, (Stroke, Adjustment)):
            self.engine.restore(self.engine.pixels, history.document)
        self.painter.history = history
        self._changed()

    def _paint_again(self, *, forward: bool) -> None:
        """Has the whole painting computed anew, as the history has it."""
        history = self.history
        self.engine.opacity = history.document.opacity

        def work(job: Job) -> dict[str, object]:
            breathe, wanted = partial(self.worker.breathe, job), lambda: self._ground_job is job
            self.painter.paint_again(job, history, breathe, wanted, forward=forward)
            return {}

        self._ground_job = self.add_job("ground", Rank.GROUND, work, "dreaming")
        self._ground_job.after = self.emit_state
        self.emit_state()

    def _changed(self) -> None:
        self.keep()
        self.emit_state()
