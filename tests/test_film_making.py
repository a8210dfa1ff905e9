"""Films as they are made: what is carried from frame to frame, runs that stop and go on, and what people get wrong."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

pytest.importorskip("av", reason="films need PyAV")
pytest.importorskip("cv2", reason="films need OpenCV")

import av

import phosphene
from conftest import tiny
from film_clips import clip
from phosphene import StopRequested, networks
from phosphene.cli import main
from phosphene.errors import ImageError, OutOfSpaceError, RecordError, SettingsError
from phosphene.films import making, motion
from phosphene.films.again import read
from phosphene.films.carry import CarriedFrames
from phosphene.films.frames import Frame
from phosphene.films.functions import FilmOptions, prepare_film
from phosphene.films.making import FilmRun
from phosphene.films.reading import FilmReader
from phosphene.recipes.settings import DreamSettings
from phosphene.records import journal
from phosphene.records.record import Record
from phosphene.run.checkpoint import CheckpointOptions
from phosphene.run.prepared import prepare
from phosphene.techniques import DREAM

SIZE = (64, 96)
SETTINGS = DreamSettings(octaves=2, steps=4, jitter=2)
QUICK = {"octaves": 2, "steps": 3, "jitter": 2}
FLAGS = ("--octaves", "2", "--steps", "3", "--jitter", "2")


@pytest.fixture
def own_network(monkeypatch):
    """The tiny network, whatever the settings name."""
    monkeypatch.setattr(networks, "load_for", lambda settings: tiny())


def texture(height, width, seed=3):
    """Smooth spots of two sizes, `[1, 3, H, W]`, 0..1."""
    noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    coarse, fine = (F.avg_pool2d(noise, side, 1, side // 2) - 0.5 for side in (9, 3))
    return (0.5 + 2.5 * coarse + 0.5 * fine).clamp(0, 1)


def write_picture(path, height, width, seed=3):
    Image.fromarray(eight(texture(height, width, seed))[0].permute(1, 2, 0).numpy()).save(path)


def film_of(pictures):
    """A source of frames, ten a second."""
    pictures = list(pictures)

    def frames(first):
        for number in range(first, len(pictures)):
            yield Frame(number, Fraction(number, 10), pictures[number].clone())

    return frames


def panned(count, step=2):
    """Frames of a large texture, of which each shows a part further to the right."""
    whole = texture(SIZE[0], SIZE[1] + count * step)
    return [whole[..., number * step : number * step + SIZE[1]] for number in range(count)]


def with_cut(before, after):
    return [texture(*SIZE)] * before + [texture(*SIZE, seed=8)] * after


def carried(pictures, settings=SETTINGS, network=None, **more):
    ready = prepare(DREAM, settings, network or tiny())
    return CarriedFrames(film_of(pictures), ready, lambda seconds: settings, **more)


def made(pictures, settings=SETTINGS, **more):
    return [frame.pixels for frame in carried(pictures, settings, **more).frames(0, {})]


def eight(pixels):
    return (pixels * 255).round().to(torch.uint8)


def differ(one, other):
    """How far two pictures differ on average, of 255."""
    return float((one - other).abs().mean()) * 255


def called(*words):
    """The exit code of a command line."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return end.value.code


def decoded(path):
    """The frames of a film as arrays."""
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgba") for frame in film.decode(film.streams.video[0])]


def same_film(one, other):
    first, second = decoded(one), decoded(other)
    return len(first) == len(second) and all(map(np.array_equal, first, second))


# Carrying


def test_what_stands_still_stays_still():
    first, *others = made([texture(*SIZE)] * 5)
    assert differ(first, texture(*SIZE)) > 1
    for other in others:
        assert torch.equal(eight(other), eight(first))


def test_noise_of_the_camera_does_not_move_the_dream():
    generator = torch.Generator().manual_seed(0)
    noise = [0.008 * torch.randn(1, 3, *SIZE, generator=generator) for _ in range(5)]
    pictures = [(texture(*SIZE) + each).clamp(0, 1) for each in noise]
    detail = [dreamt - plain for dreamt, plain in zip(made(pictures), pictures, strict=True)]
    for other in detail[1:]:
        assert differ(other, detail[0]) < 0.5


def test_detail_moves_along():
    pictures, step = panned(5), 2
    settings = replace(SETTINGS, steps=10)
    alone = [made([picture], settings)[0] for picture in pictures]
    along = made(pictures, settings)

    def jump(frames):
        """How much detail changes from frame to frame, seen on what moves, away from the borders."""
        detail = [frame - plain for frame, plain in zip(frames, pictures, strict=True)]
        pairs = pairwise(detail)
        return np.mean([differ(now[..., 12:-12], before[..., 12 + step : step - 12]) for before, now in pairs])

    assert jump(along) < 0.35 * jump(alone), (jump(along), jump(alone))


def test_places_that_come_into_view_are_dreamt():
    pictures = panned(8, step=6)
    last = made(pictures)[-1]
    inner, incoming = (differ(last[part], pictures[-1][part]) for part in (np.s_[..., :60], np.s_[..., -24:]))
    assert incoming > 0.4 * inner


def test_a_cut_begins_anew():
    pictures = with_cut(2, 2)
    _, before, after, later = made(pictures)
    alone = made(pictures[2:3])[0]
    tint = (after - alone).mean((2, 3), keepdim=True)
    assert differ(after - tint, alone) < 2  # the same forms, in the first scene's brightness
    assert differ(after, before) > 3 * differ(later, after)


def test_detail_neither_grows_nor_fades():
    pictures = panned(100, step=1)
    spread = [float((dreamt - plain).std()) for dreamt, plain in zip(made(pictures), pictures, strict=True)]
    assert max(spread[1:]) < 1.1 * min(spread[1:])
    assert max(spread) < 1.3 * spread[0]


def test_frames_of_any_size_are_made():
    """OpenCV's search for motion crashes on small pictures."""
    for height, width in ((2, 2), (8, 100), (13, 40), (40, 9)):
        frames = [torch.rand(1, 3, height, width) for _ in range(2)]
        moved = motion.between(*map(motion.grey, frames))
        assert moved.carried(frames[0]).shape == frames[0].shape
        assert moved.seen.shape == moved.new.shape == (1, 1, height, width)


def test_large_frames_move_as_small_ones_do(monkeypatch):
    one, other = (motion.grey(picture) for picture in panned(2, step=4))
    exact = motion.between(one, other).flow
    monkeypatch.setattr(motion, "MOST_PIXELS", SIZE[0] * SIZE[1] // 4)
    shrunk = motion.between(one, other)
    assert shrunk.flow.shape == exact.shape
    assert np.median(shrunk.flow[8:-8, 8:-8, 0]) == pytest.approx(np.median(exact[8:-8, 8:-8, 0]), abs=0.5)
    assert shrunk.known > 0.8


def test_the_network_may_compute_in_double_precision(tiny64):
    settings = replace(SETTINGS, dtype="float64")
    frames = made(panned(3), settings, network=tiny64)
    assert all(frame.dtype == torch.float32 for frame in frames)


# Masks


def half_mask(path, size=SIZE, share=0.5):
    mask = np.zeros(size, np.uint8)
    mask[:, : int(size[1] * share)] = 255
    Image.fromarray(mask).save(path)
    return torch.from_numpy(mask > 0)


@pytest.mark.parametrize("pictures", [panned(5), with_cut(2, 3)], ids=["pan", "cut"])
def test_where_a_mask_is_black_frames_stay_as_they_are(tmp_path, pictures):
    mask = half_mask(tmp_path / "mask.png")
    for dreamt, plain in zip(made(pictures, replace(SETTINGS, mask=str(tmp_path / "mask.png"))), pictures, strict=True):
        assert torch.equal(dreamt[0, :, ~mask], plain[0, :, ~mask])
        assert differ(dreamt[0, :, mask], plain[0, :, mask]) > 1


def bars(path, shares, size=SIZE):
    """A film of masks, each white from the left to a share of the width, exactly."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = *size, "bgr0"
        for number, share in enumerate(shares):
            array = np.zeros((*size, 3), np.uint8)
            array[:, : int(size[1] * share)] = 255
            frame = av.VideoFrame.from_ndarray(array, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return str(path)


def test_a_mask_may_be_a_film(tmp_path):
    shares = (0.25, 0.25, 0.75, 0.0, 0.5)
    name = bars(tmp_path / "mask.mkv", shares)
    plain = texture(*SIZE)
    frames = made([plain] * 6, replace(SETTINGS, mask=name), masks={name: FilmReader(name)})
    for dreamt, share in zip(frames, (*shares, shares[-1]), strict=True):  # the last mask stays
        edge = int(SIZE[1] * share)
        assert torch.equal(dreamt[..., edge:], plain[..., edge:])
        assert edge == 0 or differ(dreamt[..., :edge], plain[..., :edge]) > 1
    opened = np.s_[..., int(SIZE[1] * 0.3) : int(SIZE[1] * 0.7)]
    assert differ(frames[2][opened], plain[opened]) > 1  # where the mask was black before


def test_a_mask_that_is_a_film_follows_on_the_command_line(tmp_path, own_network):
    plain = clip(tmp_path / "a.mkv", 4, size=SIZE, codec="ffv1", pixels="bgr0", rate=10)
    mask = bars(tmp_path / "mask.mkv", (0.5, 0.5, 0.25, 0.25))
    assert called("film", plain, "--mask", mask, *FLAGS, "--codec", "ffv1") == 0
    for number, (dreamt, old) in enumerate(zip(decoded(tmp_path / "a-dream.mkv"), decoded(plain), strict=True)):
        edge = SIZE[1] // (2 if number < 2 else 4)
        assert np.array_equal(dreamt[:, edge:], old[:, edge:])
        assert not np.array_equal(dreamt[:, :edge], old[:, :edge])


def test_a_mask_of_other_proportions_is_refused(tmp_path, own_network):
    plain, mask = clip(tmp_path / "a.mp4", 2, size=SIZE), bars(tmp_path / "mask.mkv", (0.5,), size=(96, 96))
    with pytest.raises(SettingsError, match="proportions differ"):
        phosphene.film(plain, mask=mask, **QUICK)


def test_a_region_that_is_a_film_may_be_black_for_a_while(tmp_path):
    name = bars(tmp_path / "region.mkv", (0.5, 0.0, 0.5))
    settings = replace(SETTINGS, region=(f"{name}=layer(middle)",))
    frames = made([texture(*SIZE)] * 3, settings, masks={name: FilmReader(name)})
    assert len(frames) == 3


# What is kept between runs


def goes_on_alike(maker, count, stop):
    """Frames made at once, and frames made by another maker from the state after so many."""
    whole, state = [], {}
    first = maker()
    for frame in first.frames(0, {}):
        whole.append(frame.pixels)
        if len(whole) == stop:
            state = {name: tensor.clone() for name, tensor in first.state().items()}
    rest = [frame.pixels for frame in maker().frames(stop, state)]
    assert len(whole) == count
    assert len(rest) == count - stop
    return all(map(torch.equal, whole[stop:], rest))


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_a_film_goes_on_bit_for_bit(stop):
    assert goes_on_alike(lambda: carried(panned(5)), 5, stop)


@pytest.mark.parametrize("stop", [2, 3, 4])
def test_a_film_goes_on_bit_for_bit_after_a_cut(stop):
    pictures = with_cut(2, 1) + panned(2)
    assert goes_on_alike(lambda: carried(pictures), 5, stop)


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_a_film_with_a_mask_goes_on_bit_for_bit(tmp_path, stop):
    name = bars(tmp_path / "mask.mkv", (0.5, 0.25, 0.0, 0.75, 1.0))
    settings = replace(SETTINGS, mask=name)
    assert goes_on_alike(lambda: carried(panned(5), settings, masks={name: FilmReader(name)}), 5, stop)


def test_the_layer_that_suits_a_guide_is_chosen_once(tmp_path):
    write_picture(tmp_path / "guide.png", 48, 48, seed=5)
    settings = replace(SETTINGS, guide=(str(tmp_path / "guide.png"),), layer="best")
    maker = carried(panned(3), settings)
    chosen = []
    for _ in maker.frames(0, {}):
        chosen.append(json.loads(bytes(maker.state()["chosen"].tolist()))["layer"])
    assert len(set(chosen)) == 1
    assert chosen[0] != "best"
    assert goes_on_alike(lambda: carried(panned(3), settings), 3, 1)


# Runs that stop


@pytest.fixture
def short_segments(monkeypatch):
    monkeypatch.setattr(making, "SEGMENT", 4)
    monkeypatch.setattr(journal, "PAUSE", 0.0)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A film, and beside it what a run makes of it that is not stopped."""
    path = clip(tmp_path_factory.mktemp("plain") / "a.mp4", 10, size=(32, 48), sound="aac")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(making, "SEGMENT", 4)
        run(path, whole(path)).make()
    return path


def run(plain, output, **more):
    """A run as the command line has it."""
    film = prepare_film(plain, output, QUICK, FilmOptions(), network=tiny())
    return FilmRun(film, output, CheckpointOptions(journal.folder_of(output)), **more)


def whole(plain):
    return plain.with_name("whole.mp4")


@pytest.mark.parametrize("at", [1, 4, 6, 10])
def test_a_film_that_is_stopped_plays_up_to_there_and_goes_on(plain, tmp_path, short_segments, at):
    def stop(progress):
        if progress.frames == at:
            raise StopRequested

    output = tmp_path / "b.mp4"
    stopped = phosphene.film(plain, output, network=tiny(), on_progress=stop, **QUICK)
    assert stopped.frames == at
    assert not stopped.record.complete
    assert len(decoded(output)) == at
    finished = phosphene.film(plain, output, network=tiny(), **QUICK)
    assert finished.record.complete
    assert same_film(output, whole(plain))
    assert not journal.folder_of(output).exists()


def raising_at(monkeypatch, owner, name, call, error):
    """Has a function raise an error at its call of that number, and then work again; before or after its work."""
    real, calls = getattr(owner, name), []

    def raising(*arguments, **more):
        calls.append(None)
        if len(calls) == call:
            raise error
        return real(*arguments, **more)

    monkeypatch.setattr(owner, name, raising)


def test_a_folder_of_pictures_is_gone_on_with(plain, tmp_path, short_segments, own_network):
    def stop(progress):
        if progress.frames == 6:
            raise StopRequested

    phosphene.film(plain, tmp_path / "frames", on_progress=stop, **QUICK)
    assert len(list((tmp_path / "frames").iterdir())) == 6
    assert called("film", plain, "-o", tmp_path / "frames", "-q", *FLAGS) == 0
    assert len(list((tmp_path / "frames").iterdir())) == 10
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_a_finished_film_is_not_replaced_before_or_after_the_work(plain, tmp_path):
    (tmp_path / "b.mp4").write_text("mine")
    for make in (phosphene.film, phosphene.zoom):
        with pytest.raises(ImageError, match="exists already"):
            make(plain, tmp_path / "b.mp4")
    with pytest.raises(ImageError, match="is what the film is made of"):
        phosphene.film(plain, plain, network=tiny(), overwrite=True)
    with pytest.raises(ImageError, match="There is no folder"):
        phosphene.film(plain, tmp_path / "no" / "b.mp4")
    assert (tmp_path / "b.mp4").read_text() == "mine"


def test_odd_sides_are_told_of(tmp_path):
    clip(tmp_path / "a.mkv", 2, size=(33, 48), codec="ffv1", pixels="bgr0")
    made = phosphene.film(tmp_path / "a.mkv", tmp_path / "b.mp4", network=tiny(), **QUICK)
    assert "48×33 becomes 48×34, its edge repeated: h264 needs even sides" in made.notes


def test_the_preview_shows_what_is_made(plain, tmp_path, short_segments, monkeypatch):
    monkeypatch.setattr(making, "PREVIEW_SIDE", 24)
    run(plain, tmp_path / "b.mp4", preview=tmp_path / "small.mp4").make()
    small = decoded(tmp_path / "small.mp4")
    assert len(small) == 10
    assert small[0].shape == (16, 24, 4)


MOMENTS = [
    ("segment", making.SegmentWriter, "write", 1),
    ("segment's middle", making.SegmentWriter, "write", 3),
    ("second segment's end", making.SegmentWriter, "close", 2),
    ("state", making, "save_file", 2),
    ("state after a segment", making, "save_file", 4),
    ("journal", making.Journal, "note", 3),
    ("journal after a segment", making.Journal, "note", 5),
    ("unlinking", Path, "unlink", 9),
    ("joining", making, "join", 1),
    ("frame", making, "_write_frame", 2),
]


@pytest.mark.parametrize(("owner", "name", "call"), [each[1:] for each in MOMENTS], ids=[each[0] for each in MOMENTS])
def test_a_stop_may_come_at_any_moment(plain, tmp_path, short_segments, monkeypatch, owner, name, call):
    output = tmp_path / "b.mp4"
    with monkeypatch.context() as patched:
        raising_at(patched, owner, name, call, StopRequested())
        stopped = run(plain, output).make()
    assert len(decoded(output)) == stopped.frames
    assert stopped.record.complete == (name == "join")
    if not stopped.record.complete:
        run(plain, output, overwrite=True).make()
    assert same_film(output, whole(plain))
    assert not journal.folder_of(output).exists()


@pytest.mark.parametrize(("owner", "name", "call"), [each[1:] for each in MOMENTS], ids=[each[0] for each in MOMENTS])
def test_a_full_disk_keeps_what_is_done_and_says_how_to_go_on(
    plain, tmp_path, short_segments, monkeypatch, owner, name, call
):
    output = tmp_path / "b.mp4"
    with monkeypatch.context() as patched:
        raising_at(patched, owner, name, call, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        with pytest.raises(
            OutOfSpaceError, match=r"The disk is full; what is done is in .*\n.*phosphene resume .*b.mp4"
        ):
            run(plain, output).make()
    assert (journal.folder_of(output) / "run.json").is_file()
    assert not output.exists()
    run(plain, output).make()
    assert same_film(output, whole(plain))


def test_what_fails_before_the_first_frame_leaves_nothing(plain, tmp_path, monkeypatch):
    raising_at(monkeypatch, making, "_write_frame", 1, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(OutOfSpaceError, match="nothing is done yet"):
        run(plain, tmp_path / "b.mp4").make()
    assert not journal.folder_of(tmp_path / "b.mp4").exists()


def test_a_state_that_is_damaged_is_refused_and_left(plain, tmp_path, short_segments):
    output = tmp_path / "b.mp4"

    def stop(progress):
        if progress.frames == 5:
            raise StopRequested

    run(plain, output, on_progress=stop).make()
    kept = next(journal.folder_of(output).glob("state-*"))
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(RecordError, match="damaged"):
        run(plain, output, overwrite=True).make()
    facts = json.loads((journal.folder_of(output) / "run.json").read_text())
    facts["state"] = {"segments": "many"}
    (journal.folder_of(output) / "run.json").write_text(json.dumps(facts))
    with pytest.raises(RecordError, match="damaged"):
        run(plain, output, overwrite=True).make()
    assert kept.exists()


PROGRAM = """
import sys, time
from conftest import tiny
from phosphene import networks
from phosphene.records import journal
from phosphene.films import making
networks.load_for = lambda settings: tiny()
journal.PAUSE, making.SEGMENT = 0.0, 4
written = making._write_frame
def slowly(*arguments):
    time.sleep(0.02)
    written(*arguments)
making._write_frame = slowly
from phosphene.cli import main
sys.exit(main(sys.argv[1:]))
"""


def started(folder, *arguments):
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        (sys.executable, "-c", PROGRAM, *arguments),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def signalled(folder, number, after, *arguments):
    """Starts a command line, and sends it a signal so many seconds after it next wrote its journal."""
    kept = folder / "b.mp4.unfinished/run.json"
    before = kept.stat().st_mtime_ns if kept.exists() else 0
    process = started(folder, *arguments)
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if kept.stat().st_mtime_ns != before:
                break
        time.sleep(0.002)
    time.sleep(after)
    process.send_signal(number)
    return ended(process)


@pytest.fixture
def here(tmp_path, monkeypatch, own_network, short_segments):
    """A folder in which command lines are as `started` has them."""
    monkeypatch.chdir(tmp_path)


def killed_and_resumed(folder, command, kills):
    assert called(*command, "-q", "-o", "whole.mp4") == 0
    chance, words = random.Random(0), (*command, "-o", "b.mp4")
    for _ in range(kills):
        assert signalled(folder, signal.SIGKILL, 0.08 * chance.random(), *words)[0] == -signal.SIGKILL
        words = ("resume", "b.mp4")
    assert called("resume", "b.mp4") == 0
    assert same_film(folder / "whole.mp4", folder / "b.mp4")
    assert not (folder / "b.mp4.unfinished").exists()


def test_a_film_that_is_killed_goes_on(tmp_path, here):
    clip(tmp_path / "a.mp4", 40, size=(32, 48))
    killed_and_resumed(tmp_path, ("film", "a.mp4", *FLAGS), 3)


@pytest.mark.slow
def test_a_film_that_is_killed_twenty_times_goes_on(tmp_path, here):
    clip(tmp_path / "a.mp4", 150, size=(32, 48))
    killed_and_resumed(tmp_path, ("film", "a.mp4", *FLAGS), 20)


@pytest.mark.slow
def test_a_zoom_that_is_killed_twenty_times_goes_on(tmp_path, here):
    write_picture(tmp_path / "a.png", 32, 48)
    killed_and_resumed(tmp_path, ("zoom", "a.png", "--seconds", "7", *FLAGS), 20)


@pytest.mark.parametrize("command", ["film", "zoom"])
def test_ctrl_c_writes_what_there_is_and_the_rest_is_made_later(tmp_path, here, command):
    clip(tmp_path / "a.mp4", 24, size=(32, 48))
    write_picture(tmp_path / "a.png", 32, 48)
    words = ("film", "a.mp4", *FLAGS) if command == "film" else ("zoom", "a.png", "--seconds", "1", *FLAGS)
    code, _, err = signalled(tmp_path, signal.SIGINT, 0.1, *words, "-o", "b.mp4")
    assert code == 130, err
    assert "phosphene resume b.mp4" in err
    assert 0 < len(decoded(tmp_path / "b.mp4")) < 24
    assert called("resume", "b.mp4") == 0
    assert called(*words, "-o", "whole.mp4") == 0
    assert same_film(tmp_path / "b.mp4", tmp_path / "whole.mp4")


# What people get wrong

MISTAKES = [
    ("film there.mp4", "There is no film 'there.mp4'"),
    ("film b.mp4", "There is no film 'b.mp4'. Did you mean"),
    ("film no/a.mp4", "There is no film 'no/a.mp4'"),
    ("film tone.mp4", "tone.mp4 holds no moving pictures"),
    ("film text.mp4", "text.mp4 is not a film"),
    ("film empty.mp4", "empty.mp4 is empty"),
    ("film a.mp4 -o text.mp4", "text.mp4 exists already, and is left alone"),
    ("film a.mp4 -o x.txt", "has the suffix '.txt', which no film is written as"),
    ("film a.mp4 -o no/x.mp4", "There is no folder no"),
    ("film a.mp4 -o -", "-o - is for pictures"),
    ("film a.mp4 -o a.mp4 --force", "a.mp4 is what the film is made of, and is left alone"),
    ("film a.mp4 -o link.mp4 --force", "link.mp4 is what the film is made of, and is left alone"),
    ("film a.mp4 -o mask.png --mask mask.png --force", "mask.png is what the film is made of, and is left alone"),
    ("zoom mask.png -o mask.png --force", "mask.png is what the film is made of, and is left alone"),
    ("film a.mp4 --preview a.mp4", "--preview a.mp4 is an input or the output too"),
    ("film a.mp4 --preview a-dream.mp4", "--preview a-dream.mp4 is an input or the output too"),
    ("film a.mp4 --preview mask.png --mask mask.png", "--preview mask.png is an input or the output too"),
    ("film a.mp4 --preview text.mp4", "text.mp4 exists already, and is no preview"),
    ("film a.mp4 --preview p.xyz", "p.xyz has the suffix '.xyz'"),
    ("film a.mp4 --preview no/p.mp4", "There is no folder no"),
    ("film a.mp4 --codec h266", "Unknown --codec 'h266'. Did you mean"),
    ("film a.mp4 -o x.gif --codec h264", "--codec h264: only videos have one"),
    ("film a.mp4 --from 100", "--from 100 is beyond the end of a.mp4"),
    ("film a.mp4 --from 0.2 --to 0.1", "--to 0.1 is not possible"),
    ("film a.mp4 --fps 0", "--fps 0 is not possible"),
    ("film a.mp4 --preset nonsuch", "Unknown preset 'nonsuch'"),
    ("film a.mp4 --preset coils,nonsuch", "Unknown preset 'nonsuch'"),
    ("film a.mp4 --filter woodcut --octaves 3", "--octaves is no setting of a film of paintings. It is for dreams."),
    ("film a.mp4 --strength 0:a", "--strength is '0:a'"),
    ("film a.mp4 --strength loud:0..1", "has no sound that a setting could follow"),
    ("film a.mp4 --mask alpha", "has no transparency"),
    ("film a.mp4 --mask black.png", "The mask is black everywhere"),
    ("zoom mask.png --towards nonsense", "--towards is 'nonsense'; it takes two numbers"),
    ("zoom mask.png --towards 2,0", "--towards is 2.0; it takes a number from 0 to 1"),
    ("zoom mask.png --speed 0", "--speed is 0.0; it takes a number from 1.01 to 10"),
    ("redo a.mp4", "a.mp4 does not say how it was made"),
    ("info text.mp4", "text.mp4 is not a film"),
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with what is right and what is wrong."""
    folder = tmp_path_factory.mktemp("desk")
    clip(folder / "a.mp4", 3, size=SIZE)
    (folder / "link.mp4").symlink_to(folder / "a.mp4")
    (folder / "text.mp4").write_text("hello")
    (folder / "empty.mp4").touch()
    half_mask(folder / "mask.png")
    half_mask(folder / "black.png", share=0)
    with av.open(str(folder / "tone.mp4"), "w") as song:
        stream = song.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        song.mux(stream.encode(frame))
        song.mux(stream.encode(None))
    return folder


@pytest.mark.parametrize(("line", "says"), MISTAKES)
def test_mistakes_are_told_in_words(desk, monkeypatch, capsys, own_network, line, says):
    monkeypatch.chdir(desk)
    before = {path.name: path.read_bytes() for path in desk.iterdir()}
    assert called(*line.split()) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert "Traceback" not in told.err
    assert told.err.count("\n") <= 3
    assert told.out == ""
    assert {path.name: path.read_bytes() for path in desk.iterdir()} == before


@pytest.mark.parametrize("missing", ["av", "cv2"])
def test_what_is_not_installed_is_said_with_how_to_install_it(desk, missing):
    program = f"""
import sys
sys.modules[{missing!r}] = None
from phosphene.cli import main
for line in ("film a.mp4", "zoom clouds", "info a.mp4", "redo a.mp4"):
    try:
        main(line.split())
    except SystemExit as end:
        print(end.code)
"""
    done = subprocess.run((sys.executable, "-c", program), cwd=desk, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["2"] * 4
    assert done.stderr.count("pip install 'phosphene[film]'") == 4
    assert "Traceback" not in done.stderr


def test_a_film_of_one_frame(tmp_path, own_network):
    clip(tmp_path / "a.mp4", 1, size=SIZE)
    assert called("film", tmp_path / "a.mp4", "-q", *FLAGS) == 0
    assert len(decoded(tmp_path / "a-dream.mp4")) == 1


def test_a_film_that_is_damaged_in_its_middle_is_made_with_a_note(tmp_path, own_network, capsys):
    path = clip(tmp_path / "a.mp4", 40, size=SIZE, options={"g": "5", "bf": "0"})
    data = bytearray(path.read_bytes())
    half = len(data) // 2
    data[half : half + 150] = bytes(each ^ 0x5A for each in data[half : half + 150])
    path.write_bytes(data)
    assert called("film", path, *FLAGS) == 0
    assert "a.mp4: parts of it are damaged, and are left out" in capsys.readouterr().err
    assert 20 < len(decoded(tmp_path / "a-dream.mp4")) < 40


@pytest.mark.parametrize("suffix", [".gif", ".webm", ".webp", ".apng"])
def test_transparency_is_kept(tmp_path, own_network, suffix):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    frames = []
    for number in range(3):
        array = np.full((*SIZE, 4), 90, np.uint8)
        array[..., 3] = np.where((rows - 32) ** 2 + (columns - 30 - 6 * number) ** 2 < 400, 255, 0)
        frames.append(Image.fromarray(array))
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=100, disposal=1, blend=0)
    output = tmp_path / f"b{suffix}"
    assert called("film", tmp_path / "a.png", "-q", "-o", output, *FLAGS) == 0
    with FilmReader(output) as film:
        assert film.alpha
        for frame, old in zip(film.frames(), frames, strict=True):
            assert float((frame.alpha[0, 0] - torch.from_numpy(np.asarray(old)[..., 3] / 255)).abs().mean()) < 0.02


@pytest.mark.parametrize("look", ["style", pytest.param("filter", marks=pytest.mark.slow)])
def test_a_film_is_repainted(tmp_path, efficientnet, look):
    write_picture(tmp_path / "style.png", 40, 40, seed=5)
    clip(tmp_path / "a.mp4", 3, size=(48, 64))
    wish = {"filter": "woodcut"} if look == "filter" else {"style": [str(tmp_path / "style.png")]}
    phosphene.film(tmp_path / "a.mp4", network=efficientnet, **wish, steps=2, method="gram")
    old, new = decoded(tmp_path / "a.mp4"), decoded(tmp_path / "a-style.mp4")
    assert all(np.abs(one.astype(int) - other).mean() > 1 for one, other in zip(old, new, strict=True))


# Films made again


@pytest.fixture
def dreamt(tmp_path, own_network, monkeypatch):
    """A film beside what it was made of; its record's network is found again."""
    monkeypatch.setattr("phosphene.run.again.recorded_model", lambda *_: {})
    clip(tmp_path / "a.mp4", 3, size=SIZE)
    assert called("film", tmp_path / "a.mp4", "-q", *FLAGS, "--to", "1") == 0
    return tmp_path / "a-dream.mp4"


def test_a_film_is_made_again(dreamt, capsys):
    assert called("redo", dreamt) == 0
    assert same_film(dreamt, dreamt.with_name("a-dream-redo.mp4"))
    assert called("redo", dreamt, "--strength", "3", "-q") == 0
    other = dreamt.with_name("a-dream-redo2.mp4")
    assert read(other).settings["strength"] == 3
    assert read(other).settings["steps"] == 3
    assert not same_film(dreamt, other)
    capsys.readouterr()
    assert called("info", dreamt) == 0
    told = capsys.readouterr().out
    assert "phosphene film" in told
    assert "a.mp4, 96×64" in told
    assert called("redo", dreamt, "-o", dreamt, "--force") == 2
    assert called("redo", dreamt, "-o", dreamt.with_name("a.mp4"), "--force") == 2


def test_a_film_that_changes_says_what_older_versions_had_otherwise(dreamt):
    changing = dreamt.with_name("changing.mp4")
    line = ("film", dreamt.with_name("a.mp4"), "-q", "-o", changing, *FLAGS, "--strength", "0:1, 1:2")
    assert called(*line) == 0
    known = read(changing).settings
    assert (known["strength"], known["device"], known["base_size"]) == ("0:1, 1:2", "cpu", 800)
    assert called("redo", changing, "-q") == 0
    assert same_film(changing, changing.with_name("changing-redo.mp4"))


def test_a_film_whose_input_is_gone_or_another(dreamt, capsys):
    moved = dreamt.with_name("moved.mp4")
    dreamt.with_name("a.mp4").rename(moved)
    assert called("redo", dreamt) == 2
    assert "The input 'a.mp4' is no file in" in capsys.readouterr().err
    assert called("redo", dreamt, "--input", moved, "-q") == 0
    assert same_film(dreamt, dreamt.with_name("a-dream-redo.mp4"))
    clip(moved, 4, size=SIZE)
    assert called("redo", dreamt, "--input", moved) == 0
    assert "the input is not the recorded one" in capsys.readouterr().err


def test_a_zoom_into_a_canvas_is_made_again(tmp_path, own_network, monkeypatch):
    monkeypatch.setattr("phosphene.run.again.recorded_model", lambda *_: {})
    words = ("zoom", "clouds", "--size", "64x48", "--seconds", "0.2", "--turn", "20", "--towards", "0.4,0.6", "-q")
    assert called(*words, "-o", tmp_path / "z.mp4", *FLAGS) == 0
    assert called("redo", tmp_path / "z.mp4", "-q") == 0
    assert same_film(tmp_path / "z.mp4", tmp_path / "z-redo.mp4")


def test_json_says_all_and_nothing_else_is_printed(tmp_path, own_network, capsys):
    clip(tmp_path / "a.mp4", 3, size=SIZE)
    assert called("film", tmp_path / "a.mp4", "-q", "--json", *FLAGS) == 0
    told = capsys.readouterr()
    facts = json.loads(told.out)
    assert told.err == ""
    assert facts["complete"] is True
    assert facts["record"]["output"] == {"width": 96, "height": 64, "depth": 8, "frames": 3, "rate": "24000/1001"}
    assert called("info", "--json", tmp_path / "a-dream.mp4") == 0
    assert json.loads(capsys.readouterr().out)["record"] == facts["record"]


def stranger(folder, **changes):
    """A film whose record somebody else wrote."""
    text = json.dumps(json.loads((folder / "record.json").read_text()) | changes)
    with av.open(str(folder / "s.mkv"), "w") as film:
        stream = film.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "bgr0"
        film.metadata["phosphene"] = text
        frame = av.VideoFrame.from_ndarray(np.zeros((*SIZE, 3), np.uint8), "rgb24")
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return folder / "s.mkv"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a film that is not a stranger's business, and a record of one that is beside."""
    (tmp_path / "in").mkdir()
    clip(tmp_path / "secret.mp4", 2, size=SIZE)
    clip(tmp_path / "in" / "a.mp4", 2, size=SIZE)
    half_mask(tmp_path / "secret.png")
    program = "from pathlib import Path\nPath('ran').touch()\n"
    (tmp_path / "in" / "evil.py").write_text(program)
    film = prepare_film(tmp_path / "in" / "a.mp4", Path("b.mp4"), QUICK, FilmOptions(), network=tiny())
    (tmp_path / "in" / "record.json").write_text(Record(**film.known, output={}, versions={}, threads=1).to_json())
    monkeypatch.chdir(tmp_path / "in")
    monkeypatch.setattr(networks, "load_for", lambda settings: pytest.fail("a network is loaded"))
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"network": {"name": "evil.py:Net", "file": "", "sha256": ""}}, 2, "--model"),
        ({"network": {"name": "x", "file": "evil.py:Net", "sha256": ""}}, 2, "--model"),
        ({"network": {"name": "x", "file": "../secret.pth", "sha256": ""}}, 3, "neither in"),
        ({"recipe": "dream"}, 2, "which is no film"),
        ({"recipe": "nonsense"}, 2, "which is no film"),
    ],
)
def test_a_stranger_s_record_runs_no_program(folder, capsys, changes, code, says):
    (folder.parent / "secret.pth").touch()
    assert called("redo", stranger(folder, **changes)) == code
    assert says in capsys.readouterr().err
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("settings", "input_", "says"),
    [
        ({}, "../secret.mp4", "The input 'secret.mp4' is no file in"),
        ({}, "{outside}/secret.mp4", "is no file in"),
        ({}, "..", "is no file in"),
        ({"mask": "../secret.png"}, "a.mp4", "The mask '../secret.png' is no file in"),
        ({"mask": "{outside}/secret.png"}, "a.mp4", "secret.png' is no file in"),
        ({"guide": ["../secret.png"]}, "a.mp4", "The guide '../secret.png' is no file in"),
        (
            {"layer": None, "objective": "guide(block3, '../secret.png')"},
            "a.mp4",
            "The objective '../secret.png' is no file in",
        ),
        ({"region": ["../secret.png=layer(block3)"]}, "a.mp4", "The region '../secret.png' is no file in"),
        ({"nonsense": 1}, "a.mp4", "nonsense is no setting of dreams"),
        ({"begin": "soon"}, "a.mp4", "begin is 'soon'"),
        ({"long_side": "wide"}, "a.mp4", "--long-side is 'wide'"),
        ({"technique": "pattern"}, "a.mp4", "pattern"),
        ({"technique": "../x"}, "a.mp4", "is no technique"),
    ],
)
def test_a_stranger_s_record_names_nothing_outside_its_folder(folder, monkeypatch, capsys, settings, input_, says):
    monkeypatch.setattr("phosphene.run.again.recorded_model", lambda *_: {})
    outside = str(folder.parent)
    made = json.loads((folder / "record.json").read_text())
    told = {
        name: value.format(outside=outside) if isinstance(value, str) else value for name, value in settings.items()
    }
    name = input_.format(outside=outside)
    path = stranger(folder, settings=made["settings"] | told, input=made["input"] | {"name": name})
    assert called("redo", path) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told
    assert not (folder / "s-redo.mkv").exists()


# Memory

LONG = """
import gc, sys
from dataclasses import replace
from pathlib import Path
import psutil
from conftest import tiny
from phosphene.films.functions import FilmOptions, prepare_film
from phosphene.films.making import FilmRun
from phosphene.run.checkpoint import CheckpointOptions
def told(progress):
    if progress.frames in (100, 1000):
        gc.collect()
        print(psutil.Process().memory_info().rss // 1_000_000)
film = prepare_film("a.mp4", Path("b.mp4"), {"octaves": 1, "steps": 2, "jitter": 2}, FilmOptions(), network=tiny())
made = FilmRun(film, Path("b.mp4"), CheckpointOptions(Path("b.mp4.unfinished")), on_progress=told).make()
print(made.frames)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_film(tmp_path):
    clip(tmp_path / "a.mp4", 1000, size=(32, 48))
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        (sys.executable, "-c", LONG),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    early, late, count = map(int, done.stdout.split())
    assert count == 1000
    assert late - early < 50, (early, late)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk without room")
def test_a_disk_without_room_for_a_frame_is_told_by_the_system(tmp_path):
    (tmp_path / "frame.npy").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space") as full:
        making._write_frame(tmp_path / "frame.npy", Frame(0, Fraction(0), torch.zeros(1, 3, 64, 64)))
    assert full.value.errno == errno.ENOSPC


def test_a_second_try_gets_a_name_of_its_own(tmp_path, here):
    clip(tmp_path / "a.mp4", 2, size=(32, 48))
    for _ in range(2):
        assert called("film", "a.mp4", *FLAGS) == 0
    assert {path.name for path in tmp_path.glob("a-dream*")} == {"a-dream.mp4", "a-dream-2.mp4"}
