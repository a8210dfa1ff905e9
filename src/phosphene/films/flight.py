"""Where an endless zoom flies: its options, and which part of which key picture each frame shows. Needs no torch.

The zoom is a chain of key pictures. Each shows the middle of the one before, enlarged by `Flight.ratio` and turned. A
frame at depth 2.5 lies half-way from key picture 2 to key picture 3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from phosphene.errors import SettingsError

RATIO = 1.25  # a key picture is enlarged at most so much to make the next
_EDGE = 0.05  # of the width and height: the flight ends no nearer to an edge of the first picture
_FINEST = 1001  # denominator of a frame rate: that of television, 30000/1001, is exact

Shift = tuple[float, float]


@dataclass(frozen=True)
class ZoomOptions:
    """An endless flight into a picture.

    Raises:
        SettingsError: a value out of its range, with the range.
    """

    seconds: float = 10.0  # how long the film lasts
    fps: float = 24.0  # frames a second
    speed: float = 1.3  # how much larger everything becomes in a second
    turn: float = 0.0  # degrees a second, clockwise
    towards: tuple[float, float] = (0.5, 0.5)  # shares of the first picture's width and height
    backwards: bool = False  # out of the picture
    loop: bool = False  # the film's end meets its beginning

    def __post_init__(self) -> None:
        _check("--seconds", self.seconds, 0.1, 86_400)
        _check("--fps", self.fps, 1, 240)
        _check("--speed", self.speed, 1.01, 10)
        _check("--turn", self.turn, -180, 180)
        if not isinstance(self.towards, Sequence) or isinstance(self.towards, str) or len(self.towards) != 2:
            raise SettingsError(f"--towards is {self.towards!r}; it takes two numbers from 0 to 1, as 0.5,0.3.")
        for share in self.towards:
            _check("--towards", share, 0, 1)

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.fps).limit_denominator(_FINEST)

    @property
    def count(self) -> int:
        """How many frames the film has."""
        return max(1, round(self.seconds * self.rate))


def _check(flag: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise SettingsError(f"{flag} is {value!r}; it takes a number from {low:g} to {high:g}.")


@dataclass(frozen=True)
class Placement:
    """Which part of a key picture a view shows.

    A point of the view, measured from its middle in a unit of both, is at `shift + scale * turned(point)` of the key
    picture, from its middle as well.
    """

    scale: float  # of the key picture's side that the view shows; below 1 it is enlarged
    angle: float  # radians, by which the view sees the key picture turned clockwise
    shift: Shift  # the view's middle, down and to the right, in shares of the key picture's height and width


@dataclass(frozen=True)
class Flight:
    """The flight that options describe, into pictures that are `aspect` times as wide as they are high.

    Depths count key pictures: at depth `k`, a frame shows all of key picture `k`, and nothing else.
    """

    options: ZoomOptions
    aspect: float = 1.0

    @cached_property
    def levels(self) -> int:
        """The depth of the film's end."""
        return max(1, math.ceil(self._seconds * math.log(self.options.speed) / math.log(RATIO) - 1e-9))

    @cached_property
    def ratio(self) -> float:
        """How much larger a key picture shows what the one before shows: at most `RATIO`."""
        return math.exp(self._seconds * math.log(self.options.speed) / self.levels)

    def depth(self, number: int) -> Fraction:
        """How deep frame `number` is; the first and last of a flight backwards change places."""
        count = self.options.count
        if self.options.backwards:
            number = -number % count if self.options.loop else count - 1 - number
        return Fraction(number * self.levels, count)

    def seconds(self, level: int) -> float:
        """When the film shows all of key picture `level`, and nothing else: from 0 to the film's length."""
        share = min(1.0, level / self.levels)
        return self._seconds * (1 - share if self.options.backwards else share)

    def placement(self, level: int, depth: Fraction | int) -> Placement:
        """Which part of key picture `level` is seen from a depth."""
        scale = math.pow(self.ratio, level - depth)
        off = self._off_course(level) - self._off_course(depth) * scale
        down, right = self._aim[1] * off, self._aim[0] * off * self.aspect
        cosine, sine = math.cos(self._turn * level), math.sin(self._turn * level)
        shift = (cosine * down - sine * right, (cosine * right + sine * down) / self.aspect)
        return Placement(scale, self._turn * float(depth - level), shift)

    @property
    def _seconds(self) -> float:
        return float(self.options.count / self.options.rate)

    @property
    def _turn(self) -> float:
        """Radians from one key picture to the next."""
        return math.radians(self.options.turn) * self._seconds / self.levels

    @property
    def _aim(self) -> tuple[float, float]:
        """The point that the flight ends at, to the right and down from the middle, in shares of width and height."""
        x, y = (min(1 - _EDGE, max(_EDGE, share)) - 0.5 for share in self.options.towards)
        return x, y

    def _off_course(self, depth: Fraction | int) -> float:
        """How far from the middle of the view the point aimed at still is: from 1, where it began, smoothly to 0.

        It comes to the middle no sooner than the view, whose edges must stay within the first picture, allows: that is
        at a magnification of 0.5 / (0.5 - aim), and a smooth way there takes an eighth longer.
        """
        allowed = 0.5 / (0.5 - max(map(abs, self._aim)))
        arrival = max(2.0, 1 + 1.125 * (allowed - 1))
        way = min(1.0, (math.pow(self.ratio, depth) - 1) / (arrival - 1))
        return 1 - way * way * (3 - 2 * way)
