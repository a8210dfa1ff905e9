"""The settings of a pattern, and the words that say of what; nothing here needs torch."""

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from phosphene.errors import SettingsError
from phosphene.recipes.fields import Settings, ascent, finer, look, speed, taste

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

    layer: str | None = look(
        None, "whose pattern, as block8; without a channel, a sheet of its channels", holds="layer"
    )
    channel: int | None = look(None, "only this channel of the layer", allowed=(0, math.inf))
    channels: str | None = look(None, "the channels of a sheet: 0-63, or 3,7,20-30  [the first 64]")
    model: str = look(
        "efficientnet-lite0",
        "the network: a name, a weights file, timm:NAME, torchvision:NAME, …",
        holds="model",
        because="as for dreams",
    )
    weights: str | None = look(None, "weights of another network: a safetensors file, or random", holds="weights")
    colours: str = look(
        "natural",
        "axes of colour: those of photographs, or red, green, blue",
        allowed=("natural", "rgb"),
        because="Olah, Mordvintsev and Schubert, 2017",
    )
    seed: int = look(0, "another seed, another pattern", allowed=(0, 2**63 - 1), because="any is as good")
    objective: str | None = taste(
        None, "what to bring out, in words, instead of a layer: \"class('tabby')\"", holds="objective"
    )
    tileable: bool = taste(False, "let it repeat without a seam, as wallpaper does")
    octaves: int = ascent(
        5, "sizes to work at, from small to large; no more than fit", allowed=(1, 16), because="how-to/patterns.md"
    )
    octave_scale: float = ascent(
        2.0, "how much larger each size is than the last", allowed=(1.05, 8), because="how-to/patterns.md"
    )
    steps: int = ascent(
        48, "steps at each size; fewer where a size is large", allowed=(1, 100_000), because="how-to/patterns.md"
    )
    step_size: float = ascent(
        0.05, "length of Adam's steps", allowed=(0, 100), because="Olah, Mordvintsev and Schubert, 2017"
    )
    parameterisation: str = finer(
        "fourier",
        "what is optimised: waves, the bands of a pyramid, or pixels",
        allowed=("fourier", "laplacian", "pixel"),
        because="Olah, Mordvintsev and Schubert, 2017; how-to/patterns.md",
    )
    robustness: float = finer(
        1.0,
        "how far it must bear turning, scaling and shifting; 0: not at all",
        allowed=(0, 4),
        because="Olah, Mordvintsev and Schubert, 2017: the unit is their transforms",
    )
    normalise: str = finer(
        "plain",
        "the gradient as it is, or each frequency band brought to the same size",
        allowed=("plain", "laplacian"),
        because="Olah, Mordvintsev and Schubert, 2017",
    )
    dtype: str = finer(
        "float32", "precision of all computation", allowed=("float32", "float64"), because="explanation/architecture.md"
    )
    memory: str = speed("auto", "for the whole process, as 900MB", holds="memory", because="explanation/tiles.md")

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


def settings(of: str | None = None, **changes: Any) -> PatternSettings:
    """The settings of a word, as `block8:37`, and changes to them.

    Raises:
        SettingsError: the word and the changes contradict each other.
    """
    if of is not None:
        layer, channel = word(of)
        named = {"layer": layer, **({} if channel is None else {"channel": channel})}
        twice = [f"--{name}" for name in named if changes.get(name) not in (None, named[name])]
        if twice:
            raise SettingsError(f"{of!r} and {twice[0]} name different ones. Leave out one of them.")
        changes = {**changes, **named}
    return PatternSettings(**changes)


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
