"""How bright a picture is, and what a dream changed of it."""

from __future__ import annotations

import torch
from torch import Tensor

from phosphene.errors import SettingsError

_WEIGHTS = (0.299, 0.587, 0.114)  # luma of sRGB's values as they are, ITU-R BT.601


def luma(pixels: Tensor) -> Tensor:
    """Brightness `[H, W]` of `pixels` `[1, 3, H, W]`, on their own scale, in float32 or finer."""
    wide = pixels if pixels.dtype == torch.float64 else pixels.float()
    return torch.einsum("chw,c->hw", wide[0], wide.new_tensor(_WEIGHTS))


def change(pixels: Tensor, photograph: Tensor | None) -> Tensor:
    """The brightness that was added to the photograph, `[H, W]`; without a photograph, the picture's own.

    Raises:
        SettingsError: a photograph of another size.
    """
    if photograph is None:
        return luma(pixels)
    if photograph.shape != pixels.shape:
        sizes = [f"{one.shape[-1]}×{one.shape[-2]}" for one in (pixels, photograph)]
        raise SettingsError(f"The picture has {sizes[0]} pixels and its photograph {sizes[1]}; they must be equal.")
    return luma(pixels) - luma(photograph)
