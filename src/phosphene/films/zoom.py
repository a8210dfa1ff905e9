"""An endless zoom: a flight into a picture that never comes to an end, because new forms grow out of the old ones.

Key pictures, larger than the frames, stand a fixed ratio apart. Each is the middle of the one before, enlarged once and
dreamt upon at its finer sizes. A frame shows parts of two of them: the outer one, and over it the inner one, which
comes in evenly while it grows from the middle to the edges.

Dreaming on every frame instead costs twice as much, and each frame is resampled again: after three seconds at 24 frames
a second, sharpness was down by a third.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from phosphene.ascent import OnStep
from phosphene.errors import SettingsError
from phosphene.films import views
from phosphene.films.flight import Flight, ZoomOptions
from phosphene.films.frames import Frame, State
from phosphene.films.levels import Levels, hold
from phosphene.images import Picture
from phosphene.pixels import transforms
from phosphene.recipes.settings import DreamSettings
from phosphene.run.prepared import Prepared
from phosphene.techniques.engine import Engine

__all__ = ["Zoom", "ZoomOptions"]

_LARGER = 4 / 3  # a key picture's side over a frame's: more than the ratio, so that frames are always shrunk
_OCTAVES = 4  # at most: what is larger was dreamt when it was small
_STEPS = 0.5  # of those that a picture by itself takes
_FEATHER = 0.3  # of half a side: how softly an inner key picture ends while it is new
_CLOSING = 8.0  # a loop's first picture comes into sight at this part of its size
_CLOSING_FEATHER = 0.08  # of half a side: how softly it ends when it is as large as the frame
_LEVELS = "levels"


class Zoom:
    """Makes the frames of an endless zoom; a `FrameMaker`.

    A flight forwards holds two or three key pictures at a time, in half precision; one backwards makes and holds all of
    them before its first frame, about `4 * seconds * log(speed)` times the bytes of a frame in float32. A loop holds
    the first one besides.
    """

    def __init__(
        self,
        picture: Tensor,
        prepared: Prepared,
        options: ZoomOptions,
        settings_at: Callable[[float], Any] | None = None,
        on_step: OnStep | None = None,
        *,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Makes a zoom ready; nothing is dreamt before the first frame is asked for.

        Args:
            picture: `[1, 3, H, W]`, sRGB 0..1; the flight begins with its dream.
            prepared: the dream, and the network.
            options: of the flight.
            settings_at: what is dreamt at so many seconds of the film; by default the prepared settings. Their
                octaves and steps are those of the first picture; the pictures after it take fewer.
            on_step: is told of each step of each dream; what it raises ends the film, and `state` says how far it came.
            size: height and width of the frames, in the picture's proportions; by default the picture's own.
        """
        self.size = size or (picture.shape[-2], picture.shape[-1])
        self.rate, self.count = options.rate, options.count
        self._picture, self._prepared, self._options, self._on_step = picture, prepared, options, on_step
        self._settings_at = settings_at or (lambda seconds: prepared.settings)
        self._flight = Flight(options, self.size[1] / self.size[0])
        self._key_size = (round(self.size[0] * _LARGER), round(self.size[1] * _LARGER))
        self._keys: dict[int, Tensor] = {}
        self._prefiltered: dict[int, views.Prefiltered] = {}
        self._levels: Levels | None = None

    def frames(self, first: int, state: State) -> Iterator[Frame]:
        """The frames from number `first` on.

        Raises:
            PhospheneError: as the dreams do.
        """
        self._take_up(state)
        for number in range(first, self.count):
            depth = self._flight.depth(number)
            pixels = self._shown(depth)
            self._forget(number, math.floor(depth))
            yield Frame(number, number / self.rate, pixels)

    def state(self) -> State:
        """The key pictures that the next frames need, `key-LEVEL`, and the `levels` that they are held to."""
        kept = {f"key-{level}": pixels for level, pixels in self._keys.items()}
        return kept | ({_LEVELS: self._levels.pack()} if self._levels else {})

    def _take_up(self, state: State) -> None:
        self._prefiltered = {}
        self._keys = {int(name.removeprefix("key-")): pixels for name, pixels in state.items() if name != _LEVELS}
        self._levels = Levels.unpack(state[_LEVELS]) if _LEVELS in state else None

    def _forget(self, number: int, level: int) -> None:
        """Drops the key pictures that no frame after this one needs."""
        if self._options.backwards and number + 1 < self.count:
            last = math.floor(self._flight.depth(number + 1)) + 1
            needed = range(last + 1)
        else:
            needed = range(level, self._flight.levels + 1)
        kept = {0} if self._options.loop else set()
        self._keys = {key: pixels for key, pixels in self._keys.items() if key in needed or key in kept}
        self._prefiltered = {key: prefiltered for key, prefiltered in self._prefiltered.items() if key in self._keys}

    # Frames

    def _shown(self, depth: Fraction) -> Tensor:
        """The frame at a depth, `[1, 3, H, W]`."""
        level = math.floor(depth)
        outer = self._prefiltered_key(level).shown(self._flight.placement(level, depth), self.size)
        if depth == level:
            return outer
        placement, new = self._flight.placement(level + 1, depth), float(depth - level)
        prefiltered = self._prefiltered_key(level + 1)
        share = views.inside(placement, prefiltered.sharp, self.size, _FEATHER * (1 - new) ** 2).mul_(new)
        return torch.lerp(outer, prefiltered.shown(placement, self.size), share)

    def _prefiltered_key(self, level: int) -> views.Prefiltered:
        level = self._origin(level)
        if level not in self._prefiltered:
            most = self._flight.ratio * self._key_size[0] / self.size[0]
            self._prefiltered[level] = views.prefiltered(self._key(level), most)
        return self._prefiltered[level]

    def _origin(self, level: int) -> int:
        """The level itself; a loop's last is its first."""
        return 0 if self._options.loop and level == self._flight.levels else level

    # Key pictures

    def _key(self, level: int) -> Tensor:
        """A key picture `[1, 3, H, W]`, in the network's dtype; those before it are made where they are not there."""
        if level not in self._keys:
            begun = [each for each in self._keys if each < level]
            for each in range(max(begun) + 1 if begun else 0, level + 1):
                self._keys[each] = self._made(each).half()
        return self._keys[level].to(self._prepared.network.dtype)

    def _made(self, level: int) -> Tensor:
        settings = self._settings_at(self._flight.seconds(level))
        if level == 0:
            picture = transforms.at(self._picture, *self._key_size).clamp(0, 1)
            first = self._dreamt(picture, settings)
            self._levels = Levels.of(first)
            return first
        finer = replace(
            settings,
            octaves=min(_OCTAVES, settings.octaves),
            base_size=0,
            steps=math.ceil(_STEPS * settings.steps),
            seed=(settings.seed + level) % 2**63,
        )
        before = views.Prefiltered(self._key(level - 1), self._key(level - 1), 1.0)
        ground = before.shown(self._flight.placement(level - 1, level), self._key_size)
        closing = self._closing(level)
        if closing is None:
            return hold(self._dreamt(ground, finer), self._first_levels())
        first, share = closing
        made = self._dreamt(torch.lerp(ground, first, share), finer)
        return torch.lerp(hold(made, self._first_levels(), 1 - share), first, share)

    def _first_levels(self) -> Levels:
        if self._levels is None:
            raise SettingsError("The film's state has key pictures but not the levels that they are held to.")
        return self._levels

    def _closing(self, level: int) -> tuple[Tensor, Tensor] | None:
        """A loop's first key picture as seen from one of its last, and where it covers that; `None` for all others.

        It is small, soft and faint at first, so that it grows out of the pattern.
        """
        levels = self._flight.levels
        closing = min(levels - 1, round(math.log(_CLOSING) / math.log(self._flight.ratio)))
        left = (levels - level) / (closing + 1)
        if left >= 1 or not self._options.loop:
            return None
        placement = self._flight.placement(levels, level)
        first = views.prefiltered(self._key(0), placement.scale).shown(placement, self._key_size)
        feather = _CLOSING_FEATHER + (1 - _CLOSING_FEATHER) * left
        return first, views.inside(placement, first, self._key_size, feather).mul_(1 - left**2)

    def _dreamt(self, pixels: Tensor, settings: DreamSettings) -> Tensor:
        prepared = self._prepared
        engine: Engine[DreamSettings] = prepared.technique.engine
        source = Picture(pixels, None, 8, "key picture", None)
        work = engine.begin(source, settings, prepared.network, prepared.cache, prepared.objective)
        return work.make(self._on_step or (lambda step: None), None, lambda reached: None)
