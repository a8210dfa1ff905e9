"""Files of every readable format, damaged in every way, through `phosphene.images`: a picture comes, or words.

In a worker process each file must become a `Picture` or an error of the project's own, within seconds and some hundred
megabytes, and nothing may be printed, whatever the C libraries behind Pillow and libvips think of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from . import mutations
from .tally import Options, Tally
from .workers import Attack, hunt

PART = "pictures"
SIZE = (40, 28)  # width and height
LIMIT = 4_000_000  # pixels


def read(name: str, data: bytes) -> None:
    """Reads a picture in every way in which the program does."""
    from phosphene import images
    from phosphene.errors import PhospheneError

    path = Path(name)
    path.write_bytes(data)
    try:
        images.size_of(path)
        with suppress(PhospheneError):
            assert all(isinstance(text, str) for text in images.metadata(path).values())
        picture = images.load(path, max_pixels=LIMIT)
        pixels = picture.pixels
        assert pixels.ndim == 4, pixels.shape
        assert pixels.shape[:2] == (1, 3), pixels.shape
        assert 0 < pixels.shape[2] * pixels.shape[3] <= LIMIT, pixels.shape
        assert bool(((pixels >= 0) & (pixels <= 1)).all()), "pixels that are not in 0..1"
        assert picture.alpha is None or bool(((picture.alpha >= 0) & (picture.alpha <= 1)).all()), "alpha not in 0..1"
    finally:
        path.unlink()


@cache
def whole() -> dict[str, bytes]:
    """Pictures of every kind that this installation can write, by name."""
    found: dict[str, bytes] = {}
    for name, data in (*_of_pillow(), *_of_vips(), *_of_tifffile(), *_of_phosphene(), *_of_hand()):
        found[name] = data
    return found


def _array(depth: int = 8, channels: int = 3) -> np.ndarray:
    width, height = SIZE
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [(rows * 5 + columns * (3 + each)) % 256 for each in range(channels)]
    array = np.stack(planes, -1).astype(np.uint8)
    return array.astype(np.uint16) * 257 if depth == 16 else array


def _of_pillow() -> Iterator[tuple[str, bytes]]:
    from PIL import Image, ImageCms

    from phosphene.images.decoding import READABLE

    Image.init()
    colour = Image.fromarray(_array())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames = [colour.rotate(90 * turn) for turn in range(3)]
    more: dict[str, list[tuple[str, dict[str, object]]]] = {
        "JPEG": [("RGB", {"progressive": True, "icc_profile": profile}), ("CMYK", {}), ("L", {"exif": _exif()})],
        "PNG": [("P", {}), ("1", {}), ("LA", {}), ("RGBA", {"exif": _exif(), "icc_profile": profile}), ("I;16", {}),
                ("RGB", {"save_all": True, "append_images": frames})],
        "WEBP": [("RGBA", {"lossless": True}), ("RGB", {"save_all": True, "append_images": frames}),
                 ("RGB", {"exif": _exif(), "icc_profile": profile})],
        "TIFF": [("RGB", {"compression": each}) for each in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")]
        + [("1", {"compression": "group4"}), ("CMYK", {}), ("LAB", {}), ("F", {}), ("I;16", {}), ("RGBA", {}),
           ("RGB", {"save_all": True, "append_images": frames})],
        "BMP": [("P", {}), ("1", {}), ("L", {}), ("RGBA", {})],
        "GIF": [("P", {"save_all": True, "append_images": frames}), ("L", {})],
        "PPM": [("L", {}), ("1", {}), ("I;16", {}), ("F", {})],
        "AVIF": [("RGBA", {})],
        "JPEG2000": [("RGBA", {}), ("L", {"no_jp2": True}), ("I;16", {})],
    }  # fmt: skip
    for format, suffixes in READABLE.items():
        for number, (mode, options) in enumerate([("RGB", {}), *more.get(format, [])]):
            file = io.BytesIO()
            try:
                image = colour.convert("L").convert(mode) if mode in ("I;16", "F") else colour.convert(mode)
                image.save(file, format, **options)
            except (KeyError, OSError, ValueError):  # this build does not write it
                continue
            yield f"{format.lower()}{number}{suffixes[0]}", file.getvalue()


def _exif() -> bytes:
    from PIL import ExifTags, Image

    block = Image.Exif()
    block[ExifTags.Base.Orientation] = 6
    block[ExifTags.Base.Artist] = "nobody"
    block[ExifTags.IFD.Exif] = {ExifTags.Base.UserComment: b"ASCII\0\0\0words", ExifTags.Base.ImageHistory: "{}"}
    block[ExifTags.IFD.GPSInfo] = {1: "N", 2: (1.0, 2.0, 3.0)}
    return bytes(block.tobytes())


def _of_vips() -> Iterator[tuple[str, bytes]]:
    import pyvips

    deep = pyvips.Image.new_from_array(_array(16)).copy(interpretation="rgb16")
    plain = pyvips.Image.new_from_array(_array()).copy(interpretation="srgb")
    cmyk = pyvips.Image.new_from_array(_array(16, 4)).copy(interpretation="cmyk")
    real = plain.cast("float") / 255
    written = {
        "deep.png": lambda: deep.pngsave_buffer(bitdepth=16, interlace=True),
        "deep.tif": lambda: deep.tiffsave_buffer(compression="lzw", predictor="horizontal"),
        "tiled.tif": lambda: deep.tiffsave_buffer(tile=True, tile_width=16, tile_height=16, pyramid=True),
        "big.tif": lambda: deep.tiffsave_buffer(bigtiff=True, compression="deflate"),
        "cmyk.tif": lambda: cmyk.tiffsave_buffer(),
        "real.tif": lambda: real.tiffsave_buffer(),
        "zstd.tif": lambda: plain.tiffsave_buffer(compression="zstd"),
        "webp.tif": lambda: plain.tiffsave_buffer(compression="webp"),
        "real.pfm": lambda: real.ppmsave_buffer(format="pfm"),
        "vips.jpg": lambda: plain.jpegsave_buffer(interlace=True, restart_interval=2),
        "heif.heic": lambda: plain.heifsave_buffer(compression="hevc"),
        "vips.avif": lambda: plain.heifsave_buffer(compression="av1"),
        "vips.jxl": lambda: plain.jxlsave_buffer(),
        "vips.jp2": lambda: plain.jp2ksave_buffer(),
    }
    for name, write in written.items():
        try:
            yield name, bytes(write())
        except (pyvips.Error, AttributeError):  # this build does not write it
            continue


def _of_tifffile() -> Iterator[tuple[str, bytes]]:
    import tifffile

    floats = _array().astype(np.float32) / 255
    floats[3, 4] = np.nan
    kinds = {
        "half.tif": (floats.astype(np.float16), {}),
        "nan.tif": (floats, {}),
        "wide.tif": (_array().astype(np.uint32) << 20, {}),
        "signed.tif": (_array().astype(np.int16), {}),
        "planes.tif": (np.moveaxis(_array(16), -1, 0).copy(), {"planarconfig": "separate", "photometric": "rgb"}),
        "white.tif": (_array()[..., 0].copy(), {"photometric": "miniswhite"}),
        "end.tif": (_array(16), {"byteorder": ">", "photometric": "rgb"}),
    }
    for name, (array, options) in kinds.items():
        file = io.BytesIO()
        tifffile.imwrite(file, array, **{"photometric": "rgb", **options})
        yield name, file.getvalue()


def _of_phosphene() -> Iterator[tuple[str, bytes]]:
    import torch

    from phosphene import images

    pixels = torch.rand(1, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0))
    texts = {"parameters": "Phosphene dream of größe\nSteps: 3", "phosphene": '{"schema": 1, "recipe": "dream"}'}
    for format in images.formats():
        for depth in (8, 16):
            data, _ = images.encode(pixels, format, alpha=pixels[:, :1], depth=depth, metadata=texts)
            yield f"own{depth}.{format}", data


def _of_hand() -> Iterator[tuple[str, bytes]]:
    """Such as nobody's library writes."""
    width, height = SIZE
    dots = " ".join(map(str, _array().flatten()))
    yield "text.ppm", f"P3\n# words\n{width} {height}\n255\n{dots}\n".encode()
    yield "pam.pam", f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 3\nMAXVAL 255\nENDHDR\n".encode() + _array().tobytes()
    yield "empty.png", b"\x89PNG\r\n\x1a\n"
    yield "page.jpg", b"<!doctype html><html>" + b"x" * 100


def run(options: Options, attack: Attack = read, count: int | None = None) -> Tally:
    """Tries mutated pictures."""
    tally, files = Tally(PART), whole()
    names = sorted(files)
    count = options.times(2000, 100_000) if count is None else count

    def make(number: int) -> tuple[str, bytes]:
        if number < len(names):  # each once as it is
            return f"{number}-{names[number]}", files[names[number]]
        chance = options.chance(PART, number)
        name = chance.choice(names)
        return f"{number}-{name}", mutations.mutated(files[name], chance, files[chance.choice(names)])

    hunt(tally, attack, make, count, options)
    tally.notes.append(f"{len(files)} kinds of files: {' '.join(sorted(files))}")
    return tally.ended()
