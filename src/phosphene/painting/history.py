"""The history of a painting, all that was done and how much of it stands; and paintings read from files."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from phosphene.errors import SettingsError
from phosphene.painting.checks import Whole, explain
from phosphene.painting.document import WORDS, Document, Event, Ground


@dataclass(frozen=True)
class History:
    """All that was done, and how much of it stands.

    >>> from phosphene.painting.document import Look
    >>> history = History().then(Ground(Look("dream", preset="reef"), 1.0))
    >>> history.undone.document.ground is None, history.undone.redone == history
    (True, True)
    """

    events: tuple[Event, ...] = ()
    done: Annotated[Whole, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check(self) -> History:
        if self.done > len(self.events):
            many = {"events": len(self.events), "done": self.done}
            raise PydanticCustomError("history", "Of {events} events, {done} cannot stand.", many)
        return self

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

    def to_dict(self) -> dict[str, object]:
        """As JSON has it."""
        return {"done": self.done, "events": [event and event.to_dict() for event in self.events]}


Written = TypeVar("Written", Document, History)


def read(kind: type[Written], data: object) -> Written:
    """Reads what the `to_dict` of a document or a history wrote. Raises `SettingsError`: it is none."""
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        raise SettingsError("\n".join(explain(error, data, f"The {kind.__name__.lower()}", WORDS))) from None
