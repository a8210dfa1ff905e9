"""Samples: a picture's numbers as its file holds them, before they become pixels in 0..1."""

import hashlib
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from phosphene.errors import ImageError, TooLargeError, unless_damaged

MAX_PIXELS = 200_000_000
"""Largest picture read without being asked: 200 megapixels are 2.4 GB of float32 pixels."""

Array = NDArray[Any]

_SLACK = 1e-3  # how far outside 0..1 a float may stray: rounding, not another scale


@dataclass(frozen=True)
class Samples:
    """What a decoder hands over, upright and in sRGB."""

    colour: Array  # `[H, W, 1]` (grey) or `[H, W, 3]`; uint8, uint16, or float in 0..1
    alpha: Array | None = None  # `[H, W]` of the same kind, or None
    notes: tuple[str, ...] = ()  # what the user should hear
    profile: bytes = b""  # the ICC profile that the colours are in still; b"" for sRGB

    @property
    def depth(self) -> int:
        """Bits per channel: 8, or 16 for all that is finer."""
        return 8 if self.colour.dtype == np.uint8 else 16

    def digest(self) -> str:
        """SHA-256 of the numbers, their type and their shape."""
        total = hashlib.sha256()
        for plane in (self.colour, self.alpha):
            if plane is not None:
                total.update(f"{plane.dtype} {plane.shape}".encode())
                total.update(np.ascontiguousarray(plane).data)
        return total.hexdigest()


def check_size(called: str, width: int, height: int, max_pixels: int) -> None:
    """Refuses with an `ImageError` an empty picture, and one of more than `max_pixels` (0: no limit), undecoded."""
    if width < 1 or height < 1:
        raise ImageError(f"{called} is {width}×{height}: it has no pixels.")
    if max_pixels and width * height > max_pixels:
        raise TooLargeError(
            f"{called} is {width}×{height}: {width * height / 1e6:,.1f} megapixels, more than {max_pixels / 1e6:g}.\n"
            f"If you trust it, raise the limit: --max-pixels {width * height} (max_pixels= in Python), or 0 for none."
        )


def from_array(array: Array, called: str, max_pixels: int) -> Samples:
    """Takes an array for a picture, which messages name as `called`; `max_pixels` is the limit, 0 for none.

    The array is `[H, W]` or `[H, W, C]` with C = 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA), and holds uint8,
    uint16, floats in 0..1, or truth values (black and white); an `ImageError` refuses any other.
    """
    array = array.astype(np.uint8) * np.uint8(255) if array.dtype == bool else array
    stack = array[..., None] if array.ndim == 2 else array
    if stack.ndim != 3 or stack.shape[2] not in (1, 2, 3, 4):
        raise ImageError(
            f"An array of shape {list(array.shape)} is not a picture.\n"
            "Allowed: numpy [H, W], [H, W, 3] or [H, W, 4]; torch [3, H, W] or [1, 3, H, W] (also 1 or 4 channels)."
        )
    check_size(called, stack.shape[1], stack.shape[0], max_pixels)
    stack = _in_range(stack)
    split = stack.shape[2] - (stack.shape[2] % 2 == 0)
    return Samples(stack[..., :split], stack[..., -1] if split < stack.shape[2] else None)


def _in_range(stack: Array) -> Array:
    """The stack itself if it holds whole numbers of 8 or 16 bits; floats checked and clamped to 0..1."""
    if stack.dtype.kind == "u" and stack.dtype.itemsize <= 2:
        return stack.astype(stack.dtype.newbyteorder("="), copy=False)
    if stack.dtype.kind != "f":
        raise ImageError(
            f"An array of {stack.dtype} is not a picture.\n"
            "Allowed: bool, uint8 (0..255), uint16 (0..65535), or float (0..1). Convert with .astype('uint8')."
        )
    low, high = float(stack.min()), float(stack.max())
    if not np.isfinite((low, high)).all():
        raise ImageError("The array holds NaN or infinite values.\nClean it first: numpy.nan_to_num(array).")
    if low < -_SLACK or high > 1 + _SLACK:
        raise ImageError(
            f"The array's floats reach from {low:.4g} to {high:.4g}, allowed is 0..1.\n"
            "If they count to 255, divide: array / 255."
        )
    return stack.clip(0, 1)


# Floats in files: light beyond white, whole numbers in disguise, and what is no number

_WHITE, _MOST, _ABOVE = 99.5, 90.0, 1.5  # percent of the pixels; percent; and how far above those white is at most


def from_floats(array: Array, called: str) -> Samples:
    """Takes a file's floats `[H, W]` or `[H, W, C]` for a picture; the note says as what.

    Within 0..1 they are what the screen shows. Whole numbers up to 255 or 65535 are counts. Any others are taken as
    light: the brightest pixels become white, and the rest follows the curve of sRGB (IEC 61966-2-1).

    Raises:
        ImageError: some are infinite or not a number.
    """
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise ImageError(
            f"{called} holds {bad:,} values that are infinite or no number (NaN), of {array.size:,}.\n"
            "Clean it first: in Python, numpy.nan_to_num(array) gives an array that can be dreamt upon."
        )
    low, high = float(array.min()), float(array.max())
    if low >= -_SLACK and high <= 1 + _SLACK:
        return from_array(array, called, 0)
    colour = array if array.ndim == 2 or array.shape[2] % 2 else array[..., :-1]  # without alpha
    if low >= 0 and high <= 65535 and (array == np.round(array)).all():
        peak = 255 if high <= 255 else 65535
        note = f"its floats are whole numbers up to {high:g}: read as counts to {peak}"
        return replace(from_array((array / peak).astype(array.dtype), called, 0), notes=(note,))
    brightest = colour if colour.ndim == 2 else colour.max(-1)
    white = _white_of(brightest)
    shown = np.array(array)
    light = (colour / white).clip(0, 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    shown[...] = shown.clip(0, 1)
    shown[..., : colour.shape[-1]] = curve
    note = f"its floats reach from {low:.4g} to {high:.4g}: read as light, of which {white:.4g} is white"
    return replace(from_array(shown, called, 0), notes=(note,))


def _white_of(brightest: Array) -> float:
    """How much light is white: nearly the brightest; but beside a lamp, somewhat more than most of the picture has."""
    white, most = (float(each) for each in np.percentile(brightest, (_WHITE, _MOST)))
    return max(min(white, _ABOVE * most), 1e-6)


# Colour profiles: whatever a picture's numbers meant, they mean sRGB afterwards

BROKEN = "its colour profile is broken or does not fit it: the colours are used as they are"
BARE_CMYK = "CMYK without a colour profile: the colours are a guess"

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}  # of a profile's colour space


def to_srgb(
    image: Image.Image, profile: bytes | None, *, keep: bool = False
) -> tuple[Image.Image, tuple[str, ...], bytes]:
    """The image in sRGB, or in grey where nothing but its mode stood between it and sRGB; notes; a profile kept.

    The image is of mode L, RGB, CMYK or LAB, without alpha, and of mode L or RGB afterwards. The profile is the
    embedded one's bytes, if there are any; a broken one is a note and no error. With `keep` a profile for RGB stays,
    and so do the numbers.
    """
    if keep and profile and image.mode == "RGB" and is_wide(profile):
        return image, (), profile
    converted = unless_damaged(lambda: _convert(image, profile), None) if profile else None
    if converted is not None:
        return converted, (), b""
    notes = (BROKEN,) if profile else (BARE_CMYK,) if image.mode == "CMYK" else ()
    return image if image.mode in ("L", "RGB") else image.convert("RGB"), notes, b""


def is_wide(profile: bytes) -> bool:
    """Whether a profile is a sound one for RGB, and another than sRGB."""
    return unless_damaged(lambda: _transform(profile)[0] == "RGB", False) and not is_srgb(profile)


def is_srgb(profile: bytes) -> bool:
    """Whether a profile for RGB is sRGB, whatever it calls itself; False for a broken one."""
    return unless_damaged(lambda: _changes_nothing(_transform(profile)[1], "RGB"), False)


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
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    return mode, ImageCms.buildTransform(source, target, mode, "RGB", intent, flags)


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
