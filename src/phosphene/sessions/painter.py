"""What is done to a painting, in the worker's thread: strokes, grounds, and the way back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from phosphene.ascent import Step
from phosphene.errors import PhospheneError, Stop
from phosphene.painting.document import History, Stroke, Touch
from phosphene.painting.easel import Box, Easel
from phosphene.run.watch import telling_of_memory
from phosphene.sessions.jobs import Job
from phosphene.sessions.live import LiveStroke
from phosphene.sessions.patches import Patch, Patches
from phosphene.sessions.screen import Screen

_log = logging.getLogger(__name__)
FRAME = 0.25  # seconds between two frames of a ground that grows


@dataclass
class Painter:
    """Paints, shows what changes, and knows the way back.

    Attributes:
        easel: what is painted on.
        history: what was done.
        emit: is told of frames and events.
        changed: is called when something is finished: it keeps the painting, and tells how it stands.
        screen: what is shown.
        patches: what events changed.
    """

    easel: Easel
    history: History
    emit: Callable[[bytes | dict[str, Any]], None]
    changed: Callable[[], None]
    screen: Screen = field(init=False)
    patches: Patches = field(default_factory=Patches)

    def __post_init__(self) -> None:
        self.screen = Screen(self.easel.pixels)

    def enter(self, history: History, *, instead: bool = False) -> None:
        """Takes a history with a new last event; `instead` of one that was not painted to its end."""
        self.patches.forget_from(history.done - (not instead))  # what was before that one is before this one
        self.history = history

    def paint(self, live: LiveStroke) -> None:
        """Paints a stroke until the brush is lifted; one that fails is taken back, and told of."""
        touches: list[Touch] = []
        before, boxes = self.easel.pixels.clone(), list[Box]()
        try:
            with telling_of_memory():
                self.easel.prepare(live.brush.look)
                while (touch := live.next()) is not None:
                    box = self.easel.touch(live.brush, touch, len(touches))
                    touches.append(touch)
                    if box is not None:
                        boxes.append(box)
                        self._show(box, "stroke")
        except Stop:
            pass
        except PhospheneError as error:
            live.lift(cancelled=True)
            self._complain(str(error))
        except Exception as error:
            _log.exception("a stroke failed")
            live.lift(cancelled=True)
            self._complain(f"This is a fault of Phosphene: {type(error).__name__}: {error}\nThe stroke is taken back.")
        try:
            if boxes:
                box = _around(boxes)
                after = self.easel.pixels[(..., *box)].clone()
                self._finish(live, touches, Patch(box, before[(..., *box)].clone(), after))
            elif live.cancelled:
                self.easel.pixels.copy_(before)
            self.changed()
        finally:
            live.finished.set()

    def _complain(self, message: str) -> None:
        what, _, hint = message.partition("\n")
        self.emit({"event": "error", "error": what, "hint": hint})

    def _finish(self, live: LiveStroke, touches: list[Touch], patch: Patch) -> None:
        if live.cancelled:
            self.put(patch.box, patch.before, "undo")
            return
        self.enter(self.history.then(Stroke(live.brush, tuple(touches))))
        self.patches.put(self.history.done - 1, patch)

    def put(self, box: Box, pixels: Tensor, of: str) -> None:
        """Puts pixels back as they were before an event, or after it."""
        self.easel.pixels[(..., *box)] = pixels
        self._show(box, of)

    def paint_again(
        self, job: Job, history: History, breathe: Callable[[], None], wanted: Callable[[], bool], *, forward: bool
    ) -> None:
        """Paints everything anew, as a history has it.

        Args:
            job: is told what is done.
            history: which.
            forward: what stands now is how it was before the history's last event.
            breathe: lets more urgent things go first; raises `Stop` if the ground is to grow no further.
            wanted: whether nothing else was asked for meanwhile.
        """
        number, whole = history.done - 1, self._whole
        known = self.patches.get(number)
        before = known.before if known and known.box == whole else self.easel.pixels.clone()
        try:
            self._grow(job, history, breathe)
            self._paint_strokes(history, breathe, wanted)
        finally:
            self._show(whole, "ground")
            if forward:
                self.patches.put(number, Patch(whole, before, self.easel.pixels.clone() if wanted() else None))
            if wanted():
                self.changed()

    def _grow(self, job: Job, history: History, breathe: Callable[[], None]) -> None:
        shown, ground = 0.0, history.document.ground

        def watch(step: Step) -> None:
            nonlocal shown
            job.tell(step.done)
            if time.monotonic() - shown >= FRAME:
                shown = time.monotonic()
                seen = step.pixels.shape[-2], step.pixels.shape[-1]
                self.emit(self.screen.grow(step.picture(), seen, "ground"))
            breathe()

        reached = self.easel.grow(ground, watch)
        if reached is not None and ground is not None and reached != ground:
            self.history = self.history.with_ground(ground, reached)

    def _paint_strokes(self, history: History, breathe: Callable[[], None], wanted: Callable[[], bool]) -> None:
        """A ground that was stopped still gets its strokes; only something else that was asked for ends this."""
        for box in self.easel.paint_strokes(history.document):
            self._show(box, "stroke")
            try:
                breathe()
            except Stop:
                if not wanted():
                    raise

    def _show(self, box: Box, of: str) -> None:
        self.emit(self.screen.show(self.easel.pixels[(..., *box)], box, of))

    @property
    def _whole(self) -> Box:
        height, width = self.easel.palette.size
        return slice(0, height), slice(0, width)


def _around(boxes: list[Box]) -> Box:
    rows, columns = zip(*boxes, strict=True)
    return (
        slice(min(each.start for each in rows), max(each.stop for each in rows)),
        slice(min(each.start for each in columns), max(each.stop for each in columns)),
    )
