"""The settings of a style; nothing here needs torch."""

from dataclasses import dataclass
from typing import ClassVar

from phosphene.errors import SettingsError
from phosphene.recipes import fields
from phosphene.recipes.fields import Settings, ValueDict, ascent, finer, look, taste
from phosphene.recipes.settings import settings as settings_of_dreams

MAPS = 2  # a content's and a style's
PAGE = "explanation/style.md"  # where defaults were measured


@dataclass(frozen=True)
class StyleSettings(Settings):
    """How to repaint a picture; every field is a flag of the command line.

    >>> StyleSettings(style=("waves.jpg",)).method
    'match'
    """

    OVERRIDES: ClassVar = {"style": ("filter",), "filter": ("style",)}

    style: tuple[str, ...] = look(
        (), "another style picture, as waves.jpg or waves.jpg:0.5; may be repeated", holds="weighted picture"
    )
    filter: str | None = look(None, "a look that comes with the program; phosphene filters lists them", holds="filter")
    strength: float = look(0.5, "from 0.1, a hint, to 1: little but the style's motifs is left", (0, 1), because=PAGE)
    scale: float = look(1.0, "size of the strokes: 0.5 is half, 2 is twice", (0.1, 8), because="the unit")
    keep_colour: bool = look(False, "keep the picture's own colours")
    model: str = fields.network_name()
    weights: str | None = fields.network_weights()
    seed: int = look(0, "seed of the initial noise", (0, 2**63 - 1), because="any is as good")
    mask: str | None = taste(
        None,
        "where: a picture, white is repainted; sky; regions by number, as 2 or 1,3; or alpha, your picture's own"
        " transparency",
        holds="mask",
    )
    feather: float = fields.mask_feather()
    invert: bool = taste(False, "turn a mask round: black is repainted")
    regions: tuple[str, ...] = taste(
        (), "two maps, the picture's and the style's: one colour is one stuff", holds="map", words=MAPS
    )
    semantics: float = taste(
        1.0,
        "how strongly matching prefers the same kind of region (sky to sky); 0 matches appearance only",
        (0, 10),
        because=PAGE,
        once="stuff",
    )
    match_tone: float = taste(
        0.0,
        "how strongly matching prefers the same brightness and colour, as filters do, and keeps others away; "
        "0: not at all",
        (0, 100),
        because=PAGE,
        once="tone",
    )
    match_colour: float = taste(
        0.0, "how much more it prefers the same hue and saturation, so that black is not dark green", (0, 100)
    )
    initial: str | None = taste(None, "a picture to begin with, in place of your own", holds="picture")
    then_dream: str | None = taste(
        None, "let the result dream: a preset, by default carnival", holds="preset", bare="carnival"
    )
    scales: int = ascent(8, "sizes to paint at, from broad to fine; no more than fit", (1, 16), because=PAGE)
    steps: int = ascent(50, "steps at each size; fewer where it is large", (1, 100_000), because=PAGE)
    step_size: float = ascent(2.0, "length of Adam's steps, of 255", (0, 255), because=PAGE)
    method: str = finer(
        "match", "like goes to like, place by place; or the whole picture's statistics", ("match", "gram"), because=PAGE
    )
    dtype: str = fields.arithmetic()
    device: str = fields.network_device()
    memory: str = fields.memory_limit()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.regions and len(self.regions) != MAPS:
            raise SettingsError("--regions takes two maps: your picture's and the style's, as sky.png their-sky.png.")
        for word in self.style:
            weighted(word)


def settings(**changes: object) -> StyleSettings:
    """The settings that suit a filter, if one is named, and changes to them.

    Raises:
        SettingsError: no style, or an impossible value.
        UnknownNameError: there is no such filter, preset or setting.
    """
    suits: ValueDict = {}
    if (name := changes.get("filter")) is not None:
        from phosphene import filters  # which loads torch

        suits = dict(filters.read(str(name)).style)
    chosen = StyleSettings.of({**suits, **changes})
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
