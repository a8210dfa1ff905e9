"""Files as they come: cameras' raw photographs, phones' and print shops' pictures, light beyond white, what travels."""

import contextlib
import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import pyvips
import tifffile
import torch
from click.testing import CliRunner
from PIL import Image, ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

import phosphene
from conftest import photograph, tiny
from phosphene import images
from phosphene.cli import main
from phosphene.errors import ImageError, SettingsError
from phosphene.images import filetypes, huge, pages, tags

QUICK = {"octaves": 1, "steps": 1, "layer": "deep"}
FAST = ("--octaves", "1", "--steps", "1", "--threads", "1")
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    b' xmlns:tiff="http://ns.adobe.com/tiff/1.0/" dc:rights="mine" exif:GPSLatitude="52,31N" tiff:Orientation="6">'
    b"<dc:creator><rdf:Seq><rdf:li>An Artist</rdf:li></rdf:Seq></dc:creator>"
    b"<exif:GPSLongitude>13,24E</exif:GPSLongitude></rdf:Description></rdf:RDF></x:xmpmeta>"
)


@pytest.fixture(scope="module")
def china():
    """A photograph, `[240, 320, 3]` uint8."""
    return np.ascontiguousarray(np.asarray(Image.open(photograph("china")))[60:300, 200:520])


def levels(picture):
    return (picture.pixels[0].permute(1, 2, 0) * 255).round().int().numpy()


def file_of(array, format="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, format, **options)
    return file.getvalue()


def raw_of(photograph, *, thumbnail=True):
    """A raw photograph as cameras lay it out: a thumbnail first, the sensor's numbers below it."""
    file = io.BytesIO()
    sensor = photograph[:, :, 1].astype(np.uint16) * 200
    told = [(50706, "B", 4, b"\x01\x04\0\0", True)]
    pattern = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\0\1\1\2", True)]
    with tifffile.TiffWriter(file) as tiff:
        if thumbnail:
            small = photograph[::4, ::4]
            tiff.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=told)
            tiff.write(sensor, photometric=32803, subfiletype=0, extratags=pattern)
        else:
            tiff.write(sensor, photometric=32803, subfiletype=0, extratags=told + pattern)
    return file.getvalue()


class TestRaw:
    @pytest.mark.parametrize("name", ["shot.dng", "shot.NEF", "shot.tif", "shot"])
    @pytest.mark.parametrize("thumbnail", [True, False])
    def test_the_photograph_is_read_and_no_thumbnail(self, china, tmp_path, name, thumbnail):
        pytest.importorskip("rawpy", reason="needs the extra formats")
        path = tmp_path / name
        path.write_bytes(raw_of(china, thumbnail=thumbnail))
        picture = images.load(path)
        assert picture.pixels.shape == (1, 3, 240, 320)
        assert picture.depth == 16
        grey = torch.from_numpy(china[:, :, 1].copy()).double().flatten()
        assert torch.corrcoef(torch.stack([grey, picture.pixels.mean(1).double().flatten()]))[0, 1] > 0.9
        assert images.size_of(path) is None  # it is no TIFF that could be read in strips

    def test_without_its_package_it_is_refused_in_words(self, china, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "rawpy", None)
        filetypes._import.cache_clear()
        path = tmp_path / "shot.dng"
        path.write_bytes(raw_of(china))
        with pytest.raises(ImageError, match=r"shot\.dng is a camera's raw photograph[\s\S]*phosphene\[formats\]"):
            images.load(path)
        filetypes._import.cache_clear()

    def test_a_damaged_one_is_refused_and_nothing_is_printed(self, china, capfd):
        pytest.importorskip("rawpy", reason="needs the extra formats")
        data = raw_of(china)
        for cut in (len(data) // 2, len(data) - 500):
            with pytest.raises(ImageError, match="raw photograph that cannot be developed"):
                images.load(data[:cut], name="shot.dng")
        assert capfd.readouterr().err == ""

    def test_one_that_is_too_large_is_refused(self, china):
        pytest.importorskip("rawpy", reason="needs the extra formats")
        with pytest.raises(ImageError, match="320×240"):
            images.load(raw_of(china), max_pixels=320 * 240 - 1)

    @pytest.mark.parametrize(
        "start",
        [b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", b"FUJIFILMCCD-RAW 0201", b"II*\0\x10\0\0\0CR\2\0", b"IIU\0\x18\0"],
    )
    def test_other_cameras_are_known_by_their_marks(self, start):
        with pytest.raises(ImageError, match="raw photograph"):
            images.load(start + bytes(64), name="shot.xxx")


class TestPages:
    @pytest.mark.parametrize("depth", [np.uint8, np.uint16])
    @pytest.mark.parametrize("flag", [1, 0])
    def test_a_tiff_that_begins_with_a_preview(self, china, tmp_path, depth, flag):
        path, whole = tmp_path / "scan.tif", china.astype(depth) * (257 if depth == np.uint16 else 1)
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(whole[::4, ::4], photometric="rgb", subfiletype=flag)
            tiff.write(whole, photometric="rgb")
        picture = images.load(path)
        assert (levels(picture) == china).all()
        assert any("preview" in note for note in picture.notes)
        assert images.size_of(path) == (240, 320)
        opened = huge.unpack(path, tmp_path / "source.raw")
        assert opened.raster.size == (240, 320)

    def test_a_preview_whose_photograph_lies_below_it(self, china, tmp_path):
        path = tmp_path / "scan.tif"
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(china[::4, ::4], photometric="rgb", subifds=1)
            tiff.write(china, photometric="rgb")
        assert (levels(images.load(path)) == china).all()

    def test_a_pyramid_and_a_document_are_read_from_their_first_page(self, china, tmp_path):
        for name, written in (("pyramid", [china, china[::2, ::2], china[::4, ::4]]), ("pages", [china, 255 - china])):
            path = tmp_path / f"{name}.tif"
            with tifffile.TiffWriter(path) as tiff:
                for page in written:
                    tiff.write(page, photometric="rgb")
            assert (levels(images.load(path)) == china).all()

    def test_directories_that_lead_in_circles_end(self, china):
        data = bytearray(file_of(china[:8, :8], "TIFF"))
        at = struct.unpack("<I", data[4:8])[0]
        count = struct.unpack("<H", data[at : at + 2])[0]
        data[at + 2 + 12 * count : at + 6 + 12 * count] = struct.pack("<I", at)
        assert len(list(pages.pages(io.BytesIO(bytes(data))))) == 1


class TestOneRule:
    """8 and 16 bits are read by two libraries: the same picture is the same colour."""

    @pytest.mark.parametrize(
        ("photometric", "channels", "extra"),
        [
            ("rgb", 3, None),
            ("rgb", 4, "unassalpha"),
            ("minisblack", 1, None),
            ("miniswhite", 1, None),
            ("separated", 4, None),
        ],
    )
    def test_tiff(self, china, photometric, channels, extra):
        array = np.concatenate([china, china[..., ::-1]], -1)[..., :channels]
        array = array[..., 0] if channels == 1 else array
        found = []
        for stack in (array, array.astype(np.uint16) * 257):
            file = io.BytesIO()
            told = {"extrasamples": [extra]} if extra else {}
            tifffile.imwrite(file, stack, photometric=photometric, **told)
            found.append(images.load(file.getvalue()))
        eight, sixteen = found
        assert (eight.pixels - sixteen.pixels).abs().max() <= 1.01 / 255
        assert eight.notes == sixteen.notes
        if extra:
            assert torch.allclose(eight.alpha, sixteen.alpha, atol=1e-4)

    def test_inks_are_the_same_colour_in_strips(self, china, tmp_path):
        inks = np.concatenate([china, china[..., :1] // 2], -1)
        for stack, kind in ((inks, 255), (inks.astype(np.uint16) * 257, 65535)):
            path = tmp_path / "inks.tif"
            tifffile.imwrite(path, stack, photometric="separated")
            opened = huge.unpack(path, tmp_path / "source.raw")
            strip = opened.raster.numbers() / kind
            assert np.abs(strip - images.load(path).pixels[0].permute(1, 2, 0).numpy()).max() <= 1.01 / 255


class TestFloats:
    def tiff(self, array):
        file = io.BytesIO()
        tifffile.imwrite(file, array, photometric="rgb")
        return file.getvalue()

    def test_light_beyond_white_is_shown_and_said(self, china):
        light = (china / 255.0) ** 2.2 * 4
        picture = images.load(self.tiff(light.astype(np.float32)), name="hdr.tif")
        assert any("light" in note and "4" in note for note in picture.notes)
        assert np.abs(levels(picture) - china).mean() < 12  # it looks as it did

    def test_a_lamp_does_not_turn_the_rest_black(self, china):
        light = (china / 255.0) ** 2.2
        light[20:50, 250:300] *= 60
        picture = images.load(self.tiff(light.astype(np.float32)), name="lamp.tif")
        rest = np.ones(china.shape[:2], bool)
        rest[20:50, 250:300] = False
        assert np.abs(levels(picture)[rest] - china[rest].astype(int)).mean() < 40  # 150 where the lamp is white

    def test_counts_in_floats_are_counts(self, china):
        picture = images.load(self.tiff(china.astype(np.float32)), name="counts.tif")
        assert np.abs(levels(picture) - china).max() <= 1
        assert any("255" in note for note in picture.notes)

    @pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
    def test_what_is_no_number_is_refused_by_its_file(self, china, wrong, tmp_path):
        array = (china / 255).astype(np.float32)
        array[3:5, 2:4] = wrong
        path = tmp_path / "nan.tif"
        path.write_bytes(self.tiff(array))
        with pytest.raises(ImageError, match=r"nan\.tif holds 12 values") as caught:
            images.load(path)
        assert "numpy.nan_to_num" in str(caught.value)
        images.load(np.nan_to_num(array, posinf=1, neginf=0))  # the advice works

    def test_pfm(self, china):
        grey = (china[:4, :4, 0] / 255 * 3).astype("<f4")
        data = b"Pf\n4 4\n-1.0\n" + grey[::-1].tobytes()
        assert any("light" in note for note in images.load(data, name="a.pfm").notes)


class TestStrangers:
    @pytest.mark.parametrize(
        ("data", "word"),
        [
            (b"\x76\x2f\x31\x01\2\0\0\0", "OpenEXR"),
            (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "Radiance"),
            (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", "phosphene film clip"),
            (b"\x1a\x45\xdf\xa3webm", "film"),
            (b"RIFF\0\0\0\0AVI LIST", "film"),
            (b"gimp xcf v011", "GIMP"),
            (b"8BPS\0\1", "Photoshop"),
            (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/x-krita", "Krita"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ],
    )
    def test_what_comes_instead_of_a_picture_is_called_by_its_name(self, tmp_path, data, word):
        path = tmp_path / "clip.jpg"
        path.write_bytes(data)
        with pytest.raises(ImageError, match=word) as caught:
            images.load(path)
        assert "clip.jpg" in str(caught.value)

    @pytest.mark.parametrize(
        ("start", "package", "module"),
        [
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC", "pi_heif"),
            (b"\xff\x0a\x7f\0", "JPEG XL", "pillow_jxl"),
        ],
    )
    def test_what_is_not_installed_is_said(self, monkeypatch, start, package, module):
        monkeypatch.setitem(sys.modules, module, None)
        filetypes._import.cache_clear()
        with pytest.raises(ImageError, match=rf"cat\.xyz is a {package}[\s\S]*phosphene\[formats\]"):
            images.load(start + bytes(40), name="cat.xyz")
        filetypes._import.cache_clear()

    @pytest.mark.parametrize("name", ["a.png", "a.tga.png", "a", "a.txt"])
    def test_a_suffix_that_lies_or_lacks(self, china, name, tmp_path):
        path = tmp_path / name
        path.write_bytes(file_of(china, "BMP"))
        picture = images.load(path)
        assert (levels(picture) == china).all()
        assert bool(picture.notes) == name.endswith(".png")

    @pytest.mark.parametrize(("format", "suffix"), [("TGA", ".tga"), ("PCX", ".pcx"), ("DDS", ".dds"), ("QOI", ".qoi")])
    def test_games_and_scanners_formats(self, china, tmp_path, format, suffix):
        path = tmp_path / f"a{suffix}"
        try:
            path.write_bytes(file_of(china[:16, :16], format))
        except KeyError:
            pytest.skip(f"this Pillow writes no {format}")
        assert (levels(images.load(path)) == china[:16, :16]).all()
        assert suffix in filetypes.SUFFIXES

    def test_libraries_in_c_print_nothing(self, china, tmp_path):
        good = file_of(china[:40, :40], "TIFF", compression="tiff_lzw")
        rng = np.random.default_rng(3)
        for number in range(60):
            data = bytearray(good)
            for at in rng.integers(8, len(data), 6):
                data[at] = rng.integers(256)
            (tmp_path / f"{number}.tif").write_bytes(bytes(data))
        program = (
            "import sys\nfrom phosphene import images\nfrom phosphene.errors import PhospheneError\n"
            "from pathlib import Path\nrefused = 0\n"
            "for path in Path(sys.argv[1]).glob('*.tif'):\n"
            "    try:\n        images.load(path)\n        images.size_of(path)\n"
            "    except PhospheneError:\n        refused += 1\nprint(refused)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) > 5
        assert done.stderr == ""

    def test_what_libvips_warns_of_in_other_bytes(self, china, tmp_path, capfd):
        data = file_of(china[:9, :9], "PNG")
        srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        srgb[131] = 100  # more tags than are there: libpng warns, and names the profile
        profile = b"iCCPICC Prof\xcele\0\0" + zlib.compress(srgb)
        chunk = struct.pack(">I", len(profile) - 4) + profile + struct.pack(">I", zlib.crc32(profile))
        (tmp_path / "x.png").write_bytes(data[:33] + chunk + data[33:])
        for take in (images.size_of, images.load, images.metadata):
            with contextlib.suppress(ImageError):
                take(tmp_path / "x.png")
        assert capfd.readouterr() == ("", "")

    def test_a_text_of_a_png_that_is_no_utf8(self, china, tmp_path):
        path = tmp_path / "a.png"
        data = file_of(china)
        chunk = b"tEXt\xff\xfe\0hello"
        path.write_bytes(data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", 0) + data[33:])
        assert images.size_of(path) in (None, (240, 320))


class TestPhones:
    def test_heic(self, china):
        pytest.importorskip("pi_heif", reason="needs the extra formats")
        writer = pytest.importorskip("pillow_heif", reason="writes HEIC for tests")
        file, exif = io.BytesIO(), Image.Exif()
        exif[0x0112], exif[0x013B] = 6, "An Artist"
        heif = writer.from_pillow(Image.fromarray(china))
        heif.save(file, quality=95, exif=exif.tobytes())
        picture = images.load(file.getvalue(), name="IMG_1.heic")
        assert np.abs(levels(picture) - np.rot90(china, -1).astype(int)).mean() < 6  # turned upright, once
        assert picture.tags.exif[0x013B] == "An Artist"
        for cut in (40, len(file.getvalue()) // 2):
            with pytest.raises(ImageError, match=r"IMG_1\.heic"):
                images.load(file.getvalue()[:cut], name="IMG_1.heic")

    def test_jpeg_xl(self, china, tmp_path):
        pytest.importorskip("pillow_jxl", reason="needs the extra formats")
        made = phosphene.dream(china, network=tiny(), **QUICK)
        path = tmp_path / "a.jxl"
        made.save(path, quality=100)
        assert np.abs(levels(images.load(path)) - np.asarray(made.image)).max() == 0
        assert phosphene.records.record.read(path).recipe == "dream"
        data = path.read_bytes()
        assert filetypes.jxl_size(data) == (320, 240)
        with pytest.raises(ImageError, match="320×240"):
            images.load(data, max_pixels=100)
        for cut in (5, 20, len(data) // 2):
            with pytest.raises(ImageError, match=r"a\.jxl"):
                images.load(data[:cut], name="a.jxl")

    @pytest.mark.parametrize("size", [(8, 8), (256, 256), (257, 100), (3000, 2000), (1920, 1080), (1, 70000)])
    def test_the_size_of_a_jpeg_xl_is_known_from_its_header(self, size):
        pytest.importorskip("pillow_jxl", reason="needs the extra formats")
        filetypes.writes_jxl()
        file = io.BytesIO()
        Image.new("L", size).save(file, "JXL", effort=1)
        assert filetypes.jxl_size(file.getvalue()) == size

    def test_avif_keeps_its_record(self, china, tmp_path):
        made = phosphene.dream(china, network=tiny(), **QUICK)
        notes = made.save(tmp_path / "a.avif")
        assert notes == ()
        back = images.load(tmp_path / "a.avif")
        assert np.abs(levels(back) - np.asarray(made.image)).mean() < 4
        assert phosphene.records.record.read(tmp_path / "a.avif").recipe == "dream"


def described(**more):
    exif = Image.Exif()
    exif[0x013B], exif[0x8298] = "An Artist", "(c) An Artist"
    exif[282] = exif[283] = IFDRational(300)
    exif[296] = 2
    gps = exif.get_ifd(GPS_IFD)
    gps[1], gps[2] = "N", (52.0, 31.0, 0.0)
    return {"exif": exif, "dpi": (300, 300), "xmp": XMP, **more}


class TestWhatTravels:
    @pytest.mark.parametrize("source", ["JPEG", "TIFF", "WEBP", "PNG", "AVIF"])
    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
    def test_author_rights_resolution_and_xmp_are_kept_and_no_position(self, china, tmp_path, source, suffix):
        photo, out = tmp_path / "print.xyz", tmp_path / f"out{suffix}"
        photo.write_bytes(file_of(china, source, **described()))
        given = images.load(photo).tags
        assert given.dpi == (300, 300)
        phosphene.dream(photo, network=tiny(), **QUICK).save(out)
        kept = images.load(out).tags
        assert kept.exif == given.exif == {0x013B: "An Artist", 0x8298: "(c) An Artist"}
        assert kept.dpi == (300, 300)
        assert (b'dc:rights="mine"' in kept.xmp) == (source not in ("PNG", "TIFF"))  # which Pillow does not write there
        data = out.read_bytes()
        assert b"GPSL" not in data
        with Image.open(out) as opened:
            assert not opened.getexif().get_ifd(GPS_IFD)

    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
    def test_of_pictures_on_disk_too(self, china, tmp_path, suffix, wide):
        photo, out = tmp_path / "print.jpg", tmp_path / f"out{suffix}"
        photo.write_bytes(file_of(china, "JPEG", icc_profile=wide, **described()))
        opened = huge.unpack(photo, tmp_path / "source.raw", keep_profile=True)
        dreamt = huge.Raster(tmp_path / "dreamt.raw", *opened.raster.size).create()
        written = opened.tags.written(whole=True)
        notes = huge.save(dreamt, opened, out, metadata={"phosphene": "{}"}, tags=written, quality=90, overwrite=False)
        assert notes == ()
        kept = images.load(out, keep_profile=True).tags
        assert kept.dpi == (300, 300)
        assert b'dc:rights="mine"' in kept.xmp
        assert kept.profile == wide
        assert images.metadata(out)["phosphene"] == "{}"

    def test_a_record_that_a_jpeg_on_disk_cannot_hold_is_said(self, china, tmp_path):
        photo = tmp_path / "a.png"
        photo.write_bytes(file_of(china))
        opened = huge.unpack(photo, tmp_path / "source.raw")
        dreamt = huge.Raster(tmp_path / "dreamt.raw", *opened.raster.size).create()
        told = {"metadata": {"phosphene": "x" * 70_000}, "tags": opened.tags, "quality": 90, "overwrite": False}
        assert "without its record" in huge.save(dreamt, opened, tmp_path / "out.jpg", **told)[0]

    def test_a_resolution_can_be_set(self, china, tmp_path):
        made = phosphene.dream(china, network=tiny(), **QUICK)
        for name in ("a.png", "a.jpg", "a.tif", "a.webp"):
            made.save(tmp_path / name, dpi=150, metadata=False)
            assert images.load(tmp_path / name).tags.dpi == pytest.approx((150, 150), abs=0.02)  # PNG counts by metres

    def test_a_turned_picture_turns_its_resolution(self, china):
        exif = Image.Exif()
        exif[0x0112] = 6
        assert images.load(file_of(china, "JPEG", exif=exif, dpi=(300, 150))).tags.dpi == (150, 300)

    def test_author_in_the_texts_of_a_png_and_of_the_press(self, china):
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", "An Artist")
        info.add_text("Copyright", "mine")
        found = images.load(file_of(china, pnginfo=info)).tags.exif
        assert found == {0x013B: "An Artist", 0x8298: "mine"}

        def entry(number, text):
            return b"\x1c\2" + bytes([number]) + struct.pack(">H", len(text)) + text

        press = entry(80, b"An Artist") + entry(116, b"mine")
        block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(press)) + press + bytes(len(press) % 2)
        data = file_of(china, "JPEG")
        data = data[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + data[2:]
        assert images.load(data).tags.exif == {0x013B: "An Artist", 0x8298: "mine"}

    @pytest.mark.parametrize(
        "packet", [b"", b"<x", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\xff\xfe", b"<a/>" * 9]
    )
    def test_xmp_that_is_damaged_or_dangerous_stays_behind(self, packet):
        assert tags.kept_xmp(packet) == b""

    def test_xmp_loses_what_is_true_of_the_photograph_alone(self):
        kept = tags.kept_xmp(XMP)
        assert b"An Artist" in kept
        assert b"GPS" not in kept
        assert b"Orientation" not in kept


class TestProfile:
    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif"])
    @pytest.mark.parametrize("depth", [8, 16])
    def test_a_wide_gamut_is_kept_on_request(self, china, wide, tmp_path, suffix, depth):
        photo, out = tmp_path / "wide.png", tmp_path / f"out{suffix}"
        if depth == 8:
            photo.write_bytes(file_of(china, icc_profile=wide))
        else:
            image = pyvips.Image.new_from_array(china.astype(np.uint16) * 257).copy(interpretation="rgb16")
            image.set_type(pyvips.GValue.blob_type, "icc-profile-data", wide)
            photo.write_bytes(image.write_to_buffer(".png"))
        made = phosphene.dream(photo, network=tiny(), profile="keep", strength=0, **QUICK)
        assert np.abs(np.asarray(made) - china.astype(int)).mean() < 1  # the numbers stay
        made.save(out)
        assert images.load(out, keep_profile=True).tags.profile == wide
        assert made.record.input["profile"] == "keep"
        plain = phosphene.dream(photo, network=tiny(), strength=0, **QUICK)
        assert np.abs(np.asarray(plain) - china[..., ::-1].astype(int)).mean() < 3
        assert "profile" not in plain.record.input

    def test_an_srgb_picture_has_nothing_to_keep(self, china):
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        assert images.load(file_of(china, icc_profile=srgb), keep_profile=True).tags.profile == b""

    def test_a_profile_that_is_none(self, china):
        with pytest.raises(SettingsError, match="srgb, keep"):
            phosphene.dream(china, network=tiny(), profile="p3", **QUICK)


class TestOneLimit:
    """Every picture that is opened is held to one limit, whoever names it."""

    @pytest.fixture
    def bomb(self, tmp_path):
        path = tmp_path / "bomb.png"
        path.write_bytes(file_of(np.zeros((400, 400), bool)))
        return path

    @pytest.mark.parametrize("place", ["guide", "mask", "region", "objective"])
    def test_of_a_dream(self, bomb, china, place):
        told = {"region": {"regions": [(str(bomb), "", 1.0)]}, "objective": {"objective": f"guide(deep, {bomb})"}}
        given = told.get(place, {place: str(bomb)})
        with pytest.raises(ImageError, match="400×400"):
            phosphene.dream(china[:100, :100], network=tiny(), max_pixels=390 * 400, octaves=1, steps=1, **given)

    @pytest.mark.parametrize("place", ["style", "initial", "mask"])
    def test_of_a_style(self, bomb, china, place, tmp_path):
        other = tmp_path / "style.png"
        other.write_bytes(file_of(china[:60, :60]))
        of = bomb if place == "style" else other
        more = {} if place == "style" else {place: str(bomb)}
        with pytest.raises(ImageError, match="400×400"):
            phosphene.style(china[:100, :100], of, max_pixels=390 * 400, steps=1, **more)

    def test_of_a_record(self, bomb, china, tmp_path, monkeypatch):
        photo, out = tmp_path / "photo.png", tmp_path / "out.png"
        photo.write_bytes(file_of(china[:64, :64]))
        monkeypatch.chdir(tmp_path)
        phosphene.dream("photo.png", guide="bomb.png", layer="block3", octaves=1, steps=1).save(out)
        with pytest.raises(ImageError, match="400×400"):
            phosphene.redo(out, max_pixels=390 * 400)
        said = CliRunner().invoke(main, ["redo", "out.png", "--max-pixels", "100"])
        assert said.exit_code == 2
        assert "--max-pixels" in said.output
        assert CliRunner().invoke(main, ["redo", "out.png", "--max-pixels", "0"]).exit_code == 0

    def test_of_a_real_bomb(self, tmp_path, china):
        path = tmp_path / "bomb.png"
        Image.new("1", (30000, 30000)).save(path)
        for given in ({"guide": str(path)}, {"mask": str(path)}):
            with pytest.raises(ImageError, match="30000×30000"):
                phosphene.dream(china[:64, :64], network=tiny(), octaves=1, steps=1, **given)


class TestMasks:
    @pytest.mark.parametrize("kind", ["file", "16 bits", "bool", "int64", "tensor", "bool tensor", "float"])
    def test_of_zero_and_one(self, china, tmp_path, kind):
        small = china[:48, :64]
        half = np.zeros((48, 64), np.uint8)
        half[:, 32:] = 1
        path = tmp_path / "mask.png"
        path.write_bytes(file_of(half.astype(np.uint16) if kind == "16 bits" else half))
        mask = {
            "bool": half.astype(bool),
            "int64": half.astype(np.int64),
            "tensor": torch.from_numpy(half).long(),
            "bool tensor": torch.from_numpy(half).bool(),
            "float": half.astype(np.float32),
        }.get(kind, str(path))
        made = phosphene.dream(small, network=tiny(), mask=mask, octaves=1, steps=3, strength=1.0, layer="deep")
        white = tmp_path / "white.png"
        white.write_bytes(file_of(half * 255))
        wanted = phosphene.dream(small, network=tiny(), mask=str(white), octaves=1, steps=3, strength=1.0, layer="deep")
        assert torch.equal(made.pixels, wanted.pixels)
        assert not np.array_equal(np.asarray(made)[:, 40:], small[:, 40:])

    def test_a_bool_array_is_black_and_white(self):
        assert images.load(np.eye(4, dtype=bool)).pixels.unique().tolist() == [0, 1]


def test_a_folder_with_one_of_each_strange_file(china, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    small = china[:40, :40]
    (folder / "a.jpg").write_bytes(file_of(small, "JPEG", **described()))
    (folder / "cmyk.tif").write_bytes(file_of(small, "TIFF"))
    (folder / "b.bmp").write_bytes(file_of(small, "BMP"))
    (folder / "lie.png").write_bytes(file_of(small, "WEBP"))
    (folder / "t.tga").write_bytes(file_of(small, "TGA"))
    (folder / "film.gif").write_bytes(file_of(small, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 40))]))
    (folder / "broken.jpg").write_bytes(file_of(small, "JPEG")[:300])
    (folder / "page.png").write_bytes(b"<!doctype html><html>")
    (folder / "empty.png").write_bytes(b"")
    (tmp_path / "out").mkdir()
    said = CliRunner().invoke(main, ["in", "-o", "out/", *FAST])
    assert said.exit_code == 1, said.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{name}-dream.png" for name in ("a", "b", "cmyk", "film", "lie", "t")
    ]
    assert "3 of 9 pictures did not come about" in said.output
