"""The settings of a pattern, and the words that say of what; nothing here needs torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from phosphene.errors import SettingsError
from phosphene.recipes.fields import Settings, setting

SHEET = 64  # channels of a sheet, unless told otherwise


@dataclass(frozen=True)
class PatternSettings(Settings):
    """How to bring a pattern out of noise; every field is a flag of the command line.

    Raises:
        SettingsError: a value out of its range, with the range.

    >>> PatternSettings(layer="block8", channel=37).octaves
    5
    """

    OVERRIDES: ClassVar = {
        "objective": ("layer", "channel", "channels"),
        "layer": ("objective", "channel", "channels"),
        "channel": ("objective", "channels"),
        "channels": ("objective", "channel"),
    }

    model: str = setting(
        "efficientnet-lite0",
        "the network: a name, a weights file, timm:NAME, torchvision:NAME, …",
        because="as for dreams",
    )
    weights: str | None = setting(None, "weights of another network: a safetensors file, or random")
    layer: str | None = setting(None, "whose pattern, as block8; without a channel, a sheet of its channels")
    channel: int | None = setting(None, "only this channel of the layer", low=0)
    channels: str | None = setting(None, "the channels of a sheet: 0-63, or 3,7,20-30  [the first 64]")
    objective: str | None = setting(None, "what to bring out, in words, instead of a layer: \"class('tabby')\"")
    parameterisation: str = setting(
        "fourier",
        "what is optimised: waves, the bands of a pyramid, or pixels",
        choices=("fourier", "laplacian", "pixel"),
        because="Olah, Mordvintsev and Schubert, 2017; how-to/patterns.md",
    )
    colours: str = setting(
        "natural",
        "axes of colour: those of photographs, or red, green, blue",
        choices=("natural", "rgb"),
        because="Olah, Mordvintsev and Schubert, 2017",
    )
    robustness: float = setting(
        1.0,
        "how far it must bear turning, scaling and shifting; 0: not at all",
        low=0,
        high=4,
        because="Olah, Mordvintsev and Schubert, 2017: the unit is their transforms",
    )
    normalise: str = setting(
        "plain",
        "the gradient as it is, or each frequency band brought to the same size",
        choices=("plain", "laplacian"),
        because="Olah, Mordvintsev and Schubert, 2017",
    )
    octaves: int = setting(
        5, "sizes to work at, from small to large; no more than fit", low=1, high=16, because="how-to/patterns.md"
    )
    octave_scale: float = setting(
        2.0, "how much larger each size is than the last", low=1.05, high=8, because="how-to/patterns.md"
    )
    steps: int = setting(
        48, "steps at each size; fewer where a size is large", low=1, high=100_000, because="how-to/patterns.md"
    )
    step_size: float = setting(
        0.05, "length of Adam's steps", low=0, high=100, because="Olah, Mordvintsev and Schubert, 2017"
    )
    tileable: bool = setting(False, "let it repeat without a seam, as wallpaper does")
    seed: int = setting(0, "another seed, another pattern", low=0, high=2**63 - 1, because="any is as good")
    memory: str = setting("auto", "for the whole process, as 900MB", because="explanation/tiles.md")
    dtype: str = setting(
        "float32", "precision of all computation", choices=("float32", "float64"), because="explanation/architecture.md"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels is not None:
            channel_numbers(self.channels)
            if self.channel is not None:
                raise SettingsError("--channel is one pattern, --channels a sheet of them. Give one of the two.")
        if self.objective is not None and (self.layer, self.channel, self.channels) != (None, None, None):
            raise SettingsError("--objective says it all: a layer and its channels belong into its words.")

    @property
    def is_sheet(self) -> bool:
        """Whether a sheet of many channels is meant."""
        return self.objective is None and self.channel is None


def word(text: str) -> tuple[str, int | None]:
    """A layer, and perhaps its channel, of a word.

    Raises:
        SettingsError: the channel is no number.

    >>> word("block8:37"), word("block8")
    (('block8', 37), ('block8', None))
    """
    layer, colon, number = text.strip().partition(":")
    if not colon:
        return layer, None
    if not number.strip().isdecimal():
        raise SettingsError(f"{text!r} names no channel; it is written LAYER:NUMBER, as block8:37.")
    return layer, int(number)


def channel_numbers(text: str) -> tuple[int, ...]:
    """Channels from a text of numbers and ranges, each once, in the order of the text.

    Raises:
        SettingsError: it is written otherwise.

    >>> channel_numbers("3,7,20-23")
    (3, 7, 20, 21, 22, 23)
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", part)
        if not match:
            raise SettingsError(f"--channels is {text!r}; it takes numbers and ranges, as 0-63 or 3,7,20-30.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise SettingsError(f"--channels: {part.strip()} runs backwards; write {last}-{first}.")
        found.update(dict.fromkeys(range(first, last + 1)))
    return tuple(found)
