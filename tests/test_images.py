"""Pictures in and out: every mode against a reference, and no malformed file gets further than an `ImageError`."""

import contextlib
import io
import os
import resource
import stat
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import pyvips
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms, features

from conftest import photograph
from phosphene import images
from phosphene.errors import ImageError, NonFiniteError, OutOfSpaceError, PhospheneError, SettingsError
from phosphene.images.tags import Tags

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))
WRITTEN = [suffix for suffix, format in images.FORMATS.items() if format in images.formats()]
RESOURCES = Path(images.__file__).parents[2]


def file_of(image, format="PNG", **options):
    """The bytes of an image as Pillow writes it."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def levels(pixels, peak=255):
    """Pixels `[1, C, H, W]` as whole numbers `[H, W, C]`."""
    return (pixels[0].permute(1, 2, 0).double() * peak).round().numpy().astype(int)


@pytest.fixture(scope="module")
def china():
    """A photograph, `[427, 640, 3]` uint8."""
    return np.asarray(Image.open(photograph("china")))


@pytest.fixture
def patch(china):
    """A piece of it that is neither square nor symmetrical, `[30, 44, 3]`."""
    return china[180:210, 260:304].copy()


@pytest.fixture(scope="module")
def deep():
    """16-bit colours in all directions, `[33, 65, 3]` uint16."""
    return np.random.default_rng(0).integers(0, 65536, (33, 65, 3), dtype=np.uint16)


def vips_file(array, suffix, interpretation="rgb16", **fields):
    image = pyvips.Image.new_from_array(array).copy(interpretation=interpretation)
    for name, value in fields.items():
        image.set_type(pyvips.GValue.blob_type if isinstance(value, bytes) else pyvips.GValue.gint_type, name, value)
    return image.write_to_buffer(suffix)


@pytest.fixture(scope="module")
def samples(china):
    """Whole files of each kind."""
    piece = Image.fromarray(china[:60, :80])
    clear = piece.copy()
    clear.putalpha(90)
    array = np.asarray(clear).astype(np.uint16) * 257
    return {
        **{format: file_of(piece, format) for format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM")},
        **{f"clear {format}": file_of(clear, format) for format in ("PNG", "WEBP", "TIFF", "GIF")},
        "deflated TIFF": file_of(piece, "TIFF", compression="tiff_deflate"),
        "deep PNG": vips_file(array, ".png"),
        "deep TIFF": vips_file(array, ".tif[compression=deflate]"),
        **{format: file_of(piece, format) for format in ("AVIF", "JPEG2000") if format in Image.SAVE},
    }


class TestSources:
    def test_a_photograph_by_its_path(self):
        path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
        picture = images.load(path)
        assert (levels(picture.pixels) == np.asarray(Image.open(path))).all()
        assert picture.name == "grace_hopper.jpg"
        assert picture.depth == 8
        assert picture.alpha is None
        assert len(picture.sha256) == 64

    def test_the_same_picture_from_everywhere(self, patch, tmp_path):
        path = tmp_path / "patch.png"
        path.write_bytes(file_of(Image.fromarray(patch)))
        tensor = torch.from_numpy(patch).permute(2, 0, 1)
        with path.open("rb") as stream:
            sources = [str(path), path, path.read_bytes(), stream, io.BytesIO(path.read_bytes()), Image.open(path)]
            sources += [patch, tensor, tensor[None], tensor / 255]
            found = [images.load(source) for source in sources]
        assert all(torch.equal(picture.pixels, found[0].pixels) for picture in found)
        assert len({picture.sha256 for picture in found[:5]}) == 1
        assert [picture.name for picture in found[-4:]] == ["array", "tensor", "tensor", "tensor"]

    def test_names_have_no_folders(self, patch, tmp_path):
        assert images.load(patch, name="/home/ann/cat.png").name == "cat.png"
        assert images.load(patch, name=r"C:\ann\cat.png").name == "cat.png"

    @pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
    @pytest.mark.parametrize("kind", ["uint8", "uint16", ">u2", "float32", "float64"])
    def test_arrays_of_every_kind(self, channels, kind):
        shape = (5, 7) if channels is None else (5, 7, channels)
        whole = np.random.default_rng(1).integers(0, 256, shape)
        peak = {"u1": 255, "u2": 65535}.get(np.dtype(kind).str[1:], 1)
        array = (whole / 255 * peak).astype(kind) if peak == 1 else (whole * (peak // 255)).astype(kind)
        picture = images.load(array)
        colour = whole.reshape(5, 7, -1)[..., : 1 if channels in (None, 1, 2) else 3]
        assert (levels(picture.pixels) == colour).all()
        assert (picture.alpha is not None) == (channels in (2, 4))
        if picture.alpha is not None:
            assert (levels(picture.alpha)[..., 0] == whole[..., -1]).all()
        assert picture.depth == (8 if kind == "uint8" else 16)

    def test_float64_comes_straight_from_the_numbers(self, patch):
        assert (images.load(patch, dtype=torch.float64).pixels[0].permute(1, 2, 0).numpy() == patch / 255.0).all()
        tensor = torch.rand(1, 3, 6, 5, dtype=torch.float64)
        assert torch.equal(images.load(tensor, dtype=torch.float64).pixels, tensor)

    def test_the_source_is_not_changed(self, patch):
        array, tensor = patch / 255, torch.rand(3, 4, 5)
        before = array.copy(), tensor.clone()
        for source in (array, tensor):
            images.load(source).pixels.zero_()
        assert (array == before[0]).all()
        assert torch.equal(tensor, before[1])

    @pytest.mark.parametrize(
        "wrong",
        [
            *(np.zeros((0, 4, 3)), np.zeros((4, 0)), np.zeros(5), np.zeros((2, 3, 4, 3)), np.zeros((4, 4, 5))),
            *(np.full((4, 4), np.nan), np.full((4, 4), np.inf), np.full((4, 4, 3), 255.0), np.full((4, 4), -1.0)),
            *(np.zeros((4, 4), int), np.zeros((4, 4), complex), np.array([["a"]]), np.zeros((4, 4), object)),
            *(torch.zeros(3), torch.zeros(2, 3, 4, 4), torch.zeros(7, 4, 4), torch.zeros(3, 0, 4)),
            *(torch.full((3, 4, 4), float("nan")), torch.zeros(3, 4, 4, dtype=torch.int64)),
            *(None, 3, [1, 2], object(), b"", io.BytesIO(b""), io.StringIO("text")),
        ],
        ids=lambda value: f"{type(value).__name__}{getattr(value, 'shape', '')}",
    )
    def test_what_is_no_picture(self, wrong):
        with pytest.raises(ImageError) as caught:
            images.load(wrong)
        assert 1 <= len(str(caught.value).splitlines()) <= 3

    @pytest.mark.parametrize("wrong", [{"dtype": torch.float16}, {"long_side": 0}, {"max_pixels": -1}])
    def test_impossible_settings(self, patch, wrong):
        with pytest.raises(SettingsError):
            images.load(patch, **wrong)


class TestModes:
    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA", "PA"])
    def test_png_of_every_mode(self, patch, mode):
        base = Image.fromarray(patch).convert("P" if mode == "PA" else mode)
        if mode in ("LA", "RGBA"):
            base.putalpha(Image.fromarray(patch[..., 1]))
        if mode == "PA":
            base.info["transparency"] = 3
        picture = images.load(file_of(base))
        reference = np.asarray(base.convert("RGBA"))
        assert (levels(picture.pixels) == reference[..., :3]).all()
        assert (picture.alpha is not None) == (mode in ("LA", "RGBA", "PA"))
        if picture.alpha is not None:
            assert (levels(picture.alpha)[..., 0] == reference[..., 3]).all()

    @pytest.mark.parametrize("mode", ["1", "L", "RGB"])
    def test_a_transparent_colour(self, mode):
        grey = Image.new(mode, (2, 1))
        grey.putpixel((1, 0), (255, 255, 255) if mode == "RGB" else 255)
        picture = images.load(file_of(grey, transparency=(0, 0, 0) if mode == "RGB" else 0))
        assert levels(picture.alpha).flatten().tolist() == [0, 255]
        assert levels(picture.pixels)[0, :, 0].tolist() == [0, 255]

    @pytest.mark.parametrize("format", ["BMP", "GIF", "PPM", "TIFF", "PNG", "WEBP"])
    def test_every_lossless_format(self, patch, format):
        flat = Image.fromarray(patch).quantize(16).convert("RGB")
        data = file_of(flat, format, **({"lossless": True} if format == "WEBP" else {}))
        assert (levels(images.load(data).pixels) == np.asarray(flat)).all()

    @pytest.mark.parametrize(("format", "feature"), [("AVIF", "avif"), ("JPEG2000", "jpg_2000"), ("JPEG", "jpg")])
    def test_every_lossy_format(self, china, format, feature):
        if not features.check(feature):
            pytest.skip(f"this Pillow has no {format}")
        picture = images.load(file_of(Image.fromarray(china), format))
        assert np.abs(levels(picture.pixels) - china.astype(int)).mean() < 8

    def test_cmyk_without_a_profile_is_read_and_said(self, patch):
        cmyk = Image.fromarray(patch).convert("CMYK")
        picture = images.load(file_of(cmyk, "TIFF"))
        assert (levels(picture.pixels) == np.asarray(cmyk.convert("RGB"))).all()
        assert any("CMYK" in note for note in picture.notes)

    @pytest.mark.parametrize("mode", ["YCbCr", "LAB", "HSV", "I;16", "I", "F", "RGBa", "La", "RGBX"])
    def test_images_of_pillows_rarer_modes(self, patch, mode):
        if mode == "LAB":
            way = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
            image = ImageCms.applyTransform(Image.fromarray(patch), way)
        elif mode == "F":
            image = Image.fromarray(patch[..., 0].astype(np.float32) / 255)
        elif mode in ("RGBa", "La"):
            image = Image.fromarray(patch).convert(mode.upper()).convert(mode)
        else:
            image = Image.fromarray(patch).convert("L" if mode[0] == "I" else "RGB").convert(mode)
        assert images.load(image).pixels.shape == (1, 3, 30, 44)

    def test_sixteen_bit_grey(self, deep):
        grey = deep[..., 0]
        for data in (file_of(Image.fromarray(grey)), file_of(Image.fromarray(grey), "TIFF")):
            picture = images.load(data)
            assert (levels(picture.pixels, 65535) == grey[..., None]).all()
            assert picture.depth == 16
        assert (levels(images.load(Image.fromarray(grey)).pixels, 65535) == grey[..., None]).all()

    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    @pytest.mark.parametrize("channels", [3, 4])
    def test_sixteen_bit_colour_keeps_its_levels(self, deep, suffix, channels):
        array = np.concatenate([deep, deep[..., :1]], -1)[..., :channels]
        picture = images.load(vips_file(array, suffix))
        assert (levels(picture.pixels, 65535) == array[..., :3]).all()
        assert picture.depth == 16
        assert len(picture.pixels.unique()) > 256
        if channels == 4:
            assert (levels(picture.alpha, 65535)[..., 0] == array[..., 3]).all()

    def test_a_float_tiff(self):
        array = np.random.default_rng(2).random((6, 5, 3), dtype=np.float32)
        picture = images.load(vips_file(array, ".tif", "multiband"))
        assert (picture.pixels[0].permute(1, 2, 0).numpy() == array).all()

    def test_sixteen_bit_cmyk(self, deep):
        data = vips_file(np.concatenate([deep, deep[..., :1]], -1), ".tif", "cmyk")
        assert any("CMYK" in note for note in images.load(data).notes)

    def test_integers_of_32_bits_are_refused(self):
        with pytest.raises(ImageError, match="16 bits"):
            images.load(vips_file(np.full((4, 4, 3), 1 << 20, np.uint32), ".tif", "multiband"))

    def test_ppm_of_16_bits_says_that_it_loses_some(self):
        picture = images.load(b"P6 # note\n2 1 65535\n" + bytes(range(12)))
        assert any("16 bits" in note for note in picture.notes)

    @pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
    def test_of_several_frames_the_first(self, patch, format):
        first, second = Image.fromarray(patch).quantize(8).convert("RGB"), Image.new("RGB", (44, 30), "red")
        options = {"lossless": True} if format == "WEBP" else {}
        picture = images.load(file_of(first, format, save_all=True, append_images=[second], **options))
        assert (levels(picture.pixels) == np.asarray(first)).all()
        assert any("2 frames" in note for note in picture.notes)


class TestColour:
    @pytest.fixture
    def srgb(self):
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    @pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG", "WEBP"])
    def test_another_profile_is_converted(self, patch, wide, format):
        options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(format, {})
        picture = images.load(file_of(Image.fromarray(patch), format, icc_profile=wide, **options))
        assert np.abs(levels(picture.pixels) - patch[..., ::-1].astype(int)).max() <= (6 if format == "JPEG" else 2)
        assert picture.notes == ()

    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    def test_another_profile_is_converted_in_16_bits(self, deep, wide, suffix):
        smooth = deep // 4 + 30000
        picture = images.load(vips_file(smooth, suffix, **{"icc-profile-data": wide}))
        difference = np.abs(levels(picture.pixels, 65535) - smooth[..., ::-1].astype(int))
        assert difference.max() < 120
        assert picture.depth == 16
        assert len(picture.pixels.unique()) > 256

    def test_srgb_changes_no_number(self, patch, deep, srgb):
        assert (levels(images.load(file_of(Image.fromarray(patch), icc_profile=srgb)).pixels) == patch).all()
        picture = images.load(vips_file(deep, ".png", **{"icc-profile-data": srgb}))
        assert (levels(picture.pixels, 65535) == deep).all()

    def test_alpha_is_not_converted(self, patch, wide):
        image = Image.fromarray(patch)
        image.putalpha(Image.fromarray(patch[..., 2]))
        picture = images.load(file_of(image, icc_profile=wide))
        assert (levels(picture.alpha)[..., 0] == patch[..., 2]).all()

    def test_grey_with_a_profile_for_rgb(self, patch, srgb):
        picture = images.load(file_of(Image.fromarray(patch[..., 0]), icc_profile=srgb))
        assert (levels(picture.pixels) == patch[..., :1]).all()

    @pytest.mark.parametrize("broken", [b"nonsense", bytes(200), "cut", "CMYK"])
    def test_a_broken_profile_is_a_note(self, patch, deep, srgb, broken):
        profile = {"cut": srgb[:150], "CMYK": srgb[:16] + b"CMYK" + srgb[20:]}.get(broken, broken)
        picture = images.load(file_of(Image.fromarray(patch), icc_profile=profile))
        assert (levels(picture.pixels) == patch).all()
        assert any("profile" in note for note in picture.notes)
        assert images.load(vips_file(deep, ".tif", **{"icc-profile-data": profile})).pixels.shape[2:] == (33, 65)


class TestExif:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "image", ".png", ".tif"])
    def test_every_orientation_is_turned_upright(self, orientation, kind):
        upright = np.zeros((24, 40, 3), np.uint8)
        upright[:12, :20], upright[:12, 20:], upright[12:, :20] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
        undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
        undo |= {6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}
        stored = Image.fromarray(upright)
        if orientation > 1:
            stored = stored.transpose(Image.Transpose[undo[orientation]])
        exif = Image.Exif()
        exif[0x0112] = orientation
        if kind.startswith("."):
            source = vips_file(np.asarray(stored).astype(np.uint16) * 257, kind, orientation=orientation)
        else:
            source = file_of(stored, "PNG" if kind == "image" else kind, exif=exif)
        picture = images.load(Image.open(io.BytesIO(source)) if kind == "image" else source)
        assert picture.pixels.shape == (1, 3, 24, 40)
        assert np.abs(levels(picture.pixels)[3::12, 5::20] - upright[3::12, 5::20].astype(int)).max() < 40

    @pytest.fixture
    def exif(self):
        exif = Image.Exif()
        exif[0x013B], exif[0x8298], exif[0x0110] = "Ann Ångström".encode(), "© Ann".encode(), "Box 1"
        exif[0x9C9B] = b"secret title"
        exif[0x8769] = {0x9003: "2024:05:06 07:08:09", 0xA431: "serial number"}
        exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 0.0)}
        return exif

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
    def test_only_the_harmless_tags_are_kept(self, patch, exif, format):
        picture = images.load(file_of(Image.fromarray(patch), format, exif=exif))
        expected = {0x013B: "Ann Ångström", 0x8298: "© Ann", 0x0110: "Box 1", 0x9003: "2024:05:06 07:08:09"}
        assert picture.tags.exif == expected

    @pytest.mark.parametrize("suffix", WRITTEN)
    @pytest.mark.parametrize("depth", [8, 16])
    def test_they_travel_and_a_position_never_does(self, patch, exif, tmp_path, suffix, depth):
        picture = images.load(file_of(Image.fromarray(patch), "JPEG", exif=exif))
        smuggled = Tags({**picture.tags.exif, 0x8825: "here", 0xA431: "serial"})
        path = tmp_path / f"out{suffix}"
        images.save(picture.pixels, path, tags=smuggled, depth=depth)
        assert images.load(path).tags.exif == picture.tags.exif
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert 0x8825 not in Image.open(path).getexif()
        assert b"serial" not in path.read_bytes()

    def test_damaged_exif_is_no_reason_to_refuse_a_picture(self, patch, exif):
        block = bytearray(exif.tobytes())
        for place in range(14, len(block), 3):
            block[place] = 255
        picture = images.load(file_of(Image.fromarray(patch), "JPEG", exif=bytes(block)))
        assert picture.pixels.shape == (1, 3, 30, 44)


class TestLimits:
    @pytest.fixture
    def bomb(self):
        def chunk(kind, body):
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

        def make(bits):
            header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, bits, 2, 0, 0, 0))
            body = chunk(b"IDAT", zlib.compress(bytes(1000)))
            return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")

        return make

    @pytest.mark.parametrize("bits", [8, 16])
    def test_a_bomb_is_refused_by_its_header(self, bomb, bits):
        with pytest.raises(ImageError, match=r"60000×60000[\s\S]*--max-pixels") as caught:
            images.load(bomb(bits))
        assert "max_pixels=" in str(caught.value)

    def test_the_limit_is_exact_and_zero_lifts_it(self, patch):
        data = file_of(Image.fromarray(patch))
        assert images.load(data, max_pixels=30 * 44).pixels.shape[2:] == (30, 44)
        assert images.load(data, max_pixels=0).pixels.shape[2:] == (30, 44)
        for source in (data, patch, Image.fromarray(patch), torch.from_numpy(patch).permute(2, 0, 1)):
            with pytest.raises(ImageError, match="44×30"):
                images.load(source, max_pixels=30 * 44 - 1)

    def test_pillows_own_limit_neither_interferes_nor_changes(self, patch, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        images.load(file_of(Image.fromarray(patch)))
        with pytest.raises(ImageError):
            images.load(b"\x89PNG\r\n\x1a\nnonsense")
        assert Image.MAX_IMAGE_PIXELS == 10

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_the_long_side_shrinks_and_says_so(self, china, dtype):
        picture = images.load(china, long_side=64, dtype=dtype)
        assert picture.pixels.shape == (1, 3, 43, 64)
        assert picture.pixels.dtype == dtype
        assert picture.notes == ("shrunk from 640×427 to 64×43",)
        reference = np.asarray(Image.fromarray(china).resize((64, 43), Image.Resampling.LANCZOS))
        assert np.abs(levels(picture.pixels) - reference).mean() < 2.5

    def test_shrinking_is_antialiased_and_stays_in_range(self):
        stripes = np.tile(np.array([0, 255], np.uint8), (40, 100))
        pixels = images.load(stripes, long_side=25).pixels
        assert (pixels - 0.5).abs().max() < 0.1
        edge = np.zeros((64, 64), np.uint8)
        edge[:, 32:] = 255
        assert 0 <= images.load(edge, long_side=20).pixels.min() <= images.load(edge, long_side=20).pixels.max() <= 1

    @pytest.mark.parametrize(("shape", "size"), [((1, 900), (1, 10)), ((900, 1), (10, 1)), ((4, 4), (4, 4))])
    def test_no_side_vanishes_and_none_grows(self, shape, size):
        assert images.load(np.zeros(shape, np.uint8), long_side=10).pixels.shape[2:] == size

    def test_alpha_shrinks_with_the_picture(self):
        picture = images.load(np.full((40, 20, 4), 128, np.uint8), long_side=10)
        assert picture.alpha.shape == (1, 1, 10, 5)


class TestMalformed:
    def test_a_missing_file_offers_its_neighbour(self, tmp_path):
        (tmp_path / "holiday.png").write_bytes(b"x")
        with pytest.raises(ImageError, match=r"Did you mean 'holiday\.png'"):
            images.load(tmp_path / "holidy.png")

    @pytest.mark.parametrize("name", ["none/none.png", "a\0b.png", "n" * 5000, "https://example.org/cat.png"])
    def test_paths_that_lead_nowhere(self, tmp_path, name):
        with pytest.raises(ImageError):
            images.load(f"{tmp_path}/{name}")

    def test_a_folder_named_like_a_picture(self, tmp_path):
        (tmp_path / "cat.png").mkdir()
        with pytest.raises(ImageError, match="folder"):
            images.load(tmp_path / "cat.png")

    def test_an_endless_device_is_not_read(self):
        with pytest.raises(ImageError):
            images.load("/dev/zero")

    def test_an_unreadable_file(self, tmp_path, monkeypatch):
        def forbid(self):
            raise PermissionError(13, "Permission denied")

        (tmp_path / "cat.png").write_bytes(b"x")
        monkeypatch.setattr(Path, "read_bytes", forbid)
        with pytest.raises(ImageError, match="may not be read"):
            images.load(tmp_path / "cat.png")

    @pytest.mark.parametrize(
        ("data", "word"),
        [
            (b"", "empty"),
            (b"hello", "not a picture"),
            (b"%PDF-1.7 ...", "PDF"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"PK\x03\x04rest", "zip"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "HEIC"),
        ],
    )
    def test_strangers_are_called_by_name(self, tmp_path, data, word):
        (tmp_path / "cat.png").write_bytes(data)
        with pytest.raises(ImageError, match=word) as caught:
            images.load(tmp_path / "cat.png")
        assert str(caught.value).startswith("cat.png")

    def test_a_wrong_suffix_is_a_note(self, patch, tmp_path):
        (tmp_path / "cat.jpg").write_bytes(file_of(Image.fromarray(patch)))
        picture = images.load(tmp_path / "cat.jpg")
        assert (levels(picture.pixels) == patch).all()
        assert any(".jpg" in note and "PNG" in note for note in picture.notes)

    def test_cut_files_give_a_picture_or_an_image_error(self, samples):
        for kind, data in samples.items():
            refused = 0
            for cut in sorted({*range(0, 40, 3), *np.linspace(0, len(data) - 1, 14, dtype=int).tolist()}):
                with contextlib.suppress(ImageError):
                    images.load(data[:cut])
                    continue
                refused += 1
            assert refused > 10, kind

    @given(data=st.data())
    @settings(max_examples=120, deadline=None)
    def test_spoilt_files_give_a_picture_or_a_teaching_error(self, samples, data):
        whole = bytearray(data.draw(st.sampled_from(list(samples.values()))))
        for _ in range(data.draw(st.integers(1, 6))):
            whole[data.draw(st.integers(0, min(len(whole) - 1, 400)))] = data.draw(st.integers(0, 255))
        with contextlib.suppress(ImageError, OutOfSpaceError):
            images.load(bytes(whole), max_pixels=1_000_000)
        with contextlib.suppress(ImageError, OutOfSpaceError):
            images.metadata(bytes(whole))

    @given(
        noise=st.binary(max_size=200), start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a"])
    )
    @settings(max_examples=100, deadline=None)
    def test_noise_is_an_image_error(self, noise, start):
        with contextlib.suppress(ImageError):
            images.load(start + noise)

    def test_memory_that_does_not_suffice(self, patch, monkeypatch):
        def exhaust(*_, **__):
            raise MemoryError

        data = file_of(Image.fromarray(patch))
        monkeypatch.setattr(Image.Image, "load", exhaust)
        with pytest.raises(OutOfSpaceError):
            images.load(data)


class TestRoundTrips:
    @given(array=arrays.arrays(np.uint8, SIZES), dtype=st.sampled_from([torch.float32, torch.float64]))
    @settings(max_examples=50, deadline=None)
    def test_8_bits(self, array, dtype):
        pixels = images.load(array, dtype=dtype).pixels
        for format in ("png", "tiff"):
            data, notes = images.encode(pixels, format)
            assert (levels(images.load(data, dtype=dtype).pixels) == array).all()
            assert notes == ()

    @given(array=arrays.arrays(np.uint16, SIZES), dtype=st.sampled_from([torch.float32, torch.float64]))
    @settings(max_examples=50, deadline=None)
    def test_16_bits(self, array, dtype):
        pixels = images.load(array, dtype=dtype).pixels
        for format in ("png", "tiff"):
            data, _ = images.encode(pixels, format, depth=16)
            picture = images.load(data, dtype=dtype)
            assert (levels(picture.pixels, 65535) == array).all()
            assert picture.depth == 16

    @pytest.mark.parametrize("depth", [8, 16])
    @pytest.mark.parametrize("format", ["png", "tiff", "webp"])
    def test_alpha(self, format, depth):
        pixels, alpha = torch.rand(1, 3, 150, 13), torch.rand(1, 1, 150, 13)
        data, _ = images.encode(pixels, format, alpha=alpha, depth=depth, quality=100)
        picture = images.load(data)
        assert (picture.alpha - alpha).abs().max() < 0.5 / 254
        assert (picture.pixels - pixels).abs().max() < 0.5 / 254

    def test_other_readers_agree_about_our_tiff(self, deep):
        for depth, peak in ((8, 255), (16, 65535)):
            data, _ = images.encode(images.load(deep).pixels, "tiff", depth=depth, metadata={"parameters": "x" * 99})
            read = pyvips.Image.tiffload_buffer(data).numpy()
            assert np.abs(read / peak - deep / 65535).max() < 0.51 / peak
        assert (
            np.asarray(Image.open(io.BytesIO(images.encode(images.load(deep).pixels, "tiff")[0]))).shape == deep.shape
        )

    def test_jpeg_keeps_fine_colour(self):
        colours = torch.zeros(1, 3, 32, 32)
        colours[:, 0, :, ::2], colours[:, 2, :, 1::2] = 1, 1
        data, _ = images.encode(colours, "jpeg")
        assert (images.load(data).pixels - colours).abs().mean() < 0.03

    @pytest.mark.parametrize("value", [-0.5, 1.5])
    def test_pixels_are_clamped(self, value):
        data, _ = images.encode(torch.full((1, 3, 2, 2), value), "png")
        assert (images.load(data).pixels == (value > 0)).all()

    @pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
    def test_half_precision_is_written(self, kind):
        data, _ = images.encode(torch.full((1, 3, 2, 2), 0.5, dtype=kind, requires_grad=True), "png")
        assert levels(images.load(data).pixels).max() == 128

    @given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
    @settings(max_examples=40, deadline=None)
    def test_texts(self, text):
        text = f"<{text}>"
        for format in images.formats():
            data, _ = images.encode(torch.zeros(1, 3, 2, 2), format, metadata={"parameters": text, "phosphene": "{}"})
            assert images.metadata(data) == {"parameters": text, "phosphene": "{}"}

    @pytest.mark.parametrize("format", images.formats())
    @pytest.mark.parametrize("depth", [8, 16])
    def test_long_texts(self, format, depth):
        texts = {"parameters": "a" * 20_000, "phosphene": '{"a": "' + "b" * 20_000 + '"}'}
        data, notes = images.encode(torch.rand(1, 3, 5, 5), format, metadata=texts, depth=depth)
        assert images.metadata(data) == texts
        assert not any("record" in note for note in notes)

    def test_texts_too_long_for_jpeg_are_left_out_with_a_note(self):
        data, notes = images.encode(torch.rand(1, 3, 5, 5), "jpeg", metadata={"phosphene": "b" * 70_000})
        assert images.metadata(data) == {}
        assert any("without its record" in note for note in notes)

    def test_texts_behind_the_pixels_are_found(self):
        data, _ = images.encode(torch.rand(1, 3, 5, 5), "png", metadata={"parameters": "hello"})
        head, text, rest = data[:33], data[33:], b""
        length = 12 + struct.unpack(">I", text[:4])[0]
        text, rest = text[:length], text[length:]
        assert images.metadata(head + rest[:-12] + text + rest[-12:]) == {"parameters": "hello"}

    def test_huge_texts_are_not_read(self):
        data, _ = images.encode(torch.rand(1, 3, 5, 5), "png", metadata={"parameters": "x" * 1_000_001})
        assert images.metadata(data) == {}

    def test_a_picture_without_texts_has_none(self, patch):
        assert images.metadata(file_of(Image.fromarray(patch), "GIF")) == {}


class TestWriting:
    def test_the_suffix_decides(self, tmp_path):
        for suffix, magic in {".png": b"\x89PNG", ".JPG": b"\xff\xd8", ".webp": b"RIFF", ".tif": b"II*\0"}.items():
            images.save(torch.rand(1, 3, 4, 4), tmp_path / f"a{suffix}")
            assert (tmp_path / f"a{suffix}").read_bytes().startswith(magic)

    @pytest.mark.parametrize("name", ["a", "a.pgn", "a.gif", ".png"])
    def test_unknown_suffixes_list_the_known(self, tmp_path, name):
        with pytest.raises(ImageError, match=r"Allowed: \.png") as caught:
            images.save(torch.rand(1, 3, 4, 4), tmp_path / name)
        assert ("Did you mean '.png'" in str(caught.value)) == (name == "a.pgn")

    def test_what_a_format_cannot_hold_is_said(self, tmp_path):
        pixels, alpha = torch.zeros(1, 3, 8, 8), torch.full((1, 1, 8, 8), 0.5)
        notes = images.save(pixels, tmp_path / "a.jpg", alpha=alpha, depth=16)
        assert any("white" in note for note in notes)
        assert any("8 bits" in note for note in notes)
        assert levels(images.load(tmp_path / "a.jpg").pixels).mean() == pytest.approx(128, abs=2)
        assert images.save(pixels, tmp_path / "b.jpg", alpha=torch.ones(1, 1, 8, 8)) == ()

    @pytest.mark.parametrize(("format", "side"), [("jpeg", 65_501), ("webp", 16_384)])
    def test_sides_beyond_a_format(self, format, side):
        with pytest.raises(ImageError, match=r"[\s\S]*PNG"):
            images.encode(torch.zeros(1, 3, 1, side), format)
        assert images.encode(torch.zeros(1, 3, 1, side - 1), format)[0]

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_pixels_that_are_no_numbers(self, tmp_path, value):
        with pytest.raises(NonFiniteError):
            images.save(torch.full((1, 3, 2, 2), value), tmp_path / "a.png")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3, 4, 4), (1, 4, 4, 4), (1, 3, 0, 4)])
    def test_pixels_of_another_shape(self, shape):
        with pytest.raises(ImageError):
            images.encode(torch.zeros(shape), "png")

    def test_impossible_settings(self):
        pixels = torch.zeros(1, 3, 4, 4)
        for wrong in ({"depth": 12}, {"quality": 0}, {"quality": 101}, {"metadata": {"workflow": "{}"}}):
            with pytest.raises(SettingsError):
                images.encode(pixels, "png", **wrong)
        for wrong in ({"format": "pgn"}, {"format": "png", "alpha": torch.zeros(1, 1, 3, 4)}):
            with pytest.raises(ImageError):
                images.encode(pixels, **wrong)


class TestAtomicWriting:
    def test_never_replaces_unasked(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(b"old")
        for write in (lambda: images.save(torch.rand(1, 3, 4, 4), path), lambda: images.write_atomically(path, b"new")):
            with pytest.raises(ImageError, match="--force"):
                write()
        assert path.read_bytes() == b"old"
        images.write_atomically(path, b"new", overwrite=True)
        assert path.read_bytes() == b"new"
        assert names_in(tmp_path) == ["a.png"]

    def test_what_a_killed_writer_left_goes_with_the_next_and_nothing_else(self, tmp_path):
        program = """
import os, signal, sys
from phosphene import images
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
images.write_atomically(sys.argv[1], b"new")
"""
        subprocess.run([sys.executable, "-c", program, tmp_path / "a.png"], check=False)
        (left,) = names_in(tmp_path)
        here, owner, _ = left.split("-")
        foreign = [".0123456789abcdef.tmp", f".00000000-{owner}-00000000.tmp", f"{here}-{os.getpid()}-00000000.tmp"]
        for name in [*foreign, f"{here}-x-0.tmp"]:
            (tmp_path / name).touch()
        (tmp_path / f"{here}-{owner}-folder.tmp").mkdir()
        images.write_atomically(tmp_path / "a.png", b"new")
        assert set(names_in(tmp_path)) == {"a.png", *foreign, f"{here}-x-0.tmp"}

    @pytest.mark.parametrize("links", [True, False])
    def test_not_even_in_a_race(self, tmp_path, monkeypatch, links):
        path, fsync = tmp_path / "a.png", os.fsync

        def intrude(handle):
            path.write_bytes(b"theirs")
            fsync(handle)

        def refuse(*_):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(os, "fsync", intrude)
        if not links:
            monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(ImageError, match="--force"):
            images.write_atomically(path, b"ours")
        assert path.read_bytes() == b"theirs"
        assert names_in(tmp_path) == ["a.png"]

    def test_disks_without_links(self, tmp_path, monkeypatch):
        def refuse(*_):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(os, "link", refuse)
        images.write_atomically(tmp_path / "a.png", b"new")
        assert (tmp_path / "a.png").read_bytes() == b"new"
        assert names_in(tmp_path) == ["a.png"]

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left"), MemoryError()])
    def test_nothing_stays_of_a_failed_write(self, tmp_path, monkeypatch, error):
        def fail(_):
            raise error

        (tmp_path / "a.png").write_bytes(b"old")
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OutOfSpaceError if isinstance(error, OSError) else type(error)):
            images.write_atomically(tmp_path / "a.png", b"new", overwrite=True)
        assert (tmp_path / "a.png").read_bytes() == b"old"
        assert names_in(tmp_path) == ["a.png"]

    def test_a_full_disk_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(b"old")
        with full_disk(), pytest.raises(OutOfSpaceError, match="no room"):
            images.save(torch.rand(1, 3, 64, 64), path, overwrite=True)
        assert path.read_bytes() == b"old"
        assert names_in(tmp_path) == ["a.png"]

    def test_a_killed_process_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(b"old")
        program = (
            "import os, signal, sys\n"
            "from phosphene.images.sources import write_atomically\n"
            "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
            "write_atomically(sys.argv[1], b'new' * 99999, overwrite=True)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, path], env={**os.environ, "PYTHONPATH": str(RESOURCES)}, check=False
        )
        assert done.returncode == -9
        assert path.read_bytes() == b"old"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
    def test_devices_are_not_replaced(self):
        with pytest.raises(ImageError, match="device"):
            images.write_atomically("/dev/full", b"x", overwrite=True)
        assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)

    def test_the_umask_decides_who_may_read(self, tmp_path):
        before = os.umask(0o027)
        try:
            images.write_atomically(tmp_path / "a.png", b"x")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640

    def test_links_are_followed(self, tmp_path):
        (tmp_path / "real.png").write_bytes(b"old")
        (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
        images.write_atomically(tmp_path / "link.png", b"new", overwrite=True)
        assert (tmp_path / "real.png").read_bytes() == b"new"
        assert (tmp_path / "link.png").is_symlink()

    def test_targets_that_cannot_be(self, tmp_path, monkeypatch):
        (tmp_path / "folder.png").mkdir()
        (tmp_path / "file").write_bytes(b"x")
        cases = {
            "none/a.png": "mkdir -p",
            "folder.png": "is a folder",
            "file/a.png": "folder",
            "n" * 300: "cannot",
            "\0": "cannot",
        }
        for name, word in cases.items():
            with pytest.raises(ImageError, match=word):
                images.write_atomically(f"{tmp_path}/{name}", b"x", overwrite=True)

        def forbid(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", forbid)
        with pytest.raises(ImageError, match="may not write"):
            images.write_atomically(tmp_path / "a.png", b"x")


@contextlib.contextmanager
def full_disk(room=1000):
    """Files may not grow beyond `room` bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_every_error_is_one_of_ours():
    assert issubclass(ImageError, PhospheneError)
    assert all(hasattr(images, name) for name in images.__all__)


def test_a_list_is_told_how_many_are_made():
    with pytest.raises(ImageError, match=r"A list of 2 is not a picture\.\nMake one of each: \[phosphene\.dream"):
        images.load([np.zeros((8, 8, 3)), np.zeros((8, 8, 3))])
