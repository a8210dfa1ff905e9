"""A painting as data: its ground and its strokes, in the order in which they were painted; nothing here needs torch.

Places are pixels of the *view*, the picture at the size at which it is painted: x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from phosphene.painting.checks import check, near, whole, within
from phosphene.recipes.presets import PRESETS

DREAM, STYLE, ERASE = "dream", "style", "erase"
KINDS = (DREAM, STYLE, ERASE)

Point = tuple[float, float, float]  # x, y, and the pen's pressure, 0..1
Touch = tuple[Point, ...]


@dataclass(frozen=True)
class Look:
    """What is brought out of a place.

    Attributes:
        kind: `dream`, `style`, or `erase`, which brings the photograph back.
        preset: of a dream: a named look.
        layer: of a dream: this layer, in place of the preset's; of a guided one: by default what suits the guide.
        channel: only this channel of the layer.
        filter: of a style: a look with a name.
        reference: a picture: the dream's guide, or the style.

    Raises:
        SettingsError: they do not go together.

    >>> Look("dream", preset="beasts").name
    'beasts'
    """

    kind: str
    preset: str | None = None
    layer: str | None = None
    channel: int | None = None
    filter: str | None = None
    reference: str | None = None

    def __post_init__(self) -> None:
        check(self.kind in KINDS, f"A look is a {', a '.join(KINDS)}; {self.kind!r} is none.{near(self.kind, KINDS)}")
        for name in ("preset", "layer", "filter", "reference"):
            value = getattr(self, name)
            check(value is None or isinstance(value, str), f"A look's {name} is a text, not {value!r}.")
        check(self.preset is None or self.preset in PRESETS, f"There is no preset {self.preset!r}.")
        check(
            self.channel is None or (whole(self.channel) and self.layer is not None),
            "A look's channel is a whole number, and its layer is named.",
        )
        check(
            self.kind != STYLE or (self.filter is None) != (self.reference is None),
            "A style has a filter or a reference, and not both.",
        )
        check(self.kind == STYLE or self.filter is None, "A filter is a style.")

    @property
    def name(self) -> str:
        """In a word or two."""
        part = self.layer if self.channel is None else f"{self.layer}:{self.channel}"
        words = (self.filter, self.reference and f"picture {self.reference}", part, self.preset)
        return next((word for word in words if word), self.kind)


@dataclass(frozen=True)
class Ground:
    """What the whole picture is, under all strokes.

    Attributes:
        look: a dream or a style.
        strength: of a dream, from 0.2 to 5; of a style, from 0 to 1.
        until: octave and step, both from 1, where its growing was stopped; `None`: it grew to its end.
    """

    look: Look
    strength: float
    until: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        most = 1.0 if self.look.kind == STYLE else 5.0
        check(self.look.kind != ERASE, "A ground is a dream or a style; null is the photograph.")
        within("ground's strength", self.strength, 0, most)


@dataclass(frozen=True)
class Brush:
    """What a stroke is painted with.

    Attributes:
        size: diameter in pixels of the view.
        softness: 0 is a hard edge, 1 fades from the middle.
        strength: a factor; 1 is usual.
        look: what it brings out.
    """

    size: float
    softness: float
    strength: float
    look: Look

    def __post_init__(self) -> None:
        within("brush's size", self.size, 4, 600)
        within("brush's softness", self.softness, 0, 1)
        within("brush's strength", self.strength, 0.1, 3)


@dataclass(frozen=True)
class Stroke:
    """One stroke: every touch is a short dream along a few points."""

    brush: Brush
    touches: tuple[Touch, ...] = ()


Event = Ground | Stroke | None
"""What was done: a ground was laid (`None`: the photograph), or a stroke painted."""


@dataclass(frozen=True)
class Document:
    """A painting as it stands.

    Attributes:
        ground: under the strokes; `None` is the photograph.
        strokes: in order.
    """

    ground: Ground | None = None
    strokes: tuple[Stroke, ...] = ()

    def after(self, event: Event) -> Document:
        """With one more event."""
        if isinstance(event, Stroke):
            return replace(self, strokes=(*self.strokes, event))
        return replace(self, ground=event)


@dataclass(frozen=True)
class History:
    """All that was done, and how much of it stands.

    >>> history = History().then(Ground(Look("dream", preset="reef"), 1.0))
    >>> history.undone.document.ground is None, history.undone.redone == history
    (True, True)
    """

    events: tuple[Event, ...] = ()
    done: int = 0

    @property
    def document(self) -> Document:
        """The painting as it stands."""
        found = Document()
        for event in self.events[: self.done]:
            found = found.after(event)
        return found

    @property
    def last(self) -> Event:
        """The last event that stands."""
        return self.events[self.done - 1] if self.done else None

    def then(self, event: Event) -> History:
        """With one more event, after which nothing can be redone."""
        return History((*self.events[: self.done], event), self.done + 1)

    def with_ground(self, ground: Ground, reached: Ground) -> History:
        """With another ground in one's place, where it came out otherwise than it was meant."""
        return replace(self, events=tuple(reached if event is ground else event for event in self.events))

    @property
    def undone(self) -> History:
        """With one event less, if there is one."""
        return replace(self, done=max(0, self.done - 1))

    @property
    def redone(self) -> History:
        """With the event that was undone last, if there is one."""
        return replace(self, done=min(len(self.events), self.done + 1))
