"""Films as files: read with their exact times, written in segments, joined with the sound of another."""

from __future__ import annotations

import contextlib
import re
import resource
import struct
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

av = pytest.importorskip("av", reason="films need the extra: pip install 'phosphene[film]'")

from film_clips import RATE, SIZE, add_tone, add_video, clip, packets, picture, write_frames  # noqa: E402
from phosphene.errors import ImageError, NonFiniteError, OutOfSpaceError, PhospheneError, SettingsError  # noqa: E402
from phosphene.films import colours  # noqa: E402
from phosphene.films.formats import format_for, is_film  # noqa: E402
from phosphene.films.frames import Frame  # noqa: E402
from phosphene.films.joining import join  # noqa: E402
from phosphene.films.reading import FilmReader  # noqa: E402
from phosphene.films.segments import SegmentWriter  # noqa: E402
from phosphene.films.texts import metadata  # noqa: E402
from phosphene.films.tracks import Sound  # noqa: E402

TEXTS = {"phosphene": '{"record": "' + "x" * 200_000 + '"}', "parameters": "eyes, fur"}
HEIGHT, WIDTH = SIZE


def frames_of(path, first=0, **options):
    with FilmReader(path, **options) as film:
        return list(film.frames(first))


def made(count, *, size=(45, 61), rate=RATE, alpha=False, times=None):
    """Frames of whole levels of 255."""
    for number in range(count):
        planes = torch.from_numpy(picture(number, size)).permute(2, 0, 1)[None].float() / 255
        seconds = number / rate if times is None else times[number]
        yield Frame(number, seconds, planes, planes[:, 1:2].contiguous() if alpha else None)


def segments(folder, format, frames, length=5, rate=RATE):
    frames, paths = list(frames), []
    for start in range(0, len(frames), length):
        paths.append(folder / f"segment-{start}.mkv")
        with SegmentWriter(paths[-1], tuple(frames[0].pixels.shape[-2:]), rate, format) as writer:
            for frame in frames[start : start + length]:
                writer.write(frame)
    return paths


def film(folder, name, frames, *, codec=None, alpha=False, **options):
    """A film that was written in segments, and notes."""
    format = format_for(folder / name, codec=codec, alpha=alpha)
    return folder / name, join(segments(folder, format, frames), folder / name, format=format, **options)


# Reading


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    options = {"preset": "ultrafast", "g": "10", "bf": "2"}
    return clip(tmp_path_factory.mktemp("clips") / "plain.mp4", sound="aac", subtitles="mov_text", chapters=True,
                options=options)  # fmt: skip


def test_a_film_has_its_size_rate_times_and_colours(plain):
    with FilmReader(plain) as film:
        assert (film.size, film.rate, film.count, film.alpha, film.notes) == (SIZE, RATE, 48, False, ())
        assert film.seconds == pytest.approx(48 / RATE)
        frames = list(film.frames())
    assert [frame.number for frame in frames] == list(range(48))
    assert [frame.seconds for frame in frames] == [number / RATE for number in range(48)]
    for frame in (frames[0], frames[31]):
        wanted = torch.from_numpy(picture(frame.number)).permute(2, 0, 1)[None] / 255
        assert frame.pixels.dtype == torch.float32
        assert (frame.pixels - wanted).abs().mean() < 0.01


@pytest.mark.parametrize("options", [{}, {"begin": 0.7}, {"begin": 0.5, "end": 1.5}, {"fps": 10}, {"fps": 50}])
def test_frames_are_the_same_whichever_is_the_first(plain, options):
    whole = frames_of(plain, **options)
    for first in (1, 9, 10, 11, len(whole) - 1):
        tail = frames_of(plain, first, **options)
        assert [frame.number for frame in tail] == list(range(first, len(whole)))
        for frame, same in zip(whole[first:], tail, strict=True):
            assert frame.seconds == same.seconds
            assert torch.equal(frame.pixels, same.pixels)
    assert frames_of(plain, len(whole), **options) == []


def test_a_part_begins_at_0_and_is_that_of_the_whole(plain):
    whole = frames_of(plain)
    with FilmReader(plain, begin=0.5, end=1.0) as film:
        part = list(film.frames())
        assert (film.start, film.count) == (12 / RATE, 12)
    assert len(part) == 12
    assert [frame.seconds for frame in part] == [number / RATE for number in range(12)]
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(part, whole[12:], strict=False))


@pytest.mark.parametrize(("fps", "rate"), [(12, 12), (29.97, Fraction(30000, 1001)), (60, 60)])
def test_a_constant_rate_is_chosen_from_the_nearest_frames(plain, fps, rate):
    whole = frames_of(plain)
    with FilmReader(plain, fps=fps) as film:
        even = list(film.frames())
        assert (film.rate, film.count) == (rate, len(even))
    assert [frame.seconds for frame in even] == [Fraction(number) / rate for number in range(len(even))]
    for frame in even:
        nearest = min(whole, key=lambda other: abs(other.seconds - frame.seconds))
        assert torch.equal(frame.pixels, nearest.pixels) or abs(nearest.seconds - frame.seconds) > 1 / (3 * rate)


def test_a_file_whose_times_are_rounded_loses_no_frame_at_its_own_rate(tmp_path):
    path = clip(tmp_path / "film.mkv", 24, rate=30)
    assert [frame.seconds for frame in frames_of(path, fps=30)] == [Fraction(number, 30) for number in range(24)]
    numbers = {float(frame.pixels.mean()) for frame in frames_of(path, fps=30)}
    assert len(numbers) == 24


def test_a_variable_rate_keeps_its_times(tmp_path):
    times = [Fraction(tick, 600) for tick in (0, 20, 41, 100, 103, 200, 260, 280)]
    path = clip(tmp_path / "phone.mp4", 8, times=times, base=Fraction(1, 600))
    with FilmReader(path) as film:
        assert [frame.seconds for frame in film.frames()] == times
        assert any("varies" in note for note in film.notes)


def test_missing_frames_are_noted(tmp_path):
    times = [Fraction(number, 25) for number in (0, 1, 2, 3, 6, 7, 8, 9)]
    path = clip(tmp_path / "film.mkv", 8, rate=25, times=times)
    with FilmReader(path) as film:
        assert [frame.seconds for frame in film.frames()] == times
        assert any("missing" in note for note in film.notes)


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_a_turned_film_is_upright(tmp_path, angle):
    frame = frames_of(clip(tmp_path / "phone.mp4", 2, rotation=angle))[0].pixels
    assert frame.shape[-2:] == (SIZE if angle in (0, 180) else SIZE[::-1])
    rows, columns = {0: (8, 8), 90: (-8, 8), 180: (-8, -8), 270: (8, -8)}[angle]  # where the red corner is seen
    assert frame[0, 0, rows, columns] > 0.7
    assert frame[0, 2, rows, columns] < 0.25


@pytest.mark.parametrize(("matrix", "height"), [(1, 90), (5, 90), (1, 720), (2, 90), (2, 720)])
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_understood_by_their_matrix_and_range(matrix, height, full):
    red, blue = (0.2126, 0.0722) if matrix == 1 or (matrix == 2 and height == 720) else (0.299, 0.114)
    colour = np.array([0.75, 0.25, 0.5])
    luma = red * colour[0] + (1 - red - blue) * colour[1] + blue * colour[2]
    chroma = [(colour[2] - luma) / (2 - 2 * blue), (colour[0] - luma) / (2 - 2 * red)]
    scale = (255, 0, 255) if full else (219, 16, 224)
    values = [luma * scale[0] + scale[1], *(128 + scale[2] * each for each in chroma)]
    frame = av.VideoFrame(16, height, "yuv444p")
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    pixels, alpha = colours.pixels_of(frame, (height, 16), colours.Turn(), alpha=False)
    assert alpha is None
    assert torch.allclose(pixels[0, :, 4, 4], torch.tensor(colour).float(), atol=0.012)


def test_ten_bits_are_not_cut_to_eight(tmp_path):
    ramp = np.linspace(20_000, 24_000, 160).astype(np.uint16)[None, :, None].repeat(90, 0).repeat(3, 2)
    video = av.VideoFrame.from_ndarray(ramp, "rgb48le").reformat(format="yuv444p10le")
    path = tmp_path / "deep.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv444p10le"
        video.pts, video.time_base = 0, Fraction(1, 24)
        container.mux(stream.encode(video))
        container.mux(stream.encode(None))
    with FilmReader(path) as film:
        levels = next(film.frames()).pixels[0, 1, 0].mul(65535).round()
        assert any("10 bits" in note for note in film.notes)
    assert len(levels.unique()) > 40  # of 8 bits there would be 17


@pytest.mark.parametrize(("transfer", "white"), [(colours.PQ, 0.5807), (colours.HLG, 0.75)])
def test_hdr_keeps_diffuse_white_and_runs_out_softly(transfer, white):
    ramp = torch.linspace(0, 1, 200).view(1, 1, 1, 200).expand(1, 3, 1, 200)
    mapped = colours.tone_mapped(ramp, transfer, wide=True)[0]
    assert mapped.min() >= 0
    assert mapped.max() <= 1.0001
    assert (mapped[0, 0].diff() >= -1e-6).all()
    assert torch.allclose(mapped[0], mapped[2], atol=2e-3)  # grey stays grey
    at_white = colours.tone_mapped(torch.full((1, 3, 1, 1), white), transfer, wide=True)
    assert at_white.mean() == pytest.approx(0.957, abs=0.01)  # 0.908 in light
    dim = colours.tone_mapped(torch.full((1, 3, 1, 1), 0.3), colours.PQ, wide=False)
    nits = 10.0  # of PQ 0.3, by its table
    light = nits / 203
    assert dim.mean() == pytest.approx(1.055 * light ** (1 / 2.4) - 0.055, abs=0.01)


def test_hdr_in_a_file_is_found_and_noted(tmp_path):
    path = clip(tmp_path / "hdr.mkv", 2, codec="libx265", pixels="yuv420p10le", color_trc=16, color_primaries=9,
                colorspace=9, options={"x265-params": "log-level=none"})  # fmt: skip
    with FilmReader(path) as film:
        assert any("dynamic range" in note for note in film.notes)
        bright = next(film.frames()).pixels
    assert 0 <= bright.min() <= bright.max() <= 1
    assert bright[0, 0, 8, 8] > bright[0, 2, 8, 8]


def test_pixels_that_are_not_square_are_stretched(tmp_path):
    path = clip(tmp_path / "wide.mp4", 2, sample_aspect_ratio=Fraction(4, 3))
    with FilmReader(path) as film:
        assert film.size == (90, 213)
        assert next(film.frames()).pixels.shape == (1, 3, 90, 213)
        assert any("stretched" in note for note in film.notes)


def test_a_film_of_one_frame(tmp_path):
    path = clip(tmp_path / "one.mp4", 1)
    with FilmReader(path) as film:
        assert (film.count, len(list(film.frames()))) == (1, 1)


@pytest.mark.parametrize("name", ["odd.webm", "odd.mkv"])
def test_odd_sizes_are_kept(tmp_path, name):
    codec = "libvpx-vp9" if name == "odd.webm" else "ffv1"
    path = clip(tmp_path / name, 2, codec=codec, size=(45, 61))
    assert frames_of(path)[0].pixels.shape == (1, 3, 45, 61)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animations_keep_times_and_transparency(tmp_path, kind):
    arrays = [np.dstack([picture(number, (31, 43)), np.full((31, 43), 255, np.uint8)]) for number in range(4)]
    for array in arrays:
        array[20:, 20:, 3] = 0
    stills = [Image.fromarray(array) for array in arrays]
    path = tmp_path / f"film.{kind.lower()}"
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {"disposal": 2} if kind == "GIF" else {}
    stills[0].save(path, kind, save_all=True, append_images=stills[1:], duration=[40, 120, 80, 50], **options)
    assert is_film(path)
    with FilmReader(path) as film:
        assert (film.size, film.count, film.alpha) == ((31, 43), 4, True)
        assert film.seconds == pytest.approx(0.29)
        frames = list(film.frames())
    assert [frame.seconds for frame in frames] == [Fraction(ms, 1000) for ms in (0, 40, 160, 240)]
    assert frames[2].alpha[0, 0, 25, 25] == 0
    assert frames[2].alpha[0, 0, 5, 5] == 1
    if kind != "GIF":
        assert torch.equal(frames[3].pixels[0, :, 9].mul(255).round().byte().T, torch.from_numpy(arrays[3][9, :, :3]))
    assert torch.equal(frames_of(path, 2)[0].pixels, frames[2].pixels)


def test_a_cut_animation_is_read_as_far_as_it_goes(tmp_path):
    stills = [Image.fromarray(picture(number, (64, 64))) for number in range(8)]
    stills[0].save(tmp_path / "film.gif", save_all=True, append_images=stills[1:], duration=40)
    data = (tmp_path / "film.gif").read_bytes()
    (tmp_path / "film.gif").write_bytes(data[: len(data) // 2])
    with FilmReader(tmp_path / "film.gif") as film:
        assert 0 < len(list(film.frames())) < 8
        assert any("cut off" in note for note in film.notes)


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    for number in (1, 2, 10, 9):
        Image.fromarray(np.full((8, 6, 3), number, np.uint8)).save(tmp_path / f"f{number}.png")
    (tmp_path / "readme.txt").write_text("no picture")
    with FilmReader(tmp_path, fps=12) as film:
        assert (film.size, film.rate, film.count) == ((8, 6), 12, 4)
        frames = list(film.frames())
        digest = film.sha256
    assert [round(float(frame.pixels.mean() * 255)) for frame in frames] == [1, 2, 9, 10]
    assert [frame.seconds for frame in frames] == [Fraction(number, 12) for number in range(4)]
    assert [frame.number for frame in frames_of(tmp_path, 3)] == [3]
    (tmp_path / "f2.png").write_bytes((tmp_path / "f10.png").read_bytes())
    assert FilmReader(tmp_path).sha256 != digest
    Image.new("RGB", (7, 8)).save(tmp_path / "f11.png")
    with pytest.raises(ImageError, match=r"f11\.png is 7×8"):
        frames_of(tmp_path)


def damaged_middle(path):
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)


def test_a_damaged_middle_is_left_out_and_noted(tmp_path):
    path = clip(tmp_path / "film.mkv", 60, options={"g": "12", "crf": "10"})
    damaged_middle(path)
    with FilmReader(path) as film:
        frames = list(film.frames())
        assert film.notes
    assert 20 < len(frames) < 60
    seconds = [frame.seconds for frame in frames]
    assert seconds == sorted(set(seconds))
    assert abs(seconds[-1] - 59 / RATE) < Fraction(1, 500)  # what is after the damage keeps its time


def test_a_truncated_film_is_read_as_far_as_it_goes(tmp_path):
    path = clip(tmp_path / "film.mkv", 96, options={"g": "12", "crf": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with FilmReader(path) as film:
        assert 20 < len(list(film.frames())) < 70
        assert any("ends early" in note for note in film.notes)


def patched(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def sound_only(path):
    with av.open(str(path), "w") as container:
        write = add_tone(container, "aac", 0.2)
        container.start_encoding()
        write()
    return path


def lying(path):
    """An MP4 whose header says 30000×30000."""
    return patched(clip(path, 3), struct.pack(">HH", WIDTH, HEIGHT), struct.pack(">HH", 30_000, 30_000))


def written(path, data):
    path.write_bytes(data)
    return path


def cut_short(path):
    data = clip(path, 9).read_bytes()
    return written(path, data[: len(data) // 2])


def interlaced(path):
    with av.open(str(path), "w") as container:
        stream = add_video(container, "mpeg2video", rate=25)
        stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
        write_frames(container, stream, [picture(number) for number in range(3)])
    return path


MISTAKES = {
    "nothing there": (lambda path: path, "There is no film"),
    "empty": (partial(written, data=b""), "is empty"),
    "text": (partial(written, data=b"Once upon a time"), "is not a film"),
    "play list": (partial(written, data=b"#EXTM3U\n#EXTINF:1,\nother.ts\n"), "is not a film"),
    "noise": (partial(written, data=np.random.default_rng(0).bytes(9999)), "is not a film"),
    "cut": (cut_short, "cut off"),
    "song": (sound_only, "no moving pictures"),
    "interlaced": (interlaced, "ffmpeg -i film.mp4 -vf yadif"),
    "unknown codec": (lambda path: patched(clip(path, 3), b"avc1", b"zzz9"), "not known here"),
    "encrypted": (
        partial(clip, frames=3, container={
            "encryption_scheme": "cenc-aes-ctr", "encryption_key": "0" * 32, "encryption_kid": "1" * 32}),
        "encrypted",
    ),
    "bomb": (lambda path: clip(path, 1, size=(2000, 2000), options={"preset": "ultrafast"}), "megapixels"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_a_line_in_words(tmp_path, mistake):
    make, words = MISTAKES[mistake]
    path = make(tmp_path / "film.mp4")
    with pytest.raises(ImageError, match=words):
        frames_of(path, max_pixels=1_000_000)


@pytest.fixture(scope="module")
def originals(tmp_path_factory, plain, opus):
    folder = tmp_path_factory.mktemp("originals")
    return [plain, opus, *(film(folder, name, made(5))[0] for name in ("a.gif", "a.webp", "a.png"))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 4), at=st.floats(0, 1), noise=st.binary(max_size=400), cut=st.booleans())
def test_damage_of_any_kind_is_a_line_in_words(tmp_path, originals, which, at, noise, cut):
    data = originals[which].read_bytes()
    start = int(at * len(data))
    path = written(tmp_path / f"film{originals[which].suffix}", data[:start] if cut else
                   data[:start] + noise + data[start + len(noise):])  # fmt: skip
    with contextlib.suppress(PhospheneError):
        frames = frames_of(path, max_pixels=1_000_000)
        assert all(frame.pixels.isfinite().all() for frame in frames)
    with contextlib.suppress(PhospheneError):
        assert set(metadata(path)) <= {"phosphene", "parameters"}


def test_a_gif_whose_frame_claims_to_be_huge(tmp_path):
    path, _ = film(tmp_path, "a.gif", made(4))
    data = path.read_bytes()
    sizes = [match.start() for match in re.finditer(re.escape(struct.pack("<HH", 61, 45)), data)]
    written(path, data[: sizes[-1]] + struct.pack("<HH", 60_000, 60_000) + data[sizes[-1] + 4 :])
    with FilmReader(path) as reader:
        assert 0 < len(list(reader.frames())) < 4


def test_a_header_that_lies_about_its_size_allocates_nothing(tmp_path):
    path = lying(tmp_path / "film.mp4")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        assert frames_of(path)[0].pixels.numel() < 1_000_000  # the pictures themselves say how large they are
    except ImageError as error:
        assert "megapixels" in str(error)  # noqa: PT017
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"begin": 5}, "beyond the end"),
        ({"begin": -1}, "--from"),
        ({"begin": 1, "end": 1}, "--to"),
        ({"fps": 0}, "--fps"),
    ],
)
def test_impossible_parts_are_refused(plain, options, words):
    with pytest.raises((ImageError, SettingsError), match=words):
        FilmReader(plain, **options)


def test_a_reader_can_be_closed_midway(plain):
    with FilmReader(plain) as film:
        frames = film.frames()
        assert next(frames).number == 0
    assert list(frames) == []


def test_memory_does_not_grow_with_the_frames(tmp_path):
    path = clip(tmp_path / "long.mp4", 300, size=(180, 320), options={"preset": "ultrafast"})
    with FilmReader(path) as film:
        frames = film.frames()
        for _ in range(40):
            next(frames)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert sum(1 for _ in frames) == 260  # 180 MB of pixels, if they were kept
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


# Formats


def test_names_decide_on_formats():
    assert (format_for("a.mp4").encoder, format_for("a.WEBM").encoder) == ("libx264", "libvpx-vp9")
    assert format_for("a.mov", alpha=True).pixels == "yuva444p10le"
    assert format_for("a.webm", alpha=True).pixels == "yuva420p"
    assert not format_for("a.mp4", alpha=True).alpha
    assert "white" in format_for("a.mp4", alpha=True).notes[0]
    assert [format_for(name).kind for name in ("a.gif", "a.webp", "a.apng", "a", "b.c/")] == [
        "gif", "webp", "png", "folder", "folder"]  # fmt: skip


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9"])
def test_a_higher_quality_is_a_lower_rate_factor(codec):
    factors = [float(format_for("a.mkv", codec=codec, quality=q).options["crf"]) for q in (1, 50, 85, 100)]
    assert factors == sorted(factors, reverse=True)
    assert 15 <= factors[2] <= 28


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.mp5", {}, r"Did you mean '\.mp4'.*\n.*Allowed"),
        ("a.mp4", {"codec": "hh264"}, "Did you mean 'h264'"),
        ("a.webm", {"codec": "x264"}, r"\.mp4, \.m4v, \.mov, \.mkv.*Allowed: vp9, av1"),
        ("a.gif", {"codec": "h264"}, "only videos"),
        ("a.mp4", {"quality": 0}, "1 to 100"),
    ],
)
def test_formats_that_cannot_be_are_refused(name, options, words):
    with pytest.raises(SettingsError, match=words):
        format_for(name, **options)


def test_which_files_are_films(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "still.png")
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    names = ("a.mp4", "b.MKV", "c.webm", "d.avi", "cat.jpg", "e", "still.png", "broken.gif", "missing.webp")
    assert [is_film(tmp_path / name) for name in names] == [True] * 4 + [False] * 5


# Segments

CODECS = [
    ("a.mp4", None),
    ("a.mp4", "h265"),
    ("a.mp4", "av1"),
    ("a.webm", None),
    ("a.mkv", "ffv1"),
    ("a.mov", "prores"),
    ("a.gif", None),
]


@pytest.mark.parametrize(("name", "codec"), CODECS)
def test_the_same_frames_give_the_same_bytes(tmp_path, name, codec):
    format = format_for(name, codec=codec)
    one, other = (segments(tmp_path, format, made(4), length=4)[0].read_bytes() for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("name", "codec"), CODECS)
def test_segments_hold_frames_in_the_order_in_which_they_are_shown(tmp_path, name, codec):
    (path,) = segments(tmp_path, format_for(name, codec=codec), made(9), length=9)
    with av.open(str(path)) as container:
        stamps = [(packet.pts, packet.dts) for packet in container.demux(video=0) if packet.size]
    assert [pts for pts, _ in stamps] == sorted(pts for pts, _ in stamps)
    assert all(pts == dts for pts, dts in stamps)


def interrupt(writer):
    writer.write(next(made(1)))
    raise KeyboardInterrupt


def test_a_segment_is_whole_or_not_there(tmp_path):
    format = format_for("a.mp4")
    with pytest.raises(ImageError, match="does not fit"):
        segments(tmp_path, format, (*made(2), *made(1, size=(4, 4))))
    with pytest.raises(KeyboardInterrupt), SegmentWriter(tmp_path / "s.mkv", (45, 61), RATE, format) as writer:
        interrupt(writer)
    writer = SegmentWriter(tmp_path / "s.mkv", (45, 61), RATE, format)
    with pytest.raises(ImageError, match="does not fit"):
        writer.write(next(made(1, size=(4, 4))))
    writer = SegmentWriter(tmp_path / "s.mkv", (45, 61), RATE, format)
    with pytest.raises(NonFiniteError):
        writer.write(Frame(0, Fraction(0), torch.full((1, 3, 45, 61), torch.nan)))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ImageError, match="no folder"):
        SegmentWriter(tmp_path / "nowhere" / "s.mkv", (45, 61), RATE, format)


@pytest.fixture
def small_disk():
    """Files end at 20 kB, as if the disk were full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_leaves_nothing_behind(tmp_path, small_disk):
    format = format_for("a.mkv", codec="ffv1")
    with pytest.raises(OutOfSpaceError, match="no room"):
        segments(tmp_path, format, made(30, size=SIZE), length=30)
    paths = segments(tmp_path, format, made(4), length=2)
    with pytest.raises(OutOfSpaceError, match="no room"):
        join(paths, tmp_path / "film.mkv", format=format, metadata=TEXTS)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


# Joining


@pytest.mark.parametrize(("name", "codec"), [*CODECS[:6], ("a.mkv", None), ("a.mov", None), ("a.mov", "h265")])
def test_a_film_shows_the_frames_of_its_segments_at_their_times(tmp_path, name, codec):
    format = format_for(name, codec=codec)
    paths = segments(tmp_path, format, made(12))
    join(paths, tmp_path / name, format=format)
    alone = [frame.pixels for path in paths for frame in frames_of(path)]
    joined = frames_of(tmp_path / name)
    assert len(joined) == 12
    assert all(torch.equal(a, b.pixels) for a, b in zip(alone, joined, strict=True))
    wanted = [number / RATE for number in range(12)]
    exact = name.endswith(("mp4", "mov"))
    assert all(abs(a.seconds - b) <= (0 if exact else Fraction(1, 1000)) for a, b in zip(joined, wanted, strict=True))


@pytest.mark.parametrize(
    ("name", "codec", "alpha"),
    [(*each, alpha) for each in (("a.mkv", "ffv1"), ("a.png", None), ("a", None)) for alpha in (False, True)],
)
def test_lossless_films_give_back_every_pixel(tmp_path, name, codec, alpha):
    frames = list(made(7, alpha=alpha))
    path, _ = film(tmp_path, name, frames, codec=codec, alpha=alpha)
    back = frames_of(path)
    assert len(back) == 7
    for one, other in zip(frames, back, strict=True):
        assert torch.equal(one.pixels, other.pixels)
        assert (other.alpha is None) if not alpha else torch.equal(one.alpha, other.alpha)


def test_lossless_webp_gives_back_every_pixel(tmp_path):
    frames = list(made(3))
    format = format_for("a.webp", quality=100)
    join(segments(tmp_path, format, frames), tmp_path / "a.webp", format=format)
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(frames, frames_of(tmp_path / "a.webp"), strict=True))


@pytest.mark.parametrize("name", ["a.webm", "a.mov", "a.webp", "a.gif"])
def test_transparency_survives(tmp_path, name):
    frames = [Frame(f.number, f.seconds, f.pixels, (f.alpha > 0.4).float()) for f in made(4, alpha=True)]
    path, _ = film(tmp_path, name, frames, alpha=True)
    with FilmReader(path) as back:
        assert back.alpha
        for one, other in zip(frames, back.frames(), strict=True):
            assert (one.alpha - other.alpha[..., :45, :61]).abs().mean() < 0.02


def test_where_there_is_no_transparency_films_are_on_white(tmp_path):
    frames = [Frame(0, Fraction(0), torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32))]
    path, _ = film(tmp_path, "a.mp4", frames, alpha=True)
    assert frames_of(path)[0].pixels.min() > 0.98


def test_h264_is_what_browsers_play(tmp_path):
    path, _ = film(tmp_path, "a.mp4", made(6, size=(45, 61)))
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        assert (video.width, video.height, context.pix_fmt) == (62, 46, "yuv420p")
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert abs(video.duration * video.time_base - 6 / RATE) < Fraction(1, 1000)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    edge = frames_of(path)[0].pixels
    assert (edge[..., 61] - edge[..., 60]).abs().mean() < 0.02
    writer = SegmentWriter(tmp_path / "s.mkv", (45, 61), RATE, format_for("a.mp4"))
    assert "61×45 becomes 62×46" in writer.notes[0]
    writer.write(next(made(1)))
    writer.close()


VARYING = [Fraction(tick, 600) for tick in (0, 20, 41, 100, 103, 200, 260, 280)]


@pytest.mark.parametrize(("name", "grid"), [("a.mp4", None), ("a.mov", None), ("a.png", None), ("a.mkv", 1000),
                                            ("a.webp", 1000), ("a.gif", 100)])  # fmt: skip
def test_times_survive(tmp_path, name, grid):
    frames = made(8, size=(40, 60), times=VARYING)
    path, _ = film(tmp_path, name, frames)
    times = [frame.seconds for frame in frames_of(path)]
    if name == "a.gif":  # 103/600 comes too soon after 100/600
        assert times == [Fraction(round(tick * grid), grid) for tick in VARYING if tick != VARYING[4]]
    else:
        assert times == ([Fraction(round(tick * grid), grid) for tick in VARYING] if grid else VARYING)


def test_times_can_be_given(tmp_path):
    format = format_for("a.mp4")
    paths = segments(tmp_path, format, made(8))
    join(paths, tmp_path / "a.mp4", format=format, times=VARYING)
    assert [frame.seconds for frame in frames_of(tmp_path / "a.mp4")] == VARYING
    with pytest.raises(SettingsError, match="7 times do not fit 8 frames"):
        join(paths, tmp_path / "b.mp4", format=format, times=VARYING[:7])
    with pytest.raises(ImageError, match="not a single frame"):
        join([], tmp_path / "b.mp4", format=format)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.gif", "a.webp", "a.png", "a"])
def test_texts_survive_in_every_kind_of_film(tmp_path, name):
    path, _ = film(tmp_path, name, made(3), metadata=TEXTS)
    assert metadata(path) == TEXTS
    assert len(frames_of(path)) == 3
    bare, _ = film(tmp_path, name.replace("a", "bare", 1), made(1), metadata={"parameters": "eyes"})
    assert metadata(bare) == {"parameters": "eyes"}
    assert len(frames_of(bare)) == 1


def test_texts_of_what_is_no_film(tmp_path):
    (tmp_path / "a.mp4").write_text("no film")
    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(ImageError):
            metadata(tmp_path / name)
    assert metadata(clip(tmp_path / "c.mp4", 2)) == {}


def test_films_are_not_replaced_unasked(tmp_path):
    path, _ = film(tmp_path, "a.mp4", made(2))
    before = path.read_bytes()
    with pytest.raises(ImageError, match="--force"):
        film(tmp_path, "a.mp4", made(3))
    assert path.read_bytes() == before
    film(tmp_path, "a.mp4", made(3), overwrite=True)
    assert len(frames_of(path)) == 3


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    path, notes = film(tmp_path, "out", made(3))
    assert [each.name for each in sorted(path.iterdir())] == [f"frame-{number:06d}.png" for number in (1, 2, 3)]
    assert "--fps 23.976" in notes[0]
    film(tmp_path, "out", made(2), overwrite=True)
    assert len(list(path.iterdir())) == 2
    (path / "diary.txt").write_text("mine")
    with pytest.raises(ImageError, match="other things"):
        film(tmp_path, "out", made(2), overwrite=True)
    assert (path / "diary.txt").read_text() == "mine"


# Sound


@pytest.fixture(scope="module")
def opus(tmp_path_factory):
    return clip(tmp_path_factory.mktemp("clips") / "opus.mkv", sound="libopus", subtitles="subrip", chapters=True)


def without_gaps(data, times):
    """Without the empty subtitles that MP4 puts between others."""
    return [(packet, moment) for packet, moment in zip(data, times, strict=True) if packet != b"\0\0"]


def chapters_of(container):
    """Their titles, and where they begin and end in seconds."""
    return [
        (each["metadata"]["title"], *(float(each[side] * each["time_base"]) for side in ("start", "end")))
        for each in container.chapters()
    ]


def test_sound_subtitles_and_chapters_are_copied_as_they_are(tmp_path, plain):
    path, notes = film(tmp_path, "a.mp4", made(48), sound=Sound(plain))
    assert notes == ()
    for kind in ("audio", "subtitle"):
        assert without_gaps(*packets(path, kind)) == without_gaps(*packets(plain, kind))
    with av.open(str(path)) as container:
        assert container.streams.audio[0].language == "fra"
        assert chapters_of(container) == [("Begin", 0, 0.5), ("Middle", 0.5, 1), ("End", 1, 2)]


def test_opus_and_srt_go_into_matroska(tmp_path, opus):
    path, notes = film(tmp_path, "a.mkv", made(48), sound=Sound(opus))
    assert notes == ()
    for kind in ("audio", "subtitle"):
        assert packets(path, kind) == packets(opus, kind)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.webm", ["sound (aac)", "subtitles (mov_text)"]),
        ("a.mkv", ["subtitles (mov_text)"]),
        ("a.gif", ["without sound"]),
    ],
)
def test_what_a_container_does_not_take_is_left_out_and_said(tmp_path, plain, name, words):
    path, notes = film(tmp_path, name, made(12), sound=Sound(plain))
    assert len(notes) == len(words)
    assert all(word in note and ".mp4" in note for word, note in zip(words, notes, strict=True))
    assert len(frames_of(path)) == 12


def test_a_film_that_was_stopped_has_sound_up_to_there(tmp_path, plain):
    path, _ = film(tmp_path, "a.mp4", made(12), sound=Sound(plain))
    length = 12 / RATE
    data, _ = packets(plain, "audio")
    copied, at = packets(path, "audio")
    assert copied == data[: len(copied)]
    assert length - Fraction(1024, 48_000) <= at[-1] < length
    with av.open(str(path)) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Begin"]


def test_a_part_has_the_sound_of_that_part(tmp_path, plain):
    with FilmReader(plain, begin=0.6, end=1.2) as reader:
        frames, start = list(reader.frames()), reader.start
    path, _ = film(tmp_path, "a.mp4", frames, sound=Sound(plain, start, 1.2))
    data, times = packets(plain, "audio")
    copied, at = packets(path, "audio")
    first = data.index(copied[0])
    assert copied == data[first : first + len(copied)]
    for moment, original in zip(at, times[first:], strict=False):
        assert abs(moment - (original - start)) < Fraction(1, 40_000)
    assert at[0] < Fraction(1024, 48_000)
    assert abs(at[-1] - (Fraction(6, 5) - start)) < Fraction(1100, 48_000)
    with av.open(str(path)) as container:
        (middle, *times), (end, *more) = chapters_of(container)
    assert (middle, end) == ("Middle", "End")
    assert [*times, *more] == pytest.approx([0, 1 - start, 1 - start, 1.2 - start], abs=0.001)


def test_sound_of_what_has_none_is_no_mistake(tmp_path):
    silent, _ = film(tmp_path, "silent.gif", made(2))
    path, notes = film(tmp_path, "a.mp4", made(2), sound=Sound(silent))
    assert notes == ()
    assert len(frames_of(path)) == 2
