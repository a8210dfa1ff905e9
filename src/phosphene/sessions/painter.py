"""What is done to a painting, in the worker's thread: strokes, grounds, and the way back."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from torch import Tensor

from phosphene.ascent import OnStep, Step
from phosphene.errors import StopRequested
from phosphene.painting.document import Brush, Look, Point, Stroke, Touch
from phosphene.painting.engine import PaintEngine
from phosphene.painting.history import History
from phosphene.painting.look_cache import Box
from phosphene.sessions.jobs import Job, fault_of
from phosphene.sessions.screen import Screen

# What events changed, so that they can be undone and redone at once


ROOM = 300_000_000  # bytes; what was changed longer ago is painted again instead


class Patch(NamedTuple):
    """A part of the view, before and after an event; `after` is `None` where the event was not painted to its end."""

    box: Box
    before: Tensor
    after: Tensor | None

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return self.before.nbytes + (0 if self.after is None else self.after.nbytes)


class Patches:
    """Patches by the number of their event; only so many as there is room for."""

    def __init__(self) -> None:
        self._found: dict[int, Patch] = {}

    def put(self, number: int, patch: Patch) -> None:
        """Remembers what an event changed."""
        self._found.pop(number, None)
        self._found[number] = patch
        while len(self._found) > 1 and sum(each.nbytes for each in self._found.values()) > ROOM:
            del self._found[next(iter(self._found))]

    def get(self, number: int) -> Patch | None:
        """What an event changed, if it is remembered."""
        return self._found.get(number)

    def forget_from(self, number: int) -> None:
        """Forgets the events from a number on."""
        for each in [each for each in self._found if each >= number]:
            del self._found[each]


# A stroke while it is painted: points come in, and touches are made of them, as long as the brush is down

PAUSE = 0.12  # seconds from touch to touch at least, so that a quick computer does not paint more thickly
TRAIL = 0.7  # seconds that a place goes on dreaming after the brush has passed
SETTLE = 2  # touches after the brush was lifted, so that a click is seen
REACH = 260  # pixels of the view that a touch may reach along, beside the brush's size
LONGEST = 600.0  # seconds of a stroke
WAITING = 10_000  # points that wait at most; more than a hand makes in a minute


class LiveStroke:
    """Points of a brush, put together to touches.

    Args:
        brush: what is painted with.
        points: the first ones.
        mirrored: each touch is painted a second time, left and right exchanged.
    """

    def __init__(self, brush: Brush, points: Touch, *, mirrored: bool = False) -> None:
        self.brush, self.mirrored, self.down, self.cancelled = brush, mirrored, True, False
        self._waiting: deque[Point] = deque(points, maxlen=WAITING)
        self._trail: list[tuple[float, Point]] = []
        self._changed = threading.Condition()
        self._began = self._last = time.monotonic()
        self._settle = SETTLE
        self.finished = threading.Event()

    def more(self, points: Sequence[Point]) -> None:
        """Takes further points."""
        with self._changed:
            self._waiting.extend(points)
            self._changed.notify()

    def lift(self, *, cancelled: bool = False) -> None:
        """The brush is lifted; a cancelled stroke is not kept."""
        with self._changed:
            self.down, self.cancelled = False, self.cancelled or cancelled
            self._changed.notify()

    def next(self) -> Touch | None:
        """Waits until the next touch is due; `None` after the last one."""
        with self._changed:
            self._changed.wait_for(lambda: self.cancelled, max(0.0, self._last + PAUSE - time.monotonic()))
            self._last = now = time.monotonic()
            self.down &= now - self._began < LONGEST
            if self.cancelled or not (self.down or self._waiting or self._settle):
                return None
            if not self.down and not self._waiting:
                self._settle -= 1
            return self._taken(now)

    def _taken(self, now: float) -> Touch:
        """The trail, and as many waiting points as lie within reach."""
        self._trail = [each for each in self._trail if now - each[0] < TRAIL] or self._trail[-1:]
        fresh = 0
        while self._waiting:
            while self._too_far(self._waiting[0]) and len(self._trail) > max(fresh, 1):
                self._trail.pop(0)
            if fresh and self._too_far(self._waiting[0]):
                break
            self._trail.append((now, self._waiting.popleft()))
            fresh += 1
        return tuple(point for _, point in self._trail)

    def _too_far(self, point: Point) -> bool:
        points = [*(each for _, each in self._trail), point]
        xs, ys = [x for x, _, _ in points], [y for _, y, _ in points]
        return max(max(xs) - min(xs), max(ys) - min(ys)) > self.brush.size + REACH


_log = logging.getLogger(__name__)
FRAME = 0.25  # seconds between two frames of a ground that grows


@dataclass
class Painter:
    """Paints, shows what changes, and knows the way back."""

    engine: PaintEngine  # what is painted on
    history: History  # what was done
    emit: Callable[[bytes | dict[str, object]], None]  # is told of frames and events
    changed: Callable[[], None]  # is called when something is finished: it keeps the painting, and tells how it stands
    screen: Screen = field(init=False)  # what is shown
    patches: Patches = field(default_factory=Patches)  # what events changed

    def __post_init__(self) -> None:
        self.engine.opacity = self.history.document.opacity
        self.screen = Screen(self.engine.visible(self.engine.pixels))

    def enter(self, history: History, *, instead: bool = False) -> None:
        """Takes a history with a new last event; `instead` of one that was not painted to its end."""
        self.patches.forget_from(history.done - (not instead))  # what was before that one is before this one
        self.history = history

    def paint(self, live: LiveStroke) -> None:
        """Paints a stroke until the brush is lifted; one that fails is taken back, and told of."""
        touches: list[Touch] = []
        self.engine.begun = None
        before, boxes = self.engine.pixels.clone(), list[Box]()

        def work() -> None:
            self.engine.prepare(live.brush.look)
            while (touch := live.next()) is not None:
                for each in (touch, self._mirrored(touch)) if live.mirrored else (touch,):
                    box = self.engine.touch(live.brush, each, len(touches))
                    touches.append(each)
                    if box is not None:
                        boxes.append(box)
                        self._show(box, "stroke")

        if fault := fault_of(work):
            live.lift(cancelled=True)
            self._complain(f"{fault}\nThe stroke is taken back." if "\n" not in fault else fault)
        try:
            if boxes:
                box = _around(boxes)
                after = self.engine.pixels[(..., *box)].clone()
                self._finish(live, touches, Patch(box, before[(..., *box)].clone(), after))
            elif live.cancelled:
                self.engine.pixels.copy_(before)
            self.changed()
        finally:
            live.finished.set()

    def _mirrored(self, touch: Touch) -> Touch:
        """A touch with left and right exchanged."""
        _, width = self.engine.look_cache.size
        return tuple((max(-100_000.0, min(width - x, 100_000.0)), y, pressure) for x, y, pressure in touch)

    def _complain(self, message: str) -> None:
        what, _, hint = message.partition("\n")
        self.emit({"event": "error", "error": what, "hint": hint})

    def _finish(self, live: LiveStroke, touches: list[Touch], patch: Patch) -> None:
        if live.cancelled:
            self.put(patch.box, patch.before, "undo")
            return
        stroke = Stroke(live.brush, tuple(touches))
        self.engine.finish(stroke)
        self.enter(self.history.then(stroke))
        self.patches.put(self.history.done - 1, patch)

    def lay(self, history: History) -> bool:
        """Lays the strokes on the ground as a history has them after an adjustment; `False`: they are not all known."""
        now, then, engine = self.history.document, history.document, self.engine
        faded = (now.strokes, now.ground_opacity) == (then.strokes, then.ground_opacity)  # all of it, and nothing else
        if not faded and not engine.composed(then):
            return False
        self.history, engine.opacity = history, then.opacity
        self._show(self._whole, "ground")
        self.changed()
        return True

    def refine(self, look: Look, on_step: OnStep) -> None:
        """Makes a style that was sketched better, and shows it where it was painted."""
        self.engine.refine(look, on_step)
        if self.engine.reveal(look, self.history.document):
            self.patches.forget_from(0)  # they are of the sketch
            self._show(self._whole, "ground")
            self.changed()

    def put(self, box: Box, pixels: Tensor, of: str) -> None:
        """Puts pixels back as they were before an event, or after it."""
        self.engine.pixels[(..., *box)] = pixels
        self._show(box, of)

    def paint_again(
        self, job: Job, history: History, breathe: Callable[[], None], wanted: Callable[[], bool], *, forward: bool
    ) -> None:
        """Paints everything anew, as a history has it.

        Args:
            job: is told what is done.
            history: which.
            forward: what stands now is how it was before the history's last event.
            breathe: lets more urgent things go first; raises `StopRequested` if the ground is to grow no further.
            wanted: whether nothing else was asked for meanwhile.
        """
        number, whole = history.done - 1, self._whole
        known = self.patches.get(number)
        before = known.before if known and known.box == whole else self.engine.pixels.clone()
        try:
            self._grow(job, history, breathe)
            self._paint_strokes(history, breathe, wanted)
        finally:
            self._show(whole, "ground")
            if forward:
                self.patches.put(number, Patch(whole, before, self.engine.pixels.clone() if wanted() else None))
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
                self.emit(self.screen.grow(self.engine.visible(step.picture()), seen, "ground"))
            breathe()

        reached = self.engine.grow(ground, watch)
        if reached is None or ground is None or reached == ground:
            return
        if history.last is ground:
            self.history = self.history.with_ground(ground, reached)
        else:  # it was whole, and is only painted again: it will be once more
            self.engine.restore(self.engine.pixels, replace(history.document, ground_opacity=0.0))

    def _paint_strokes(self, history: History, breathe: Callable[[], None], wanted: Callable[[], bool]) -> None:
        """A ground that was stopped still gets its strokes; only something else that was asked for ends this."""
        for box in self.engine.paint_strokes(history.document):
            self._show(box, "stroke")
            try:
                breathe()
            except StopRequested:
                if not wanted():
                    raise

    def _show(self, box: Box, of: str) -> None:
        self.emit(self.screen.show(self.engine.visible(self.engine.pixels[(..., *box)], box), box, of))

    @property
    def _whole(self) -> Box:
        height, width = self.engine.look_cache.size
        return slice(0, height), slice(0, width)


def _around(boxes: list[Box]) -> Box:
    rows, columns = zip(*boxes, strict=True)
    return (
        slice(min(each.start for each in rows), max(each.stop for each in rows)),
        slice(min(each.start for each in columns), max(each.stop for each in columns)),
    )
