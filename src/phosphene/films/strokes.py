"""Films of a painting of the studio: how it came into being, stroke by stroke, and an endless zoom into it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from phosphene.ascent import OnStep
from phosphene.errors import StopRequested
from phosphene.films.flight import ZoomOptions
from phosphene.films.formats import format_for
from phosphene.films.frames import Frame, FrameMaker, State
from phosphene.films.making import Film, FilmRun, MadeFilm, Progress
from phosphene.films.zoom import Zoom
from phosphene.painting.document import DREAM as PAINTED_DREAM
from phosphene.painting.document import Document, Ground, Look
from phosphene.painting.engine import Begun, PaintEngine
from phosphene.pixels.transforms import at
from phosphene.recipes.settings import DreamSettings
from phosphene.records.journal import folder_of
from phosphene.run.checkpoint import CheckpointOptions
from phosphene.run.prepared import Prepared
from phosphene.techniques import DREAM

LONG_SIDE = 720  # pixels of a film's longer side, at most
RATE = Fraction(24)  # frames a second
HELD = Fraction(1)  # seconds at the end, in which the finished painting stands
_GROUND = 0.25  # of the time before that, in which the ground comes in, if there are strokes after it
_BEFORE, _AFTER, _PAINTED, _BEGUN, _COVER = "before", "after", "painted", "begun", "cover"

Size = tuple[int, int]


class StrokesInTime:
    """Makes the frames of a painting that comes into being; a `FrameMaker`.

    The ground comes in over the photograph, then touch after touch, each cross-faded with the one before. The last
    second, or the second half of a film that lasts less than two, shows the finished painting.
    Views are held, at most five, whatever the length.
    """

    def __init__(
        self, document: Document, engine: PaintEngine, size: Size, seconds: float, on_step: OnStep | None = None
    ) -> None:
        """Makes it ready; nothing is painted before the first frame is asked for.

        Args:
            document: the painting.
            engine: paints it again; nobody else may use it.
            size: height and width of the frames.
            seconds: the film's length.
            on_step: is told of each step of the ground's growing; what it raises ends the film.
        """
        self.rate, self.count = RATE, max(2, round(seconds * RATE))
        self._growing = self.count - min(round(HELD * RATE), self.count // 2)
        self._document, self._engine, self._size, self._on_step = document, engine, size, on_step
        shown = [each for each in document.strokes if each.visible and each.opacity]
        self._touches = [(each, number) for each in shown for number in range(len(each.touches))]
        engine.opacity = document.opacity
        self._before, self._painted = engine.photograph, 0

    def frames(self, first: int, state: State) -> Iterator[Frame]:
        """The frames from number `first` on.

        Raises:
            PhospheneError: a look that cannot be.
            StopRequested: raised in `on_step`.
        """
        self._take_up(state)
        for number in range(first, self.count):
            whole, part = divmod(self._position(number), 1.0)
            while self._painted < min(int(whole) + 1, self._last):
                self._paint_next()
            reached = self._painted <= whole  # only at the end is there nothing to fade to
            share = 1.0 if reached else part
            yield Frame(number, number / self.rate, self._shown(share))

    def state(self) -> State:
        """The view `before` and `after` the last change, how many changes were `painted`, and how the stroke began."""
        views = {_BEFORE: self._before, _AFTER: self._engine.pixels}
        if (begun := self._engine.begun) is not None:
            views |= {_BEGUN: begun.pixels, _COVER: begun.cover}
        return {name: view.clone() for name, view in views.items()} | {_PAINTED: torch.tensor(self._painted)}

    @property
    def _last(self) -> int:
        """How many changes there are: the ground, if only to the photograph, and the touches."""
        return 1 + len(self._touches)

    def _position(self, number: int) -> float:
        """How many changes are done at a frame, with the part of the one that comes in."""
        if number >= self._growing:
            return float(self._last)
        share = number / self._growing
        if not self._touches:
            return share
        ground = _GROUND if self._document.ground else 0.0
        if share < ground:
            return share / ground
        return 1 + len(self._touches) * (share - ground) / (1 - ground)

    def _shown(self, share: float) -> Tensor:
        shown = self._engine.visible(torch.lerp(self._before, self._engine.pixels, share))
        return at(shown, *self._size).clamp(0, 1)

    def _paint_next(self) -> None:
        """The next change: the ground first, then each touch."""
        engine, self._before = self._engine, self._engine.pixels.clone()
        if self._painted == 0:
            if engine.grow(self._document.ground, self._on_step) != self._document.ground:
                raise StopRequested
            engine.fade_ground(self._document)
        else:
            stroke, number = self._touches[self._painted - 1]
            engine.prepare(stroke.brush.look, self._on_step)
            engine.touch(stroke.brush, stroke.touches[number], number)
            if number == len(stroke.touches) - 1:
                engine.finish_adjusted(stroke)
        self._painted += 1

    def _take_up(self, state: State) -> None:
        self._painted = int(state[_PAINTED]) if state else 0
        self._before = state[_BEFORE] if state else self._engine.photograph
        self._engine.pixels = state[_AFTER].clone() if state else self._engine.photograph.clone()
        self._engine.begun = Begun(state[_BEGUN].clone(), state[_COVER].clone()) if _BEGUN in state else None


def frame_size(view: Size) -> Size:
    """Height and width of the film of a view: at most `LONG_SIDE`, and even, which every player takes.

    >>> frame_size((683, 1024)), frame_size((33, 48))
    ((480, 720), (32, 48))
    """
    share = min(1.0, LONG_SIDE / max(view))
    height, width = (max(2, round(side * share) // 2 * 2) for side in view)
    return height, width


def strokes_film(document: Document, engine: PaintEngine, output: Path, seconds: float, on_step: OnStep) -> Film:
    """A film of a painting that comes into being; the arguments are those of `StrokesInTime`."""
    size = frame_size(engine.look_cache.size)
    return _film(StrokesInTime(document, engine, size, seconds, on_step), size, seconds, engine, output)


def zoom_film(
    document: Document, engine: PaintEngine, output: Path, options: ZoomOptions, on_step: OnStep | None = None
) -> Film:
    """An endless zoom into a painting as it stands; it dreams what its ground dreams, or its last dream's stroke.

    Args:
        document: the painting.
        engine: its pixels are where the flight begins.
        output: where the film will go.
        options: of the flight.
        on_step: is told of each step of each dream; what it raises ends the film.

    Raises:
        PhospheneError: a look that cannot be.
    """
    size, look_cache = frame_size(engine.look_cache.size), engine.look_cache
    settings = _settings(document, engine)
    ready = Prepared(DREAM, settings, look_cache.network, look_cache.cache)
    gentle = replace(ready.settings, octaves=1, steps=1, base_size=0)  # the painting is dreamt already

    def settings_at(seconds: float) -> DreamSettings:
        found: DreamSettings = gentle if seconds == 0 else ready.settings
        return found

    maker = Zoom(engine.visible(engine.pixels), ready, options, settings_at, on_step, size=size)
    return _film(maker, size, options.seconds, engine, output)


def make(film: Film, output: Path, on_progress: Callable[[Progress], None]) -> MadeFilm:
    """Makes a film of a painting; the folder of `output` must be there.

    Raises:
        PhospheneError: with a message for the person who asked.
        StopRequested: raised before the first frame in `on_progress` or the film's own `on_step`; later, the film ends.
    """
    return FilmRun(film, output, CheckpointOptions(folder_of(output)), metadata=False, on_progress=on_progress).make()


def _settings(document: Document, engine: PaintEngine) -> DreamSettings:
    """What a zoom dreams."""
    found = _dream_of(document)
    if found is None:
        return DreamSettings(seed=engine.look_cache.seed, model=engine.look_cache.network.name)
    look, strength = found
    settings: DreamSettings = engine.look_cache.dream(look).settings
    return replace(settings, strength=settings.strength * strength)


def _dream_of(document: Document) -> tuple[Look, float] | None:
    """A painting's look, and its strength, if it has one that is a dream: the ground's, or the last stroke's."""
    looks: list[tuple[Look, float]] = [(each.brush.look, 1.0) for each in document.strokes]
    if isinstance(document.ground, Ground):
        looks.append((document.ground.look, document.ground.strength))
    dreams = [(look, strength) for look, strength in looks if look.kind == PAINTED_DREAM]
    return dreams[-1] if dreams else None


def _film(maker: Zoom | StrokesInTime, size: Size, seconds: float, engine: PaintEngine, output: Path) -> Film:
    kind = "zoom" if isinstance(maker, Zoom) else "strokes"
    known = {
        "recipe": kind,
        "settings": {"seconds": seconds, "seed": engine.look_cache.seed},
        "objective": "",
        "network": engine.look_cache.network.identity,
        "input": {"name": engine.look_cache.view.name},
    }
    made: FrameMaker = maker
    return Film(made, size, maker.rate, maker.count, format_for(output), known)
