"""A technique on every frame: what it made of a thing is carried along with the thing, and goes on from there.

After Ruder, Dosovitskiy and Brox, "Artistic Style Transfer for Videos" (2016). A frame begins as itself plus the
*detail* of the frame before (what the technique changed there), moved along the optical flow, and takes only the last
steps. Places that come into view begin with forms of their own. What neither moves nor is young stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.ascent import OnStep, Reached
from phosphene.films import motion
from phosphene.films.frames import Frame, State
from phosphene.films.motion import Grey
from phosphene.films.reading import FilmReader
from phosphene.images import Picture
from phosphene.pixels.transforms import at
from phosphene.recipes.fields import Settings
from phosphene.recipes.settings import is_region_word, split_region
from phosphene.run import Prepared
from phosphene.techniques.engine import PreparedPicture
from phosphene.techniques.masking import mask_of, read_mask
from phosphene.techniques.technique import Continuation

CUT = 0.4  # share of places: a frame that has fewer in common with the one before begins anew
LEAST = 0.002  # share of a frame: fewer new places are left to the last steps
YOUNG = 6.0  # frames: so long a new place takes steps even where it stands still
COARSE = 2.75  # how much smaller a frame is on which new places get their forms
SOFT = 5  # pixels over which new places begin


@dataclass
class CarriedFrames:
    """Makes the frames of a film with a technique: a `FrameMaker`."""

    source: Callable[[int], Iterator[Frame]]  # the film's own frames, from a number on
    prepared: Prepared  # the technique; its settings are those of the first frame
    settings_at: Callable[[float], Any]  # the settings at so many seconds
    on_step: OnStep = lambda _: None  # is told of each step of each frame
    masks: Mapping[str, FilmReader] = field(default_factory=dict)  # the masks that are films, by the settings' names
    _last: _Last | None = None

    def frames(self, first: int, state: State) -> Iterator[Frame]:
        """As `FrameMaker.frames`."""
        self._last = _Last.of(state) if state else None
        masks = {name: _shown(film) for name, film in self.masks.items()}
        for frame in self.source(first):
            for name, shown in masks.items():
                now = shown(frame.seconds)
                self.prepared.cache.put(name, Picture(now.pixels, now.alpha, 8, name, None))
            yield replace(frame, pixels=self._next(frame))

    def state(self) -> State:
        """As `FrameMaker.state`."""
        return {} if self._last is None else self._last.state()

    def _next(self, frame: Frame) -> Tensor:
        """A frame as the technique makes it; where a mask is black, it stays as it is to the last bit."""
        settings = self._settings(frame)
        mask = self._mask(frame, settings)
        if mask is not None and not mask.any():
            self._last = None
            return frame.pixels
        now = _Original(frame, motion.grey(frame.pixels), mask)
        along = self._last and self._last.along(now.grey)
        made, self._last = (
            self._goes_on(now, settings, self._last, along) if self._last and along else self._anew(now, settings)
        )
        return made

    def _anew(self, now: _Original, settings: Settings) -> tuple[Tensor, _Last]:
        """The first frame, or the first after a cut, whose brightness and colours change as the first scene's did."""
        pixels = now.frame.pixels
        work = self._begin(now.frame, settings)
        made = work.make(self.on_step, None, _forget).to(pixels.dtype)
        if self._last is not None and self._engine.continued(work.settings, (made.shape[-2], made.shape[-1])).unbounded:
            made = made.add_(self._last.mean - _level(made - pixels, now.mask)[0]).clamp_(0, 1)
        made = now.masked(made)
        chosen = {name: getattr(work.settings, name) for name in self._engine.chosen_for_each(settings)}
        detail = made - pixels
        mean, spread = _level(detail, now.mask)
        mean = mean if self._last is None else self._last.mean
        age = torch.full_like(detail[:, :1], YOUNG)
        return made, _Last(now.grey, detail, age if now.mask is None else age * (now.mask > 0), mean, spread, chosen)

    def _goes_on(self, now: _Original, settings: Settings, last: _Last, along: _Along) -> tuple[Tensor, _Last]:
        """A frame that shows what the one before showed."""
        pixels, settings = now.frame.pixels, replace(settings, **last.chosen)
        how = self._engine.continued(settings, (pixels.shape[-2], pixels.shape[-1]))
        if how.unbounded:
            along.detail.lerp_(_levelled(along.detail, last, now.mask), along.steps())
        new = now.begins(along)
        if float(new.mean()) > LEAST:
            along.age.mul_(1 - new)
            if how.coarse is not None:
                along.detail.lerp_(self._coarse(now.frame, how), F.avg_pool2d(new, SOFT, 1, SOFT // 2))
        made = along.detail.add_(pixels)  # in its place: in 4K it is 100 MB
        steps = now.within(along.steps())
        if steps.any():
            work = self._begin(now.frame, how.settings)
            began = Reached(how.octave, how.step, now.masked(made).to(self.prepared.network.dtype, copy=True))
            made.lerp_(work.make(self.on_step, began, _forget).to(made.dtype), steps)
        made = now.masked(made.clamp_(0, 1))
        age = now.within(along.age.add_(1).clamp_(max=YOUNG))
        return made, replace(last, grey=now.grey, detail=made - pixels, age=age)

    def _coarse(self, frame: Frame, how: Continuation) -> Tensor:
        """The detail of a smaller frame by itself, enlarged: broad forms for places that come into view."""
        height, width = frame.pixels.shape[-2:]
        small = at(frame.pixels, max(1, round(height / COARSE)), max(1, round(width / COARSE)))
        alpha = None if frame.alpha is None else at(frame.alpha, *small.shape[-2:])
        made = self._begin(replace(frame, pixels=small, alpha=alpha), how.coarse).make(_unheard, None, _forget)
        return at(made.to(small.dtype) - small, height, width)

    def _settings(self, frame: Frame) -> Any:
        """The frame's settings, without the regions whose masks are films and black now."""
        settings = self.settings_at(float(frame.seconds))
        regions = getattr(settings, "region", ())
        shown = tuple(each for each in regions if not self._is_black(split_region(each)[0]))
        return settings if shown == regions else replace(settings, region=shown)

    def _is_black(self, name: str) -> bool:
        """Whether a mask is a film that shows nothing now."""
        return name in self.masks and not self.prepared.cache(name).any()

    def _mask(self, frame: Frame, settings: Any) -> Tensor | None:
        """Where the frame may change, `[1, 1, H, W]`; only a mask that may change from frame to frame may be black."""
        if settings.mask is None:
            return None
        read = read_mask if is_region_word(settings.mask) or settings.mask in self.masks else mask_of
        return read(self._picture(frame), self.prepared.network, self.prepared.cache, settings)

    @property
    def _engine(self) -> Any:
        return self.prepared.technique.engine

    def _begin(self, frame: Frame, settings: Settings) -> PreparedPicture:
        ready = self.prepared
        work: PreparedPicture = self._engine.begin(
            self._picture(frame), settings, ready.network, ready.cache, ready.objective
        )
        return work

    def _picture(self, frame: Frame) -> Picture:
        pixels = frame.pixels.to(self.prepared.network.dtype)
        return Picture(pixels, frame.alpha, 8, f"frame {frame.number}", None)


@dataclass(frozen=True)
class _Original:
    """A frame of the film itself."""

    frame: Frame
    grey: Grey
    mask: Tensor | None  # `[1, 1, H, W]`: 0 where it stays as it is; `None` where all of it may change

    def masked(self, made: Tensor) -> Tensor:
        """What was made of it, where that may be seen."""
        return made if self.mask is None else torch.where(self.mask > 0, made, self.frame.pixels)

    def within(self, places: Tensor) -> Tensor:
        """Places `[1, 1, H, W]` without those that stay as they are."""
        return places if self.mask is None else places * (self.mask > 0)

    def begins(self, along: _Along) -> Tensor:
        """Places that come into view, and those where the mask was black before: their age is 0."""
        if self.mask is None:
            return along.new
        return self.within(torch.maximum(along.new, (along.age < 0.5).to(along.new.dtype)))


@dataclass(frozen=True)
class _Along:
    """What the last frame leaves, moved to where it lies on the next; who goes on from it may work in its place."""

    detail: Tensor  # `[1, 3, H, W]`
    age: Tensor  # `[1, 1, H, W]`
    new: Tensor  # `[1, 1, H, W]`: 1 where something comes into view, else 0
    moving: Tensor  # `[1, 1, H, W]`: 1 where the picture moves, else 0

    def steps(self) -> Tensor:
        """`[1, 1, H, W]`: 1 where steps are taken, which is where it moves or is young, else 0."""
        return torch.maximum(self.moving, (self.age < YOUNG).to(self.moving.dtype))


@dataclass(frozen=True)
class _Last:
    """What the last frame leaves for the next."""

    grey: Grey  # the film's own frame
    detail: Tensor  # `[1, 3, H, W]`, what was changed there
    age: Tensor  # `[1, 1, H, W]`, frames that a place has been seen for, at most `YOUNG`
    mean: Tensor  # `[1, 3, 1, 1]`, of the first frame's detail
    spread: Tensor  # likewise, the standard deviation of that of the first frame after a cut
    chosen: dict[str, object]  # settings that were chosen for the first frame

    def along(self, now: Grey) -> _Along | None:
        """What it leaves for a frame of that brightness; `None` after a cut."""
        moved = motion.between(self.grey, now)
        if moved.known < CUT:
            return None
        return _Along(moved.carried(self.detail), moved.carried(self.age), moved.new, moved.moving)

    def state(self) -> State:
        tensors = {"detail": self.detail, "age": self.age, "mean": self.mean, "spread": self.spread}
        chosen = torch.tensor([*json.dumps(self.chosen).encode()], dtype=torch.uint8)
        return {**tensors, "grey": torch.from_numpy(self.grey), "chosen": chosen}

    @classmethod
    def of(cls, state: State) -> _Last:
        grey: Grey = state["grey"].numpy()
        chosen = json.loads(bytes(state["chosen"].tolist()))
        return cls(grey, state["detail"], state["age"], state["mean"], state["spread"], chosen)


def _level(detail: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel, within the mask."""
    flat = detail.flatten(2) if mask is None else detail.flatten(2)[..., (mask > 0).flatten()]
    return flat.mean(2)[..., None, None], flat.std(2, correction=0)[..., None, None]


def _levelled(detail: Tensor, last: _Last, mask: Tensor | None) -> Tensor:
    """The detail with the mean of the first frame's, and no more contrast: else both grow with every frame."""
    mean, spread = _level(detail, mask)
    return (detail - mean).mul_((last.spread / spread.clamp(min=1e-6)).clamp(max=1)).add_(last.mean)


def _shown(film: FilmReader) -> Callable[[Fraction], Frame]:
    """The frame of a film that is shown at a time, for times that grow; the last one stays."""
    frames = film.frames()
    now, after = None, next(frames, None)

    def shown(seconds: Fraction) -> Frame:
        nonlocal now, after
        while after is not None and (now is None or after.seconds <= seconds):
            now, after = after, next(frames, None)
        assert now is not None  # a film has a frame
        return now

    return shown


def _forget(_: object) -> None:
    """Frames are kept whole, not in their middle."""


def _unheard(_: object) -> None:
    """Broad forms are made beside the steps that are told of."""
