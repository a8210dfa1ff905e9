"""The settings of a dream: every flag, form field and line of a run record is read from here.

A default is written once, in `DreamSettings`. Nothing here needs torch, so that `--help` is quick.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from phosphene.errors import SettingsError, UnknownNameError, nearest
from phosphene.recipes import fields
from phosphene.recipes.fields import Named, Settings, ascent, finer, guides, look, speed, taste

# Settings of dreams with names: recipes are other people's choices, presets are looks


def _by_name(*named: Named) -> dict[str, Named]:
    return {each.name: each for each in named}


_GOOGLES = {  # both of Google's notebooks
    "model": "googlenet", "layer": "inception_4c/output", "octaves": 4, "octave_scale": 1.4, "steps": 10,
    "step_size": 1.5, "normalise": "mean", "colour": 1.0, "base_size": 0,
}  # fmt: skip
_GOOGLES_GUIDED = {"layer": "inception_3b/output", "match": "dot", "guide_scales": "0"}

RECIPES = _by_name(
    Named(
        "phosphene",
        "this program's own",
        {},
        # The layers that suit a guide were chosen with these: docs/explanation/guides.md.
        {"chroma": 0.75, "octaves": 5, "steps": 20, "decay": 1.0, "jitter": 32},
    ),
    Named(
        "google2015",
        "Google's notebook: GoogLeNet, inception_4c/output, 4 octaves, steps of 1.5",
        {**_GOOGLES, "jitter": 32, "clip": "hard"},
        _GOOGLES_GUIDED,
    ),
    Named(
        "tensorflow2016",
        "TensorFlow's notebook: GoogLeNet in tiles of 512 side by side, shifted at random, no clipping",
        {**_GOOGLES, "jitter": 256, "clip": "none", "tile": 512, "overlap": "0"},
        _GOOGLES_GUIDED,
    ),
)

PRESETS = _by_name(
    Named("carnival", "creatures, scales and beadwork; the default look", {"layer": "block11"}),
    Named("beasts", "fur, snouts and eyes, among leaves", {"layer": "block10"}),
    Named("spots", "speckled skins, bulbs and eyes", {"layer": "block8"}),
    Named("coils", "ribbed coils and cushions", {"layer": "block6", "chroma": 0.4}),
    Named("quilt", "a patchwork of fine stripes", {"layer": "block3", "chroma": 0.25}),
    Named("neon", "glowing outlines", {"layer": "block1", "chroma": 0.8, "octaves": 3, "strength": 0.8}),
    Named(
        "engraving",
        "hatching in the picture's own colours",
        {"layer": "block4", "chroma": 0.0, "normalise": "mean", "octaves": 3, "step_size": 2.0},
    ),
    Named(
        "reef", "large soft things: fruit, fur, faces", {"layer": "block13", "octaves": 6, "steps": 20, "jitter": 32}
    ),
    Named(
        "pelt",
        "hair and eyes, in nearly the picture's own colours",
        {"layer": "block9", "chroma": 0.15, "octaves": 4, "octave_scale": 1.6, "normalise": "std", "step_size": 2.2},
    ),
)

_ONE = {"layer": "block8", "octaves": 5, "steps": 14, "step_size": 1.8}  # of a single pattern, which is quieter
PRESETS |= _by_name(
    Named("baskets", "wickerwork, beads and roofs", {"layer": "block12", "octaves": 7, "step_size": 1.6}),
    Named("lace", "fine threads in waves", {"layer": "block5", "chroma": 0.0, "normalise": "mean", "step_size": 2.0}),
    Named("facets", "taut sails and folded planes", {**_ONE, "channel": 102}),
    Named("tiles", "square stones with round corners", {**_ONE, "channel": 85, "chroma": 0.3}),
    Named("scales", "overlapping scales, as of fish or pine cones", {**_ONE, "channel": 82}),
    Named("weave", "threads over and under", {**_ONE, "channel": 88, "chroma": 0.25}),
    Named("bamboo", "upright stems with joints", {**_ONE, "channel": 18, "chroma": 0.3}),
    Named("meadow", "blades of grass and fur", {**_ONE, "channel": 74, "octaves": 3, "step_size": 1.3}),
    Named("twigs", "leaves and twigs, drawn with a fine pen", {**_ONE, "channel": 71, "chroma": 0.25}),
    Named("crackle", "cells with dark borders, as of glaze or wings", {**_ONE, "channel": 107}),
    Named("hoops", "rings within rings", {**_ONE, "channel": 68, "chroma": 0.4}),
)

ALPHA = "alpha"  # in place of a mask: the picture's own transparency
SKY = "sky"  # likewise: what the program finds to be sky
BEST = "best"  # in place of a layer: those that suit the guide

WHY, GUIDES = "explanation/why.md", "explanation/guides.md"  # where defaults were measured


@dataclass(frozen=True)
class DreamSettings(Settings):
    """How to dream; every field is a flag of the command line.

    Raises:
        SettingsError: a value out of its range, with the range.

    >>> DreamSettings(steps=20).octaves
    6
    """

    OVERRIDES: ClassVar = {
        "objective": ("layer", "channel", "guide"),
        "layer": ("objective", "channel"),  # a channel is one of its layer
        "channel": ("objective", "guide"),
        "guide": ("objective", "channel"),
        "model": ("channel",),
        "recipe": ("preset",),
        "chroma": ("colour",),
    }
    LOOKS: ClassVar = {"preset": PRESETS, "recipe": RECIPES}

    strength: float = look(1.0, "from 0.2, a whisper, to 5, a flood", (0, 100), because="the unit")
    layer: str | None = look(
        None,
        "layers to bring out, as block8 or block5:0.5,block11 with weights; best: those that suit a guide",
        holds="layer",
    )
    channel: int | None = look(None, "only this channel of the layer", (0, math.inf), holds="channel")
    model: str = fields.network_name()
    weights: str | None = fields.network_weights()
    colour: float | None = look(
        None,
        "how freely hues may wander: keep (0), tint (0.2), free (1, the network's own), or a number to 2; by default as"
        " suits the photograph: skin stays skin, and black and white stays so",
        (0, 2),
        named={"keep": 0.0, "tint": 0.2, "free": 1.0},
    )
    seed: int = look(0, "the same seed gives the same dream", (0, 2**63 - 1), because="any is as good")
    guide: tuple[str, ...] = taste((), "a picture whose shapes are dreamt into yours; may be repeated", holds="picture")
    objective: str | None = taste(
        None,
        "what to bring out, in words: \"layer(block8) + 0.5*channel(block10, 37) - 0.2*class('tabby')\"",
        holds="objective",
    )
    mask: str | None = taste(
        None,
        "where: a picture, white dreams; sky; regions by number, as 2 or 1,3 (--show-regions draws them); or alpha,"
        " your picture's own transparency",
        holds="mask",
    )
    feather: float = fields.mask_feather()
    invert: bool = taste(False, "turn a mask round: black dreams")
    region: tuple[str, ...] = taste(
        (), "elsewhere something else: 'mask.png=OBJECTIVE @ STRENGTH'; may be repeated", holds="region"
    )
    octaves: int = ascent(6, "sizes to dream at, from small to large", (1, 32), because=WHY)
    octave_scale: float = ascent(
        1.4,
        "how much larger each size is than the last",
        (1.05, 8),
        because="Google's notebook, 2015; explanation/why.md",
    )
    base_size: int = ascent(
        800,
        "a picture with a longer side is dreamt at so many pixels first and then refined, so that it looks as it does"
        " at that size; 0 begins at its own size",
        (0, 100_000),
        because=WHY,
        earlier=0,
    )
    steps: int = ascent(12, "steps at each size", (1, 100_000), because=WHY)
    step_size: float = ascent(1.3, "length of a step, of 255", (0, 1000), because=WHY)
    decay: float = ascent(
        0.0,
        "how much steps shorten at each size: 0 not at all, 1 to nothing",
        (0, 1),
        because="Google's notebook, 2015: all steps are as long",
    )
    match: str = guides(
        "cosine", "how a guide's features are compared", ("cosine", "dot"), because="Kolkin and others, 2022"
    )
    guide_scales: str = guides(
        "0.6",
        "a guide's long side, as share of the picture's: 1, or 1,0.5; 0 is its own size",
        holds="scales",
        because=GUIDES,
    )
    top: int = guides(
        3, "with a guide and no --layer, how many of those that suit it go together", (1, 100), because=GUIDES
    )
    maximise: str = finer(
        "squares",
        "half the sum of squared activations, or their plain sum",
        ("squares", "sum"),
        because="Google's notebook, 2015",
    )
    chroma: float = finer(
        0.5, "without --colour: how freely hues wander where the photograph has many", (0, 2), because=WHY
    )
    jitter: int = finer(16, "random shift of each step, in pixels each way", (0, 100_000), because=WHY)
    normalise: str = finer(
        "laplacian",
        "what a gradient is divided by",
        ("mean", "std", "laplacian"),
        because="TensorFlow's notebook, 2016; explanation/why.md",
    )
    clip: str = finer("soft", "how pixels are kept within range", ("soft", "hard", "none"), because=WHY)
    dtype: str = fields.arithmetic()
    device: str = fields.network_device()
    memory: str = fields.memory_limit()
    tile: int | None = speed(
        None, "largest side of a tile in pixels; by default what the memory allows", (64, math.inf)
    )
    overlap: str = speed(
        "auto",
        "pixels that tiles see beyond their core: a number, auto, or exact",
        holds="overlap",
        because="explanation/tiles.md",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"auto|exact|\d+", self.overlap):
            raise SettingsError(f"--overlap is {self.overlap!r}; it takes a number of pixels, auto, or exact.")
        fields.numbers(self.guide_scales, "--guide-scales")
        if self.guide and self.channel is not None:
            raise SettingsError(f"--channel {self.channel} and --guide exclude each other: a guide leads whole layers.")
        if self.layer == BEST and not self.guide:
            raise SettingsError(f"--layer {BEST} chooses layers for a guide. Name one: --guide flowers.jpg")
        if self.objective is not None and (self.layer or self.guide or self.channel is not None):
            raise SettingsError(
                "--objective says all of it; leave out --layer, --channel and --guide.\n"
                "Write them into it: layer(block8), channel(block8, 37), guide(block8, 'flowers.jpg')."
            )


def settings(*, recipe: str | None = None, preset: str | None = None, **changes: object) -> DreamSettings:
    """The settings of a recipe, then a preset's, then `changes`; the later wins.

    A recipe has a few more for dreams with a guide.

    Raises:
        UnknownNameError: no such recipe, preset or setting; the nearest is offered.
        SettingsError: an impossible value.

    >>> settings(recipe="google2015", steps=3).step_size
    1.5
    """
    base = _named(recipe or "phosphene", RECIPES, "recipe")
    guided = base.guided if changes.get("guide") else {}
    look = {} if preset is None else _named(preset, PRESETS, "preset").changes
    network = {name: changes.pop(name) for name in ("model",) if name in changes}  # a look's channel is one of it
    chosen = fields.combined(DreamSettings, base.changes, guided, network, look, changes)
    return DreamSettings.of(chosen)


def is_region_word(mask: str) -> bool:
    """Whether a mask is no picture's name but a place in the picture itself: `alpha`, `sky`, or regions by number.

    >>> is_region_word("sky"), is_region_word("1,3"), is_region_word("sky.png")
    (True, True, False)
    """
    return mask in (ALPHA, SKY) or re.fullmatch(r"\d+(,\d+)*", mask) is not None


def split_region(text: str) -> tuple[str, str, float]:
    """A region's mask, objective and strength.

    Raises:
        SettingsError: it is written otherwise.

    >>> split_region("sky.png=layer(block3) @ 0.5")
    ('sky.png', 'layer(block3)', 0.5)
    """
    name, equals, rest = text.partition("=")
    ending = re.fullmatch(r"(.*)@([^@'\"()]*)", rest, re.DOTALL)  # an @ within a name is none of ours
    wish, at, strength = (ending[1], "@", ending[2]) if ending else (rest, "", "1")
    try:
        factor = float(strength)
    except ValueError:
        factor = -1.0
    if not (name.strip() and equals and (wish.strip() or at) and 0 <= factor <= 100):
        raise SettingsError(
            f"--region is {text!r}; it takes a mask and what is dreamt there, as 'sky.png=layer(block3)',\n"
            "'sky.png=layer(block3) @ 0.5' with a strength from 0 to 100, or 'sky.png=@ 0.5' for a strength alone."
        )
    return name.strip(), wish.strip(), factor


def join_region(name: str, wish: str, strength: float) -> str:
    """The inverse of `split_region`."""
    return f"{name}={wish}" + (f" @ {strength:g}" if strength != 1 or not wish else "")


def _named(name: object, known: Mapping[str, Named], kind: str) -> Named:
    if not isinstance(name, str) or name not in known:
        raise UnknownNameError(f"Unknown {kind} {name!r}.{nearest(str(name), known)} There are {', '.join(known)}.")
    return known[name]


NAMES = DreamSettings.names()
