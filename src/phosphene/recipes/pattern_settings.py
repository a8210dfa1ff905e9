"""The settings of a pattern, and the words that say of what; nothing here needs torch."""

import math
import re
from dataclasses import dataclass
from typing import ClassVar

from phosphene.errors import SettingsError
from phosphene.recipes import fields
from phosphene.recipes.fields import Settings, ascent, finer, look, taste

SHEET = 64  # channels of a sheet, unless told otherwise
PAGE, PAPER = "how-to/patterns.md", "Olah, Mordvintsev and Schubert, 2017"  # where defaults come from


@dataclass(frozen=True)
class PatternSettings(Settings):
    """How to bring a pattern out of noise; every field is a flag of the command line.

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
    channel: int | None = look(None, "only this channel of the layer", (0, math.inf))
    channels: str | None = look(None, "the channels of a sheet: 0-63, or 3,7,20-30  [the first 64]")
    model: str = fields.network_name()
    weights: str | None = fields.network_weights()
    colours: str = look(
        "natural", "axes of colour: those of photographs, or red, green, blue", ("natural", "rgb"), because=PAPER
    )
    seed: int = look(0, "another seed, another pattern", (0, 2**63 - 1), because="any is as good")
    objective: str | None = taste(
        None, "what to bring out, in words, instead of a layer: \"class('tabby')\"", holds="objective"
    )
    tileable: bool = taste(False, "let it repeat without a seam, as wallpaper does")
    octaves: int = ascent(5, "sizes to work at, from small to large; no more than fit", (1, 16), because=PAGE)
    octave_scale: float = ascent(2.0, "how much larger each size is than the last", (1.05, 8), because=PAGE)
    steps: int = ascent(48, "steps at each size; fewer where a size is large", (1, 100_000), because=PAGE)
    step_size: float = ascent(0.05, "length of Adam's steps", (0, 100), because=PAPER)
    parameterisation: str = finer(
        "fourier",
        "what is optimised: waves, the bands of a pyramid, or pixels",
        ("fourier", "laplacian", "pixel"),
        because="Olah, Mordvintsev and Schubert, 2017; how-to/patterns.md",
    )
    robustness: float = finer(
        1.0,
        "how far it must bear turning, scaling and shifting; 0: not at all",
        (0, 4),
        because="Olah, Mordvintsev and Schubert, 2017: the unit is their transforms",
    )
    normalise: str = finer(
        "plain",
        "the gradient as it is, or each frequency band brought to the same size",
        ("plain", "laplacian"),
        because=PAPER,
    )
    dtype: str = fields.arithmetic()
    device: str = fields.network_device()
    memory: str = fields.memory_limit()

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


def settings(of: str | None = None, **changes: object) -> PatternSettings:
    """The settings of a word, as `block8:37`, and changes to them.

    Raises:
        SettingsError: the word and the changes contradict each other, or an impossible value.
        UnknownNameError: there is no such setting; the nearest is offered.
    """
    if of is not None:
        layer, channel = word(of)
        named = {"layer": layer, **({} if channel is None else {"channel": channel})}
        twice = [f"--{name}" for name in named if changes.get(name) not in (None, named[name])]
        if twice:
            raise SettingsError(f"{of!r} and {twice[0]} name different ones. Leave out one of them.")
        changes = {**changes, **named}
    return PatternSettings.of(changes)


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
