"""The settings that `phosphene.dream`, `style` and `pattern` take by name, as types: editors complete and check
them.

What a setting means stands once, in `recipes.settings`, `recipes.style_settings` and `recipes.pattern_settings`; a test
holds that these are the same.
"""

from collections.abc import Sequence
from typing import Literal

from typing_extensions import TypedDict


class DreamChanges(TypedDict, total=False):
    """Settings of `phosphene.dream`; see `recipes.settings`."""

    strength: float
    layer: str | None
    channel: int | None
    model: str
    weights: str | None
    colour: float | Literal["keep", "tint", "free"] | None
    seed: int
    feather: float
    invert: bool
    octaves: int
    octave_scale: float
    base_size: int
    steps: int
    step_size: float
    decay: float
    match: Literal["cosine", "dot"]
    guide_scales: str
    top: int
    maximise: Literal["squares", "sum"]
    chroma: float
    jitter: int
    normalise: Literal["mean", "std", "laplacian"]
    clip: Literal["soft", "hard", "none"]
    dtype: Literal["float32", "float64"]
    device: Literal["auto", "cuda", "xpu", "mps", "cpu"]
    memory: str
    tile: int | None
    overlap: str


class StyleChanges(TypedDict, total=False):
    """Settings of `phosphene.style`; see `recipes.style_settings`."""

    style: Sequence[str]
    filter: str | None
    strength: float
    scale: float
    keep_colour: bool
    model: str
    weights: str | None
    seed: int
    feather: float
    invert: bool
    semantics: float
    match_tone: float
    match_colour: float
    then_dream: str | None
    scales: int
    steps: int
    step_size: float
    method: Literal["match", "gram"]
    dtype: Literal["float32", "float64"]
    device: Literal["auto", "cuda", "xpu", "mps", "cpu"]
    memory: str


class PatternChanges(TypedDict, total=False):
    """Settings of `phosphene.pattern`; see `recipes.pattern_settings`."""

    layer: str | None
    channel: int | None
    channels: str | None
    model: str
    weights: str | None
    colours: Literal["natural", "rgb"]
    seed: int
    tileable: bool
    octaves: int
    octave_scale: float
    steps: int
    step_size: float
    parameterisation: Literal["fourier", "laplacian", "pixel"]
    robustness: float
    normalise: Literal["plain", "laplacian"]
    dtype: Literal["float32", "float64"]
    device: Literal["auto", "cuda", "xpu", "mps", "cpu"]
    memory: str
