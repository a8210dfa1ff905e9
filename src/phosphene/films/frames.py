"""What a film consists of, and what makes it frame after frame."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Frame:
    """A picture of a film."""

    number: int  # in the film, from 0
    seconds: Fraction  # from the film's beginning until it is shown
    pixels: Tensor  # `[1, 3, H, W]`, sRGB 0..1
    alpha: Tensor | None = None  # `[1, 1, H, W]`, 0..1


State = Mapping[str, Tensor]
"""What the next frame needs of those before, by name; a run that stopped goes on from it."""


class FrameMaker(Protocol):
    """Makes the frames of a film in their order."""

    def frames(self, first: int, state: State) -> Iterator[Frame]:
        """The frames from number `first` on, where those before left that state; it is empty before frame 0."""

    def state(self) -> State:
        """What the frame that was given last leaves for the next one."""
