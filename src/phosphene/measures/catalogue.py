"""All measures by name, and all of them at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from phosphene.measures.likeness import centre, change, faithfulness, luma, noise, repetition
from phosphene.measures.seams import SEAM_ALARM, Lattice, seam

# Clipping: how much of a picture has gone to the end of its scale


_NEAR = 0.5 / 255  # what an 8-bit file writes as 0 or 255


def clipping(pixels: Tensor, photograph: Tensor | None = None) -> float:
    """The share of values of `pixels` `[1, 3, H, W]` at 0 or 1 that are not so in the photograph, 0..1."""
    cut = _at_limit(pixels)
    return float((cut if photograph is None else cut & ~_at_limit(photograph)).float().mean())


def _at_limit(pixels: Tensor) -> Tensor:
    return (pixels <= _NEAR) | (pixels >= 1 - _NEAR)


@dataclass(frozen=True)
class Measure:
    """A number, in words."""

    name: str
    about: str  # one sentence of what it sees
    blind: str  # one sentence of what it cannot see
    unit: str
    better: str = ""  # `lower` or `higher`, or nothing where neither is


MEASURES: Mapping[str, Measure] = {
    each.name: each
    for each in (
        Measure(
            "seam",
            f"How surely a lattice of tiles shows; above {SEAM_ALARM} is an alarm, as in 5 % of seamless pictures.",
            "Seams in colour alone, and few of them where borders are searched; it takes JPEG's blocks for tiles.",
            "standard deviations",
            "lower",
        ),
        Measure(
            "scale",
            "The period that the change's structure has in the middle, on a scale of octaves.",
            "Whether two scales are there or one between them; directions; what the structure is.",
            "pixels",
        ),
        Measure(
            "faithfulness",
            "How much of the photograph's structure is still there, fine and coarse, as people weigh it (MS-SSIM).",
            "Colours, and whether what is lost mattered: a face counts as much as a wall.",
            "0..1",
            "higher",
        ),
        Measure(
            "noise",
            "Fine grain without structure, in the calm parts of the picture.",
            "Coarse grain, grain where there is no calm part, and patterns as fine as grain, which it counts.",
            "of 255",
            "lower",
        ),
        Measure(
            "clipping",
            "The share of values that went to black or white and were not there in the photograph.",
            "Values that crowd just inside the limits, as soft clipping makes them.",
            "share",
            "lower",
        ),
        Measure(
            "repetition",
            "How much better small patches are found again elsewhere than in a picture of the same spectrum.",
            "The same motif turned, mirrored or half as large, and what lies outside of the middle 512 pixels.",
            "0..1",
        ),
    )
}
"""Name → measure, in the order in which they are shown."""


def measure(pixels: Tensor, photograph: Tensor | None = None, *, lattice: Lattice | None = None) -> dict[str, float]:
    """Every measure of a picture, by name.

    Args:
        pixels: `[1, 3, H, W]`, sRGB 0..1.
        photograph: what it was made from, of the same size: seams, scale and repetition are looked for in what was
            changed, and clipping is what is new. Without it they are the picture's own, and faithfulness is 1.
        lattice: where tiles meet, if that is known; otherwise it is searched.

    Raises:
        SettingsError: a photograph of another size, or borders outside of the picture.
    """
    changed = change(pixels, photograph)
    light = luma(pixels)
    return {
        "seam": seam(changed, lattice),
        "scale": centre(changed),
        "faithfulness": 1.0 if photograph is None else faithfulness(light, luma(photograph)),
        "noise": noise(light),
        "clipping": clipping(pixels, photograph),
        "repetition": repetition(changed),
    }
