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
from phosphene import Stop, networks
from phosphene.cli import main
from phosphene.errors import OutOfSpaceError, RecordError, SettingsError
from phosphene.films import making, motion
from phosphene.films.carry import CarriedFrames
from phosphene.films.frames import Frame
from phosphene.films.functions import FilmOptions, prepare_film
from phosphene.films.making import FilmRun
from phosphene.films.reading import FilmReader
from phosphene.recipes.settings import DreamSettings
from phosphene.records import journal
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
    Image.fromarray((texture(48, 48, seed=5)[0].permute(1, 2, 0) * 255).byte().numpy()).save(tmp_path / "guide.png")
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


@pytest.fixture
def plain(tmp_path):
    return clip(tmp_path / "a.mp4", 10, size=SIZE, sound="aac")


def run(plain, output, **more):
    """A run as the command line has it."""
    film = prepare_film(plain, output, QUICK, FilmOptions(), network=tiny())
    return FilmRun(film, output, CheckpointOptions(journal.folder_of(output)), **more)


def whole(plain):
    run(plain, plain.with_name("whole.mp4")).make()
    return plain.with_name("whole.mp4")


@pytest.mark.parametrize("at", [1, 4, 6, 10])
def test_a_film_that_is_stopped_plays_up_to_there_and_goes_on(plain, tmp_path, short_segments, at):
    def stop(progress):
        if progress.frames == at:
            raise Stop

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
        raising_at(patched, owner, name, call, Stop())
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
    assert not output.exists()
    run(plain, output).make()
    assert same_film(output, whole(plain))


def test_a_state_that_is_damaged_is_refused_and_left(plain, tmp_path, short_segments):
    output = tmp_path / "b.mp4"

    def stop(progress):
        if progress.frames == 5:
            raise Stop

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
    time.sleep({pause})
    written(*arguments)
making._write_frame = slowly
from phosphene.cli import main
sys.exit(main(sys.argv[1:]))
"""


def started(folder, *arguments, pause=0.02):
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        (sys.executable, "-c", PROGRAM.format(pause=pause), *arguments),
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


def killed_and_resumed(folder, command, kills):
    code, _, err = ended(started(folder, *command, "-o", "whole.mp4", pause=0))
    assert code == 0, err
    chance, words = random.Random(0), (*command, "-o", "b.mp4")
    for _ in range(kills):
        assert signalled(folder, signal.SIGKILL, 0.08 * chance.random(), *words)[0] == -signal.SIGKILL
        words = ("resume", "b.mp4")
    code, _, err = ended(started(folder, "resume", "b.mp4", pause=0))
    assert code == 0, err
    assert same_film(folder / "whole.mp4", folder / "b.mp4")
    assert not (folder / "b.mp4.unfinished").exists()


def test_a_film_that_is_killed_goes_on(tmp_path):
    clip(tmp_path / "a.mp4", 40, size=(32, 48))
    killed_and_resumed(tmp_path, ("film", "a.mp4", *FLAGS), 3)


@pytest.mark.slow
def test_a_film_that_is_killed_twenty_times_goes_on(tmp_path):
    clip(tmp_path / "a.mp4", 150, size=(32, 48))
    killed_and_resumed(tmp_path, ("film", "a.mp4", *FLAGS), 20)


@pytest.mark.slow
def test_a_zoom_that_is_killed_twenty_times_goes_on(tmp_path):
    Image.fromarray((texture(32, 48)[0].permute(1, 2, 0) * 255).byte().numpy()).save(tmp_path / "a.png")
    killed_and_resumed(tmp_path, ("zoom", "a.png", "--seconds", "7", *FLAGS), 20)


@pytest.mark.parametrize("command", ["film", "zoom"])
def test_ctrl_c_writes_what_there_is_and_the_rest_is_made_later(tmp_path, command):
    clip(tmp_path / "a.mp4", 24, size=(32, 48))
    Image.fromarray((texture(32, 48)[0].permute(1, 2, 0) * 255).byte().numpy()).save(tmp_path / "a.png")
    words = ("film", "a.mp4", *FLAGS) if command == "film" else ("zoom", "a.png", "--seconds", "1", *FLAGS)
    code, _, err = signalled(tmp_path, signal.SIGINT, 0.1, *words, "-o", "b.mp4")
    assert code == 130, err
    assert "phosphene resume b.mp4" in err
    assert 0 < len(decoded(tmp_path / "b.mp4")) < 24
    code, _, err = ended(started(tmp_path, "resume", "b.mp4", pause=0))
    assert code == 0, err
    assert ended(started(tmp_path, *words, "-o", "whole.mp4", pause=0))[0] == 0
    assert same_film(tmp_path / "b.mp4", tmp_path / "whole.mp4")
