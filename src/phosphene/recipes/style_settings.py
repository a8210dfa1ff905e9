"""The settings of a style; nothing here needs torch."""

from dataclasses import dataclass
from typing import Any, ClassVar

from phosphene.errors import SettingsError
from phosphene.recipes.fields import Settings, ValueDict, ascent, finer, look, memory_bytes, speed, taste
from phosphene.recipes.settings import settings as settings_of_dreams

MAPS = 2  # a content's and a style's


@dataclass(frozen=True)
class StyleSettings(Settings):
    """How to repaint a picture; every field is a flag of the command line.

    Raises:
        SettingsError: a value out of its range, with the range.

    >>> StyleSettings(style=("waves.jpg",)).method
    'match'
    """

    OVERRIDES: ClassVar = {"style": ("filter",), "filter": ("style",)}

    style: tuple[str, ...] = look(
        (), "another style picture, as waves.jpg or waves.jpg:0.5; may be repeated", holds="weighted picture"
    )
    filter: str | None = look(None, "a look that comes with the program; phosphene filters lists them", holds="filter")
    strength: float = look(
        0.5, "from 0.1, a hint, to 1: only the style's motifs are left", allowed=(0, 1), because="explanation/style.md"
    )
    scale: float = look(1.0, "size of the strokes: 0.5 is half, 2 is twice", allowed=(0.1, 8), because="the unit")
    keep_colour: bool = look(False, "keep the picture's own colours")
    model: str = look(
        "efficientnet-lite0",
        "the network: a name, a weights file, timm:NAME, torchvision:NAME, …",
        holds="model",
        because="as for dreams",
    )
    weights: str | None = look(None, "weights of another network: a safetensors file, or random", holds="weights")
    seed: int = look(
        0, "of the faint grain that a painting begins with", allowed=(0, 2**63 - 1), because="any is as good"
    )
    mask: str | None = taste(
        None, "where: a picture, white is repainted; or alpha, your picture's own transparency", holds="mask"
    )
    feather: float = taste(
        0.0, "softens a mask's border by so many pixels", allowed=(0, 100_000), because="a mask means what it shows"
    )
    invert: bool = taste(False, "turn a mask round: black is repainted")
    regions: tuple[str, ...] = taste(
        (), "two maps, the picture's and the style's: one colour is one stuff", holds="map", words=MAPS
    )
    stuff: float = taste(
        1.0,
        "how firmly sky goes to sky and wall to wall; 0: only looks count",
        allowed=(0, 10),
        because="explanation/style.md",
    )
    tone: float = taste(
        0.0,
        "how firmly dark goes to dark and red to red, as filters ask; 0: not at all",
        allowed=(0, 100),
        because="explanation/style.md",
    )
    initial: str | None = taste(None, "a picture to begin with, in place of your own", holds="picture")
    then_dream: str | None = taste(
        None, "let the result dream: a preset, by default carnival", holds="preset", bare="carnival"
    )
    scales: int = ascent(
        8, "sizes to paint at, from broad to fine; no more than fit", allowed=(1, 16), because="explanation/style.md"
    )
    steps: int = ascent(
        50, "steps at each size; fewer where it is large", allowed=(1, 100_000), because="explanation/style.md"
    )
    step_size: float = ascent(2.0, "length of Adam's steps, of 255", allowed=(0, 255), because="explanation/style.md")
    method: str = finer(
        "match",
        "like goes to like, place by place; or the whole picture's statistics",
        allowed=("match", "gram"),
        because="explanation/style.md",
    )
    dtype: str = finer(
        "float32",
        "arithmetic; float64 is for comparing programs",
        allowed=("float32", "float64"),
        because="explanation/architecture.md",
    )
    memory: str = speed(
        "auto", "memory for the whole program, as 900MB or 2GB", holds="memory", because="explanation/tiles.md"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        memory_bytes(self.memory)
        if self.regions and len(self.regions) != MAPS:
            raise SettingsError("--regions takes two maps: your picture's and the style's, as sky.png their-sky.png.")
        for word in self.style:
            weighted(word)


def settings(**changes: Any) -> StyleSettings:
    """The settings that suit a filter, if one is named, and changes to them.

    Raises:
        SettingsError: no style, or an impossible value.
        UnknownNameError: there is no such filter or preset.
    """
    suits: ValueDict = {}
    if (name := changes.get("filter")) is not None:
        from phosphene import filters  # which loads torch

        suits = dict(filters.read(str(name)).style)
    try:
        chosen = StyleSettings(**{**suits, **changes})
    except TypeError as error:
        raise SettingsError(f"{error}. The settings are {', '.join(StyleSettings.names())}.") from error
    if not chosen.style and chosen.filter is None:
        raise SettingsError("Name a style: a picture, or a --filter. List the filters: phosphene filters")
    if chosen.then_dream is not None:
        settings_of_dreams(preset=chosen.then_dream)
    return chosen


def weighted(word: str) -> tuple[str, float]:
    """A style picture and its weight.

    Raises:
        SettingsError: the weight is below 0.

    >>> weighted("waves.jpg:0.5"), weighted("waves.jpg")
    (('waves.jpg', 0.5), ('waves.jpg', 1.0))
    """
    name, colon, number = word.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        return word, 1.0
    if not colon or not name:
        return word, 1.0
    if not 0 <= weight <= 1e6:
        raise SettingsError(f"{word!r}: a style's weight is a number of 0 or more, as waves.jpg:0.5.")
    return name, weight
