"""One picture and the painter before it: what was done, what can be undone, and what is being computed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from phosphene import images
from phosphene.ascent import OnStep, Step
from phosphene.errors import SettingsError
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.painting import forms
from phosphene.painting.document import ERASE, STYLE, Brush, Ground, History, Stroke
from phosphene.painting.easel import Easel
from phosphene.painting.palette import Palette
from phosphene.sessions.jobs import Job, Rank
from phosphene.sessions.live import LiveStroke
from phosphene.sessions.painter import Painter
from phosphene.sessions.references import References
from phosphene.sessions.store import Place
from phosphene.sessions.watched import Watched
from phosphene.sessions.worker import Worker

VIEW = 1024  # pixels of the view's long side


class Sitting(Watched):
    """A picture that is painted on.

    Args:
        place: where it is kept.
        facts: what is known of it.
        view: the photograph at the size at which it is painted.
        network: which dreams.
        worker: computes.
        max_pixels: refuses larger references.
    """

    def __init__(
        self,
        place: Place,
        facts: Mapping[str, Any],
        view: Picture,
        network: Network,
        worker: Worker,
        *,
        max_pixels: int = images.MAX_PIXELS,
    ) -> None:
        super().__init__(place, worker)
        self.network, self.max_pixels = network, max_pixels
        self.name, self.size = str(facts["name"]), (int(facts["height"]), int(facts["width"]))
        self.notes = [str(note) for note in facts.get("notes", ())]
        self.references = References(place, facts.get("references", {}))
        easel, history = Easel(Palette(network, view, self.references)), forms.history(facts["history"])
        kept = place.pixels(view.pixels) if history.done else None
        easel.pixels = easel.pixels if kept is None else kept
        self.painter = Painter(easel, history, self.emit, self._changed)
        self._ground_job: Job | None = None
        self._live: LiveStroke | None = None

    @property
    def history(self) -> History:
        """What was done."""
        return self.painter.history

    @property
    def easel(self) -> Easel:
        """What is painted on."""
        return self.painter.easel

    @property
    def growing(self) -> bool:
        """Whether the ground, or all that is upon it, is being computed."""
        return self._ground_job is not None and not self._ground_job.over

    def state(self) -> dict[str, Any]:
        """How it stands, as JSON has it."""
        history, (height, width) = self.history, self.easel.palette.size
        ground = history.document.ground
        return {
            "id": self.id,
            "name": self.name,
            "width": self.size[1],
            "height": self.size[0],
            "view": {"width": width, "height": height},
            "revision": self.painter.screen.revision,
            "ground": None if ground is None else {**forms.look_to_dict(ground.look), "strength": ground.strength},
            "growing": self.growing,
            "strokes": len(history.document.strokes),
            "can_undo": history.done > 0,
            "can_redo": history.done < len(history.events),
            "references": self.references.told(),
            "jobs": [job.to_dict() for job in self.jobs.values()],
            "notes": self.notes,
            "regions": self.easel.regions is not None,
        }

    def emit_state(self) -> None:
        """Tells all who listen how it stands."""
        self.emit({"event": "state", "state": self.state()})

    def set_ground(self, data: Mapping[str, Any] | None) -> dict[str, Any]:
        """Lays another ground; one that is still growing is replaced.

        Raises:
            PhospheneError: there can be no such ground.
        """
        ground = forms.ground(data)
        if ground is not None:
            self._check(ground)
        replaced = self.growing and self.history.done > 0 and not isinstance(self.history.last, Stroke)
        self._abandon()
        self.painter.enter((self.history.undone if replaced else self.history).then(ground), instead=replaced)
        self._paint_again(forward=True)
        return self.state()

    def undo(self) -> dict[str, Any]:
        """Takes the last event back."""
        return self._go(back=True)

    def redo(self) -> dict[str, Any]:
        """Brings back what was undone."""
        return self._go(back=False)

    def begin(self, brush: Mapping[str, Any], points: list[Any]) -> LiveStroke:
        """Begins a stroke, which is painted until it is lifted.

        Raises:
            PhospheneError: there can be no such brush, or the strokes are being painted again.
        """
        found, first = forms.brush(brush), forms.points(points)
        if not first:
            raise SettingsError("A stroke begins with a point: [x, y, pressure].")
        if self.growing and self.history.document.strokes:
            raise SettingsError("Your strokes are being painted again on the new ground.\nWait until they are there.")
        self._make_ready(found)
        self.end()
        self._stop_growing()
        self._live = live = LiveStroke(found, first)
        self.worker.post(lambda: self.painter.paint(live))
        return live

    def more(self, points: list[Any]) -> None:
        """Further points of the stroke."""
        if self._live is not None:
            self._live.more(forms.points(points))

    def end(self, *, cancelled: bool = False) -> None:
        """Lifts the brush."""
        live, self._live = self._live, None
        if live is not None:
            live.lift(cancelled=cancelled)

    def cancel(self) -> None:
        """Lifts the brush, and takes the stroke back."""
        self.end(cancelled=True)

    def close(self) -> None:
        """Ends all that is being done for it."""
        self.end()
        for job in self.jobs.values():
            job.cancel()

    def keep(self) -> None:
        """Keeps how it stands."""
        if not self.place.folder.is_dir():  # it was deleted meanwhile
            return
        facts = {
            "name": self.name,
            "height": self.size[0],
            "width": self.size[1],
            "notes": self.notes,
            "references": self.references.facts,
            "history": forms.history_to_dict(self.history),
        }
        self.place.keep(facts, self.easel.pixels)

    def _check(self, ground: Ground) -> None:
        if ground.look.kind == STYLE:
            self.easel.palette.style(ground.look, ground.strength)
        else:
            self.easel.palette.check(ground.look)

    def _make_ready(self, brush: Brush) -> None:
        """Refuses a brush that is not ready, and begins to make it so."""
        look = brush.look
        if look.kind == ERASE:
            return
        self.easel.palette.check(look)
        if look.kind == STYLE and look not in self.easel.styled:
            waiting = (job for job in self.jobs.values() if job.kind == "style" and not job.over)
            if not any(job.message.startswith(look.name) for job in waiting):
                self._prepare(brush)
            raise SettingsError(f"{look.name} looks at your picture first.\nPaint with it as soon as it is ready.")

    def _prepare(self, brush: Brush) -> None:
        def work(job: Job) -> dict[str, Any]:
            self.easel.prepare(brush.look, self._watching(job))
            return {"look": forms.look_to_dict(brush.look)}

        self.add_job("style", Rank.LOOK, work, f"{brush.look.name} looks at your picture")

    def _watching(self, job: Job) -> OnStep:
        def watch(step: Step) -> None:
            job.tell(step.done)
            self.worker.breathe(job)

        return watch

    def _stop_growing(self) -> None:
        """Ends the ground's growing; it stays as it stands."""
        if self._ground_job is not None and not self._ground_job.over:
            self._ground_job.cancel()

    def _abandon(self) -> None:
        """Ends whatever is being painted, and waits until it has ended."""
        self.end()
        self._stop_growing()
        self._ground_job = None
        self.worker.ask(lambda: None).result()

    def _go(self, *, back: bool) -> dict[str, Any]:
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
        patch = self.painter.patches.get(min(self.history.done, history.done))
        pixels = None if patch is None else patch.before if back else patch.after
        if patch is None or pixels is None:
            self.painter.history = history
            self._paint_again(forward=not back)
            return
        self.painter.put(patch.box, pixels, "undo" if back else "redo")
        self.painter.history = history
        self._changed()

    def _paint_again(self, *, forward: bool) -> None:
        """Has the whole painting computed anew, as the history has it."""
        history = self.history

        def work(job: Job) -> dict[str, Any]:
            breathe, wanted = partial(self.worker.breathe, job), lambda: self._ground_job is job
            self.painter.paint_again(job, history, breathe, wanted, forward=forward)
            return {}

        self._ground_job = self.add_job("ground", Rank.GROUND, work, "dreaming")
        self._ground_job.after = self.emit_state
        self.emit_state()

    def _changed(self) -> None:
        self.keep()
        self.emit_state()
