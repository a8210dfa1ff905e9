"""A stroke while it is painted: points come in, and touches are made of them, as long as the brush is down."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from phosphene.painting.document import Brush, Point, Touch

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
    """

    def __init__(self, brush: Brush, points: Touch) -> None:
        self.brush, self.down, self.cancelled = brush, True, False
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
