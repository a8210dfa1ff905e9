"""Reading: a file, bytes, an array or an image becomes a `Picture`."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyvips
import torch
from PIL import Image
from torch import Tensor

from phosphene.errors import ImageError, OutOfSpaceError, SettingsError
from phosphene.images.decoding import Decoding, decode, from_pillow, open_image, pillow
from phosphene.images.filetypes import TIFF
from phosphene.images.pages import photograph
from phosphene.images.samples import MAX_PIXELS, Array, Samples, check_size, from_array
from phosphene.images.sources import Pixels, Source, bare_name, name_of, read_bytes
from phosphene.images.tags import Tags, read_tags
from phosphene.images.texts import read_texts
from phosphene.pixels.transforms import at, at_long_side, shrunk

_LARGE = 256 << 20  # bytes of a file whose header is read alone
_LOADERS = {
    b"\x89PNG": pyvips.Image.pngload,
    b"\xff\xd8\xff": pyvips.Image.jpegload,
    **dict.fromkeys(TIFF, pyvips.Image.tiffload),
}  # named, so that libvips tries no other
_FLOATS = {torch.float32: np.float32, torch.float64: np.float64}


@dataclass(frozen=True)
class Picture:
    """What was read.

    Args:
        pixels: `[1, 3, H, W]`, 0..1, sRGB, upright.
        alpha: `[1, 1, H, W]`, 0..1 (1 is opaque), or None if the source has none.
        depth: Bits per channel of the source: 8, or 16 for all that is finer.
        name: The file's name, never a path; "array", "tensor", "image", "bytes" or "stdin" where there is none.
        sha256: Of the file's bytes; for arrays, tensors and images of their numbers, type and shape.
        tags: What the file says of itself and what goes with the picture: author, rights, resolution. Never a position.
        notes: What the user should hear, such as "shrunk from 6000×4000 to 2048×1365".
    """

    pixels: Tensor = field(repr=False)
    alpha: Tensor | None = field(repr=False)
    depth: int
    name: str
    sha256: str | None
    tags: Tags = field(default_factory=Tags)
    notes: tuple[str, ...] = ()

    def enlarged(self, height: int, width: int) -> Picture:
        """The picture at a larger size, smoothly."""
        alpha = None if self.alpha is None else at(self.alpha, height, width).clamp(0, 1)
        return replace(self, pixels=at(self.pixels, height, width).clamp(0, 1), alpha=alpha)


def load(
    source: Source,
    *,
    dtype: torch.dtype = torch.float32,
    long_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
    keep_profile: bool = False,
) -> Picture:
    """Reads a picture of any kind: upright, in sRGB, with alpha and 16 bits where it has them.

    Args:
        source: A path, a file's bytes, an open binary file, an image of Pillow's, a numpy array (`[H, W]` or
            `[H, W, C]`; uint8, uint16, float in 0..1, bool) or a tensor (`[C, H, W]` or `[1, C, H, W]`).
        dtype: float32, or float64 (straight from the file's numbers).
        long_side: Shrinks the longer side to so many pixels, antialiased; never enlarges.
        max_pixels: Refuses larger pictures before decoding them; 0 refuses none.
        name: What the picture is called, if not by its file name.
        keep_profile: Leaves the numbers of an RGB picture in its own colour profile, which `save` then writes.

    Raises:
        ImageError: If the source is missing, damaged, too large or not a picture.
        OutOfSpaceError: If memory runs out.
        SettingsError: If `dtype`, `long_side` or `max_pixels` is impossible.

    >>> load(np.full((2, 3), 255, np.uint8)).pixels.shape
    torch.Size([1, 3, 2, 3])
    """
    _check_settings(dtype, long_side, max_pixels)
    called = bare_name(name) if name else name_of(source)
    try:
        samples, tags, sha256 = _samples(source, called, Decoding(max_pixels, keep_profile))
        return _picture(samples, replace(tags, profile=samples.profile), called, sha256, dtype, long_side)
    except MemoryError as error:
        raise OutOfSpaceError(
            f"{called} does not fit into memory.\nMake it smaller first, or close programs."
        ) from error


def metadata(source: str | os.PathLike[str] | bytes) -> dict[str, str]:
    """Reads back the texts that `save` wrote into a picture file, or its bytes, and trusts none of it.

    Those of "parameters" and "phosphene" come that are there and at most 1,000,000 characters long; an `ImageError`
    says that there is no such file, or that it is not a picture.
    """
    called = name_of(source)
    if isinstance(source, (str, os.PathLike)) and Path(source).is_file() and Path(source).stat().st_size > _LARGE:
        with pillow(called), Image.open(source) as image:
            return read_texts(image)
    data = read_bytes(source)
    with pillow(called):
        return read_texts(open_image(data, called))


def size_of(path: Path) -> tuple[int, int] | None:
    """Height and width of an upright picture, from its header; `None` if it is none that can be read in strips."""
    try:
        image = in_strips(path)
    except (pyvips.Error, OSError):
        return None
    if image is None:
        return None
    return (image.width, image.height) if orientation_of(image) >= 5 else (image.height, image.width)


def in_strips(path: Path, **options: object) -> pyvips.Image | None:
    """A PNG, JPEG or TIFF file for libvips, whose pixels are read as they are wanted; `None` for any other file.

    Of a TIFF that begins with a preview, it is the photograph. A camera's raw photograph is another file.
    """
    with path.open("rb") as file:
        start = file.read(4)
        loader = next((each for magic, each in _LOADERS.items() if start.startswith(magic)), None)
        with pillow(path.name):
            page, _ = photograph(file) if start.startswith(TIFF) else (None, 1)
    if loader is None or (page and page.sensor):
        return None
    return loader(os.fsencode(path), fail_on="error", **options, **(page.place if page else {}))


def orientation_of(image: pyvips.Image) -> int:
    """As EXIF has it: 1 is upright, and from 5 on width and height change places."""
    return int(image.get("orientation")) if image.get_typeof("orientation") else 1


def _check_settings(dtype: torch.dtype, long_side: int | None, max_pixels: int) -> None:
    if dtype not in _FLOATS:
        raise SettingsError(f"Pixels of {dtype} are not possible. Allowed: torch.float32, torch.float64.")
    if long_side is not None and long_side < 1:
        raise SettingsError(f"A long side of {long_side} pixels is not possible. Allowed: 1 or more.")
    if max_pixels < 0:
        raise SettingsError(f"A limit of {max_pixels} pixels is not possible. Allowed: 0 (no limit) or more.")


def _samples(source: Source, called: str, how: Decoding) -> tuple[Samples, Tags, str]:
    """The source's numbers, what it says of itself, and its SHA-256."""
    tags = Tags()
    if isinstance(source, Pixels):
        source = source.pixels if source.alpha is None else torch.cat([source.pixels, source.alpha], 1)
    if isinstance(source, (np.ndarray, Tensor)):
        samples = from_array(_array(source) if isinstance(source, Tensor) else source, called, how.max_pixels)
    elif isinstance(source, Image.Image):
        check_size(called, *source.size, how.max_pixels)
        with pillow(called):
            tags = read_tags(source)
            samples = from_pillow(source.copy(), called, keep_profile=how.keep_profile)
    elif isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(source, "read"):
        data = read_bytes(source)
        return *decode(data, called, how), hashlib.sha256(data).hexdigest()
    elif isinstance(source, (list, tuple)):
        raise ImageError(
            f"A {type(source).__name__} of {len(source)} is not a picture.\n"
            "Make one of each: [phosphene.dream(each) for each in pictures]\n"
            "Of files, saved one by one: for made in phosphene.many(files, folder): print(made.output)"
        )
    else:
        raise ImageError(
            f"A {type(source).__name__} is not a picture.\n"
            "Allowed: a path, bytes, an open file, an image of Pillow's, a numpy array, a torch tensor."
        )
    return samples, tags, samples.digest()


def _array(tensor: Tensor) -> Array:
    """A tensor's numbers with the channels last."""
    planes = tensor.detach().cpu()
    planes = planes[0] if planes.ndim == 4 and planes.shape[0] == 1 else planes[None] if planes.ndim == 2 else planes
    if planes.ndim != 3:
        raise ImageError(
            f"A tensor of shape {list(tensor.shape)} is not a picture.\n"
            "Allowed: [3, H, W] or [1, 3, H, W] (also 1, 2 or 4 channels), or [H, W]."
        )
    if planes.dtype in (torch.bfloat16, torch.float16):
        planes = planes.float()
    array: Array = planes.permute(1, 2, 0).numpy()
    return array


def _picture(
    samples: Samples, tags: Tags, called: str, sha256: str, dtype: torch.dtype, long_side: int | None
) -> Picture:
    height, width, channels = samples.colour.shape
    size = _shrunk(height, width, long_side)
    notes = (f"shrunk from {width}×{height} to {size[1]}×{size[0]}",) if size else ()
    planes = [_plane(samples.colour[..., channel], dtype, size) for channel in range(channels)]
    pixels = torch.cat(planes * 3 if channels == 1 else planes, 1)
    alpha = None if samples.alpha is None else _plane(samples.alpha, dtype, size)
    return Picture(pixels, alpha, samples.depth, called, sha256, tags, samples.notes + notes)


def _shrunk(height: int, width: int, long_side: int | None) -> tuple[int, int] | None:
    """The smaller size, or None if the picture is small enough.

    >>> _shrunk(4000, 6000, 2048)
    (1365, 2048)
    """
    return None if long_side is None or max(height, width) <= long_side else at_long_side(height, width, long_side)


def _plane(plane: Array, dtype: torch.dtype, size: tuple[int, int] | None) -> Tensor:
    """One channel as `[1, 1, H, W]` in 0..1. Channels shrink one by one, so that few are large at a time."""
    values = plane.astype(_FLOATS[dtype], order="C")
    if plane.dtype.kind == "u":
        values /= np.iinfo(plane.dtype).max
    tensor = torch.from_numpy(values)[None, None]
    if size is None:
        return tensor
    return shrunk(tensor, *size)
