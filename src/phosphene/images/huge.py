"""Files of any size ↔ rasters, strip by strip, by libvips: no picture is ever whole in memory."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyvips
import torch
from PIL import Image
from torch import Tensor

from phosphene.errors import ImageError, OutOfSpaceError
from phosphene.images import decoding, rasters, sources, texts, writing
from phosphene.images.rasters import Raster
from phosphene.images.reading import in_strips, orientation_of
from phosphene.images.tags import Tags, read_tags

STRIP_BYTES = 16 << 20  # of rows that are read or written at a time
_CHUNK = 1 << 22  # bytes copied at a time
_FORMATS = {"uchar": "u1", "ushort": "u2"}


@dataclass(frozen=True)
class Opened:
    """A picture that was unpacked into a raster."""

    raster: Raster  # its numbers, upright and in sRGB, with alpha behind if it has any
    depth: int  # bits per channel, 8 or 16
    tags: Tags  # what the file says of itself that is kept
    notes: tuple[str, ...]  # what the user should hear


def unpack(path: Path, target: Path, *, again: bool = False, keep_profile: bool = False) -> Opened:
    """Unpacks a picture file into a raster, the file `target`, unless that holds its numbers already (`again`).

    Raises:
        ImageError: damaged, or of numbers that are not read.
        OutOfSpaceError: the disk is full.
    """
    with _told(path.name):
        image = in_strips(path)
        assert image is not None
        if orientation_of(image) == 1:  # what has to be turned is not read from top to bottom
            image = in_strips(path, access="sequential")
        image, notes, profile = decoding.upright_srgb(image, path.name, lazy=True, keep=keep_profile)
        raster = Raster(target, image.height, image.width, image.bands, _FORMATS[image.format])
        if again:
            raster.check()
        else:
            _pour(image, raster.create())
    return Opened(raster, 8 if raster.kind == "u1" else 16, replace(_tags(path), profile=profile), notes)


def _pour(image: pyvips.Image, raster: Raster) -> None:
    region = pyvips.Region.new(image)  # reads from top to bottom, while a crop would be made by several threads at once
    for rows in _strips(raster):
        numbers = region.fetch(0, rows.start, raster.width, rows.stop - rows.start)
        raster.put(np.frombuffer(numbers, raster.kind).reshape(-1, raster.width, raster.channels), rows)
    raster.flush()


def save(
    dreamt: Raster,
    source: Opened,
    path: Path,
    *,
    metadata: Mapping[str, str],
    tags: Tags,
    quality: int,
    overwrite: bool,
) -> tuple[str, ...]:
    """Writes a dream of floats, with its source's alpha and depth, as a picture file: whole, or not at all.

    TIFF files are pyramids in tiles, with 64-bit offsets, as viewers of huge pictures want them.

    Returns:
        Notes on what the format could not hold.

    Raises:
        ImageError: the format cannot hold it, or the name is taken.
        OutOfSpaceError: the disk is full.
    """
    format, notes = writing.format_of(path), tuple[str, ...]()
    sources.refuse(path, overwrite=overwrite)
    writing.check_sides(format, *dreamt.size)
    if format not in _WRITERS:
        raise ImageError(
            f"{format.upper()} is written from memory, and this picture is larger.\nName the file .tif, .png or .jpg."
        )
    packed = dreamt.path.with_name("packed.tif")
    try:
        _pack(dreamt, source.raster, packed, depth=8 if format == "jpeg" else source.depth, alpha=format != "jpeg")
        with sources.replacing(path, overwrite=overwrite) as temporary:
            with _told(path.name):
                image = _described(pyvips.Image.tiffload(os.fsencode(packed), access="sequential"), metadata, tags)
                _WRITERS[format](image, os.fsencode(temporary), quality)
            if format == "png":
                _insert(temporary, *texts.png_chunks(tags, metadata))
            elif format == "jpeg":
                at, segments, notes = texts.jpeg_segments(tags, metadata)
                _insert(temporary, at, segments)
    finally:
        packed.unlink(missing_ok=True)
    return notes


def _described(image: pyvips.Image, metadata: Mapping[str, str], tags: Tags) -> pyvips.Image:
    """The image with what a TIFF keeps of its texts and tags; JPEG keeps the resolution."""
    across, down = tags.dpi or (72.0, 72.0)
    image = image.copy(xres=across / 25.4, yres=down / 25.4)
    image.set_type(pyvips.GValue.gstr_type, "image-description", texts.as_description(metadata))
    image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    for name, blob in (("xmp-data", tags.xmp), ("icc-profile-data", tags.profile)):
        if blob:
            image.set_type(pyvips.GValue.blob_type, name, blob)
    return image


def _pack(dreamt: Raster, source: Raster, path: Path, *, depth: int, alpha: bool) -> None:
    """Writes the dream in whole numbers, with the source's alpha or laid on white, as a TIFF that libvips streams.

    A file without a header would be mapped by it, and all of that would count as memory.
    """
    import tifffile  # which a start does not need

    alpha = alpha and source.channels == 4
    kind = "u1" if depth == 8 else "u2"
    composed = (_composed(dreamt, source, strip, alpha)[0] for strip in _strips(dreamt))
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(
            (each.mul_(rasters.KINDS[kind]).round_().permute(1, 2, 0).numpy().astype(kind) for each in composed),
            shape=(*dreamt.size, 3 + alpha),
            dtype=kind,
            photometric="rgb",
            extrasamples=["unassalpha"] if alpha else None,
            rowsperstrip=next(_strips(dreamt)).stop,
            metadata=None,
        )


def _composed(dreamt: Raster, source: Raster, rows: slice, alpha: bool) -> Tensor:
    """A strip of the dream in 0..1, with alpha behind it or laid on white."""
    pixels = dreamt.read(rows, dtype=torch.float64 if dreamt.kind == "f8" else torch.float32).clamp_(0, 1)
    if source.channels == 3:
        return pixels
    opaque = source.read(rows, dtype=pixels.dtype)[:, 3:]
    return torch.cat([pixels, opaque], 1) if alpha else pixels * opaque + (1 - opaque)


def _strips(raster: Raster) -> Iterator[slice]:
    return rasters.strips(raster.height, max(1, STRIP_BYTES // (raster.nbytes // raster.height)))


def _insert(path: Path, at: int, data: bytes) -> None:
    """Puts bytes into the middle of a file."""
    longer = path.with_suffix(".longer")
    with path.open("rb") as before, longer.open("wb") as after:
        after.write(before.read(at) + data)
        shutil.copyfileobj(before, after, _CHUNK)
    longer.replace(path)


def _tiff(image: pyvips.Image, name: bytes, _: int) -> None:
    image.tiffsave(name, tile=True, pyramid=True, bigtiff=True, compression="deflate", predictor="horizontal")


_WRITERS: Mapping[str, Callable[[pyvips.Image, bytes, int], None]] = {
    "png": lambda image, name, _: image.pngsave(name, keep="none"),
    "jpeg": lambda image, name, quality: image.jpegsave(name, Q=quality, subsample_mode="off", keep="none"),
    "tiff": _tiff,
}


@contextmanager
def _told(called: str) -> Iterator[None]:
    """Puts what libvips raises in our words."""
    try:
        yield
    except pyvips.Error as error:
        if "space left" in str(error.detail):
            raise OutOfSpaceError(f"The disk has no room for {called}.\nFree some, or choose another disk.") from error
        raise ImageError(f"{called}: {decoding.first_line(error.detail)}.\nFetch or export it again.") from error


def _tags(path: Path) -> Tags:
    with suppress(ImageError), decoding.pillow(path.name), Image.open(path) as image:  # no reason to refuse the picture
        return read_tags(image)
    return Tags()
