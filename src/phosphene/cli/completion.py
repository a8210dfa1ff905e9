"""Words that the shell completes at the Tab key. Nothing here loads torch, so that the answer comes at once.

Each function is a `shell_complete` of click's: a context, a parameter and a word's beginning, to what it may become.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from click import Context, Parameter
from click.shell_completion import CompletionItem

from phosphene.recipes.presets import PRESETS, RECIPES
from phosphene.recipes.settings import DreamSettings

Complete = Callable[[Context, Parameter, str], list[CompletionItem]]

# Named here too, since those who make them load torch; tests compare.
CANVASES = {
    "clouds": "a summer evening's sky with heaps of cloud",
    "noise": "grey with fine, slightly coloured noise",
    "grey": "even mid-grey",
}
NETWORKS = {
    "efficientnet-lite0": "Small and quick; comes with the installation.",
    "googlenet": "The network of Google's own DeepDream pictures (BVLC GoogLeNet, 2014).",
}
LAYERS = {
    "stem": "edges and flat colours",
    "block0": "fine edges",
    "block1": "glowing outlines, folds",
    "block2": "crossed strokes, zigzags",
    "block3": "a patchwork of fine stripes",
    "block4": "hatching, weaves, small studs",
    "block5": "ribs, gratings, first curls",
    "block6": "ribbed coils, cushions, eyes",
    "block7": "coils, dotted skins, spirals",
    "block8": "speckled skins, bulbs, eyes",
    "block9": "hair, eyes, leaf litter",
    "block10": "fur, snouts, foliage, pillars",
    "block11": "creatures, scales, beadwork, fruit",
    "block12": "animals' heads, coral, petals",
    "block13": "whole animals, crowns of trees",
    "block14": "large soft forms, manes, folds",
    "block15": "loose parts of many things, woven together",
}
_LOOKS = Path(__file__).parents[1] / "filters" / "looks"


def words(known: Mapping[str, str]) -> Complete:
    """Completes one of some words, which are told with what they mean where the shell shows that."""
    return lambda _, __, incomplete: beginning(known, incomplete)


def beginning(known: Mapping[str, str], incomplete: str, before: str = "") -> list[CompletionItem]:
    """The words that begin so, each with what stands before it."""
    return [
        CompletionItem(before + word, help=about or None)
        for word, about in known.items()
        if word.startswith(incomplete)
    ]


def files(_: Context, __: Parameter, incomplete: str) -> list[CompletionItem]:
    """Lets the shell complete a file."""
    return [CompletionItem(incomplete, type="file")]


def folders(_: Context, __: Parameter, incomplete: str) -> list[CompletionItem]:
    """Lets the shell complete a folder."""
    return [CompletionItem(incomplete, type="dir")]


def pictures(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """A canvas, where its beginning is typed; else a file."""
    return (incomplete and beginning(CANVASES, incomplete)) or files(context, parameter, incomplete)


def models(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """A network by its name, or a file."""
    return beginning(NETWORKS, incomplete) or files(context, parameter, incomplete)


def layers(context: Context, _: Parameter, incomplete: str) -> list[CompletionItem]:
    """A layer of the default network, also after others: `block5:0.5,blo`. Another network's would take seconds."""
    if context.params.get("model") not in (None, DreamSettings.model):
        return []
    before, comma, last = incomplete.rpartition(",")
    return beginning(LAYERS, last, before + comma)


def looks(_: Context, __: Parameter, incomplete: str) -> list[CompletionItem]:
    """A filter that comes with the program."""
    names = sorted(each.parent.name for each in _LOOKS.glob("*/filter.toml"))
    return beginning(dict.fromkeys(names, ""), incomplete)


presets = words({name: look.about for name, look in PRESETS.items()})
recipes = words({name: recipe.about for name, recipe in RECIPES.items()})
