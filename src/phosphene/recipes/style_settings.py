"""The settings of a style; nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from phosphene.errors import SettingsError
from phosphene.recipes.fields import Settings, memory_bytes, setting

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

    model: str = setting(
        "efficientnet-lite0",
        "the network: a name, a weights file, timm:NAME, torchvision:NAME, …",
        because="as for dreams",
    )
    weights: str | None = setting(None, "weights of another network: a safetensors file, or random")
    style: tuple[str, ...] = setting((), "another style picture, as waves.jpg or waves.jpg:0.5; may be repeated")
    filter: str | None = setting(None, "a look that comes with the program; phosphene filters lists them")
    method: str = setting(
        "match",
        "like goes to like, place by place; or the whole picture's statistics",
        choices=("match", "gram"),
        because="explanation/style.md",
    )
    strength: float = setting(
        0.5, "from 0.1, a hint, to 1: only the style's motifs are left", low=0, high=1, because="explanation/style.md"
    )
    scale: float = setting(1.0, "size of the strokes: 0.5 is half, 2 is twice", low=0.1, high=8, because="the unit")
    keep_colour: bool = setting(False, "keep the picture's own colours")
    stuff: float = setting(
        1.0,
        "how firmly sky goes to sky and wall to wall; 0: only looks count",
        low=0,
        high=10,
        because="explanation/style.md",
    )
    tone: float = setting(
        0.0,
        "how firmly dark goes to dark and red to red, as filters ask; 0: not at all",
        low=0,
        high=100,
        because="explanation/style.md",
    )
    regions: tuple[str, ...] = setting(
        (), "two maps, the picture's and the style's: one colour is one stuff", words=MAPS
    )
    mask: str | None = setting(None, "where: a picture, white is repainted; or alpha, your picture's own transparency")
    feather: float = setting(
        0.0, "softens a mask's border by so many pixels", low=0, high=100_000, because="a mask means what it shows"
    )
    invert: bool = setting(False, "turn a mask round: black is repainted")
    initial: str | None = setting(None, "a picture to begin with, in place of your own")
    then_dream: str | None = setting(None, "let the result dream: a preset, by default carnival", bare="carnival")
    scales: int = setting(
        8, "sizes to paint at, from broad to fine; no more than fit", low=1, high=16, because="explanation/style.md"
    )
    steps: int = setting(
        50, "steps at each size; fewer where it is large", low=1, high=100_000, because="explanation/style.md"
    )
    step_size: float = setting(2.0, "length of Adam's steps, of 255", low=0, high=255, because="explanation/style.md")
    seed: int = setting(
        0, "of the faint grain that a painting begins with", low=0, high=2**63 - 1, because="any is as good"
    )
    memory: str = setting("auto", "memory for the whole program, as 900MB or 2GB", because="explanation/tiles.md")
    dtype: str = setting(
        "float32",
        "arithmetic; float64 is for comparing programs",
        choices=("float32", "float64"),
        because="explanation/architecture.md",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        memory_bytes(self.memory)
        if self.regions and len(self.regions) != MAPS:
            raise SettingsError("--regions takes two maps: your picture's and the style's, as sky.png their-sky.png.")
        for word in self.style:
            weighted(word)


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
