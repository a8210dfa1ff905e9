"""Many workers: real processes, of which one is killed; the same pixels, and few bytes between them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("distributed")

from conftest import tiny
from phosphene import gradient, journal, pyramid, tiles
from phosphene.cluster import OnWorkers, connect, crew, spread
from phosphene.cluster.tasks import window as put_together
from phosphene.errors import ClusterError
from phosphene.journal import Journal
from phosphene.objectives import layer
from phosphene.rasters import Raster
from phosphene.recipes import hands, large
from phosphene.recipes.settings import DreamSettings
from phosphene.transforms import roll

ITEM = 8  # bytes of a number


@pytest.fixture(scope="module")
def client():
    with connect(workers=3, threads=1) as found:
        yield found


def parts_of(pixels, runs, shift):
    """A picture's parts as arrays, in the picture as it lies shifted."""
    lying = roll(pixels, *shift)
    parts = [spread.Part(run.core, run.owner, lying[(..., *run.core)].numpy()) for run in runs]
    return spread.Spread(tuple(pixels.shape[-2:]), parts, shift)


@settings(deadline=None, max_examples=60)
@given(st.integers(40, 90), st.integers(40, 90), st.integers(1, 5), st.data())
def test_windows_come_together_from_parts(height, width, count, data):
    boxes = tiles.boxes(height, width, tile=40, overlap=8, stride=4)
    runs = spread.share(boxes, [f"worker {number}" for number in range(count)])
    assert [box for run in runs for box in run.boxes] == boxes
    shifts = st.tuples(st.integers(-99, 99), st.integers(-99, 99))
    lying, shift, wanted = data.draw(shifts), data.draw(shifts), data.draw(st.sampled_from(runs)).context
    pixels = torch.rand(1, 3, height, width, dtype=torch.float64)
    pieces = list(parts_of(pixels, runs, lying).pieces(wanted, shift))
    size = tuple(side.stop - side.start for side in wanted)
    found = put_together(size, [(each.source, each.place) for each in pieces], [each.part.held for each in pieces])
    assert np.array_equal(found, roll(pixels, *shift)[(..., *wanted)].numpy())


@pytest.mark.parametrize("count", [1, 3, 4, 50])
def test_boxes_are_shared_out_evenly(count):
    boxes = tiles.boxes(3000, 4000, tile=640, overlap=100, stride=16)
    runs = spread.share(boxes, range(count))
    counts = [sum(len(run.boxes) for run in runs if run.owner == owner) for owner in range(count)]
    assert max(counts) - min(counts) <= 1


CHOSEN = {"octaves": 2, "octave_scale": 1.5, "steps": 3, "tile": 128, "overlap": "20", "jitter": 12, "dtype": "float64"}
SIZE = (900, 151)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(hands, "SIDE", 230)
    monkeypatch.setattr(crew, "POLL", 0.01)


def photograph(size=SIZE):
    return torch.rand(1, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def dreamt(folder, pixels, chosen, hand=hands.OnDisk, on_step=None, network=None):
    network = network or tiny(torch.float64)
    log = Journal(folder, {"settings": chosen.to_dict()}).open()
    log.room_for(1)
    source = Raster(folder / "source.raw", *pixels.shape[-2:], kind="f8").create()
    source.write(pixels)
    objective = layer("deep").prepare(network)
    sizes = pyramid.sizes(*source.size, chosen.octaves, chosen.octave_scale)
    tilings = gradient.plan(network, objective, sizes=sizes, tile=chosen.tile, overlap=chosen.overlap, memory=None)
    told = {"settings": chosen, "tilings": tilings, "journal": log, "on_step": on_step, "hands": hand}
    return large.dream(source, network, objective, **told).read(dtype=torch.float64)


def sent(client):
    """Bytes of results that workers have sent so far, to each other and to us."""
    return sum(client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total).values())


@pytest.mark.parametrize("by", ["mean", "laplacian"])
def test_a_dream_on_three_workers_is_the_one_alone(tmp_path, client, small_blocks, by):
    chosen = DreamSettings(**CHOSEN, normalise=by)
    alone = dreamt(tmp_path / "alone", photograph(), chosen)
    assert (alone - photograph()).abs().mean() > 0.005
    shares = []
    together = dreamt(
        tmp_path / "together", photograph(), chosen, OnWorkers(client), lambda step: shares.append(step.done)
    )
    assert torch.equal(together, alone)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_worker_that_is_killed_is_made_good(tmp_path, client, small_blocks):
    chosen, killed = DreamSettings(**CHOSEN), []

    def kill(step):
        """Ends a worker's process in the midst of a step."""
        if step.octave == 2 and step.step == 1 and step.done % 0.2 and not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    together = dreamt(tmp_path / "together", photograph(), chosen, OnWorkers(client), kill)
    assert killed
    assert killed[0] not in client.run(os.getpid).values()
    assert torch.equal(together, dreamt(tmp_path / "alone", photograph(), chosen))
    client.wait_for_workers(3, timeout=30)


def test_a_dream_that_is_interrupted_goes_on_alone(tmp_path, client, small_blocks):
    """What the workers had come to is fetched, and noted."""
    chosen = DreamSettings(**CHOSEN)

    def stop(step):
        if step.octave == 2 and step.step == 1 and step.done % 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dreamt(tmp_path / "run", photograph(), chosen, OnWorkers(client), stop)
    noted = journal.read(tmp_path / "run")["state"]
    assert (noted["octave"], noted["step"]) == (1, 1)
    assert torch.equal(dreamt(tmp_path / "run", photograph(), chosen), dreamt(tmp_path / "alone", photograph(), chosen))


def test_pixels_are_kept_now_and_then(tmp_path, client, small_blocks, monkeypatch):
    monkeypatch.setattr(journal, "PAUSE", 0.0)
    monkeypatch.setattr("phosphene.cluster.hands.RARELY", 0)
    steps = []
    monkeypatch.setattr(Journal, "note", lambda self, **state: steps.append(state["step"]) or self.state.update(state))
    dreamt(tmp_path / "run", photograph((300, 151)), DreamSettings(**CHOSEN | {"octaves": 1}), OnWorkers(client))
    assert steps == [0, 0, 1, 2, 3]


@contextlib.contextmanager
def started(*command, **environment):
    """A process for as long as the block runs."""
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def scheduler_of(folder, workers=1):
    """A scheduler and workers as people start them; its process and its address."""
    file, here = folder / "scheduler.json", ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file")
    dask = (sys.executable, "-m", "dask")
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(started(*dask, "scheduler", "--port", "0", *here, file))
        for _ in range(workers):
            one = ("--nthreads", "1", "--no-nanny")
            stack.enter_context(started(*dask, "worker", *one, *here, file, PYTHONPATH=str(Path(__file__).parent)))
        deadline = time.monotonic() + 20
        while not file.exists() or not file.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, json.loads(file.read_text())["address"]


def test_a_scheduler_that_is_lost_leaves_what_was_kept(tmp_path, small_blocks):
    chosen = DreamSettings(**CHOSEN)

    def lose(step):
        if step.octave == 2 and step.step == 1:
            process.kill()

    with (
        pytest.raises(ClusterError, match="is lost") as told,
        scheduler_of(tmp_path) as (process, address),
        connect(scheduler=address) as client,
    ):
        dreamt(tmp_path / "run", photograph(), chosen, OnWorkers(client), lose)
    assert told.value.exit_code == 5
    assert journal.read(tmp_path / "run")["state"]["octave"] == 1
    together = dreamt(tmp_path / "run", photograph(), chosen)
    assert torch.equal(together, dreamt(tmp_path / "alone", photograph(), chosen))
