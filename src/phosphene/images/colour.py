"""Colour profiles: whatever a picture's numbers meant, they mean sRGB afterwards."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

BROKEN = "its colour profile is broken or does not fit it: the colours are used as they are"
BARE_CMYK = "CMYK without a colour profile: the colours are a guess"

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}  # of a profile's colour space


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """The image in sRGB, or in grey where nothing but its mode stood between it and sRGB.

    Args:
        image: Of mode L, RGB, CMYK or LAB, without alpha.
        profile: The embedded profile's bytes, if there are any.

    Returns:
        The image (mode L or RGB), and notes. A broken profile is a note and no error.
    """
    if profile:
        try:
            return _convert(image, profile), ()
        except Exception:  # littlecms, Pillow and the profile itself fail in many ways, all of them harmless
            return _plain(image), (BROKEN,)
    return _plain(image), (BARE_CMYK,) if image.mode == "CMYK" else ()


def is_srgb(profile: bytes) -> bool:
    """Whether a profile for RGB is sRGB, whatever it calls itself; False for a broken one."""
    try:
        return _changes_nothing(_transform(profile)[1], "RGB")
    except Exception:
        return False


def _convert(image: Image.Image, profile: bytes) -> Image.Image:
    """The image through its profile; raises whatever littlecms raises."""
    mode, transform = _transform(profile)
    if image.mode == "L" and mode == "RGB":
        image = image.convert("RGB")  # a grey picture with its camera's RGB profile is common
    if image.mode != mode:
        raise ValueError(f"a profile for {mode} on a picture in {image.mode}")
    if _changes_nothing(transform, mode):
        return image
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None
    return converted


def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform]:
    """The mode that a profile is for, and the way from there to sRGB."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    mode = _MODES[source.profile.xcolor_space.strip()]
    target = ImageCms.createProfile("sRGB")
    way = ImageCms.buildTransform(
        source,
        target,
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return mode, way


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether no colour moves by more than one level of 255: sRGB by another name, where applying it only rounds."""
    if mode not in ("L", "RGB"):
        return False
    levels = np.arange(256 if mode == "L" else 17) * (1 if mode == "L" else 15.9375)
    axes = np.meshgrid(*[levels] * len(mode), indexing="ij")
    before = np.stack(axes, -1).astype(np.uint8).reshape(1, -1, len(mode))
    probe = Image.fromarray(before.squeeze(-1) if mode == "L" else before)
    after = np.asarray(ImageCms.applyTransform(probe, transform), dtype=int)
    return bool(np.abs(after - before).max() <= 1)


def _plain(image: Image.Image) -> Image.Image:
    return image if image.mode in ("L", "RGB") else image.convert("RGB")
