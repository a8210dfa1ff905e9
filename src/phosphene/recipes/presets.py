"""Settings of dreams with names: recipes are other people's choices, presets are looks. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Named:
    """Settings with a name, and what they look like."""

    name: str
    about: str
    changes: Mapping[str, Any]
    guided: Mapping[str, Any] = field(default_factory=dict)  # more changes, where there is a guide


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Named(
            "phosphene",
            "this program's own",
            {},
            # The layers that suit a guide were chosen with these: docs/explanation/guides.md.
            {"colour": 0.75, "octaves": 5, "steps": 20, "decay": 1.0, "jitter": 32},
        ),
        Named(
            "google2015",
            "Google's notebook: GoogLeNet, inception_4c/output, 4 octaves, steps of 1.5",
            {
                "model": "googlenet", "layer": "inception_4c/output", "octaves": 4, "octave_scale": 1.4, "steps": 10,
                "step_size": 1.5, "jitter": 32, "normalise": "mean", "colour": 1.0, "clip": "hard",
            },
            {"layer": "inception_3b/output", "match": "dot", "guide_scales": "0"},
        ),
        Named(
            "tensorflow2016",
            "TensorFlow's notebook: GoogLeNet in tiles of 512 side by side, shifted at random, no clipping",
            {
                "model": "googlenet", "layer": "inception_4c/output",
                "octaves": 4, "octave_scale": 1.4, "steps": 10, "step_size": 1.5, "jitter": 256, "normalise": "mean",
                "colour": 1.0, "clip": "none", "tile": 512, "overlap": "0",
            },
            {"layer": "inception_3b/output", "match": "dot", "guide_scales": "0"},
        ),
    )
}  # fmt: skip

PRESETS = {
    preset.name: preset
    for preset in (
        Named("carnival", "creatures, scales and beadwork; the default look", {"layer": "block11"}),
        Named("beasts", "fur, snouts and eyes, among leaves", {"layer": "block10"}),
        Named("spots", "speckled skins, bulbs and eyes", {"layer": "block8"}),
        Named("coils", "ribbed coils and cushions", {"layer": "block6", "colour": 0.4}),
        Named("quilt", "a patchwork of fine stripes", {"layer": "block3", "colour": 0.25}),
        Named("neon", "glowing outlines", {"layer": "block1", "colour": 0.8, "octaves": 3, "strength": 0.8}),
        Named(
            "engraving",
            "hatching in the picture's own colours",
            {"layer": "block4", "colour": 0.0, "normalise": "mean", "octaves": 3, "step_size": 2.0},
        ),
        Named(
            "reef",
            "large soft things: fruit, fur, faces",
            {"layer": "block13", "octaves": 6, "steps": 20, "jitter": 32},
        ),
        Named(
            "pelt",
            "hair and eyes, in nearly the picture's own colours",
            {
                "layer": "block9",
                "colour": 0.15,
                "octaves": 4,
                "octave_scale": 1.6,
                "normalise": "std",
                "step_size": 2.2,
            },
        ),
    )
}
