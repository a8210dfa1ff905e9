"""Many workers: real processes, of which one is killed; the same pixels, and few bytes between them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("distributed")

from conftest import TinyNetwork, tiny
from phosphene import images
from phosphene.ascent import executor, planning
from phosphene.cli import main
from phosphene.cluster import ClusterExecutor, connect, pool, tasks
from phosphene.cluster.tasks import window as put_together
from phosphene.errors import ClusterError
from phosphene.images.rasters import Raster
from phosphene.objectives import layer
from phosphene.pixels import tiles
from phosphene.pixels.transforms import roll
from phosphene.recipes import large
from phosphene.recipes.dream import sizes_of
from phosphene.recipes.settings import DreamSettings
from phosphene.records import journal
from phosphene.records.journal import Journal

PIXEL = 3 * 8  # bytes


@pytest.fixture(scope="module")
def client():
    with connect(workers=3, threads=1) as found:
        yield found


def sharded(pixels, rows, shift):
    """A picture's shards as arrays, in the picture as it lies shifted."""
    lying = roll(pixels, *shift)
    shards = [tasks.Shard(row.core, row.owner, lying[(..., *row.core)].numpy()) for row in rows]
    return tasks.ShardedImage(tuple(pixels.shape[-2:]), shards, shift)


@settings(deadline=None, max_examples=60)
@given(st.integers(40, 90), st.integers(40, 90), st.integers(1, 5), st.data())
def test_windows_come_together_from_shards(height, width, count, data):
    boxes = tiles.boxes(height, width, tile=40, overlap=8, stride=4)
    rows = tasks.assign(boxes, [f"worker {number}" for number in range(count)])
    assert [box for row in rows for box in row.boxes] == boxes
    shifts = st.tuples(st.integers(-99, 99), st.integers(-99, 99))
    lying, shift, wanted = data.draw(shifts), data.draw(shifts), data.draw(st.sampled_from(rows)).context
    pixels = torch.rand(1, 3, height, width, dtype=torch.float64)
    pieces = list(sharded(pixels, rows, lying).pieces(wanted, shift))
    size = tuple(side.stop - side.start for side in wanted)
    found = put_together(size, [place for _, place in pieces], [shard.held for shard, _ in pieces])
    assert np.array_equal(found, roll(pixels, *shift)[(..., *wanted)].numpy())


@pytest.mark.parametrize("count", [1, 3, 4, 50])
def test_boxes_are_shared_out_evenly(count):
    boxes = tiles.boxes(3000, 4000, tile=640, overlap=100, stride=16)
    rows = tasks.assign(boxes, range(count))
    counts = [sum(len(row.boxes) for row in rows if row.owner == owner) for owner in range(count)]
    assert max(counts) - min(counts) <= 1


CHOSEN = {
    "octaves": 2, "octave_scale": 1.5, "base_size": 0, "steps": 3, "tile": 128, "overlap": "20", "jitter": 12,
    "dtype": "float64",
}  # fmt: skip
SIZE = (900, 151)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(executor, "SIDE", 340)
    monkeypatch.setattr(pool, "POLL", 0.01)


def photograph(size=SIZE):
    return torch.rand(1, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def dreamt(folder, pixels, chosen, hand=executor.DiskExecutor, on_step=None, network=None):
    network = network or tiny(torch.float64)
    log = Journal(folder, {"settings": chosen.to_dict()}).open()
    log.room_for(1)
    source = Raster(folder / "source.raw", *pixels.shape[-2:], kind="f8").create()
    source.write(pixels)
    objective = layer("deep").prepare(network)
    sizes = sizes_of(chosen, *source.size)
    tilings = planning.plan(network, objective, sizes=sizes, tile=chosen.tile, overlap=chosen.overlap, memory=None)
    told = {"settings": chosen, "tilings": tilings, "journal": log, "on_step": on_step, "make_executor": hand}
    return large.dream(source, network, objective, **told).read(dtype=torch.float64)


def sent_by(client, work):
    """Bytes that workers wrote to each other and to us while something was done: messages, with all around the data."""
    client.run(lambda dask_worker: dask_worker.transfer_outgoing_log.clear())
    work()
    found = client.run(lambda dask_worker: sum(each["compressed"] for each in dask_worker.transfer_outgoing_log))
    return sum(found.values())


@pytest.mark.parametrize("by", ["mean", "laplacian"])
def test_a_dream_on_three_workers_is_the_one_alone(tmp_path, client, small_blocks, by):
    chosen = DreamSettings(**CHOSEN, normalise=by)
    alone = dreamt(tmp_path / "alone", photograph(), chosen)
    assert (alone - photograph()).abs().mean() > 0.005
    shares = []
    together = dreamt(
        tmp_path / "together", photograph(), chosen, ClusterExecutor(client), lambda step: shares.append(step.done)
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

    together = dreamt(tmp_path / "together", photograph(), chosen, ClusterExecutor(client), kill)
    assert killed
    assert killed[0] not in client.run(os.getpid).values()
    assert torch.equal(together, dreamt(tmp_path / "alone", photograph(), chosen))
    client.wait_for_workers(3, timeout=30)


def test_only_what_borders_need_crosses_the_wire(tmp_path, client, small_blocks):
    """At a border: contexts of tiles and blocks, shifts, a row that two share, and where blocks end elsewhere."""
    height, width, borders, tile = 6000, 64, 2, 88

    def sent_in(steps):
        chosen, folder = DreamSettings(**CHOSEN | {"octaves": 1, "steps": steps}), tmp_path / f"run{steps}"
        return sent_by(client, lambda: dreamt(folder, photograph((height, width)), chosen, ClusterExecutor(client)))

    each = sent_in(3) - sent_in(2)
    rows = 2 * (20 + 4) + 2 * (executor.HALO + executor.GRAIN) + 3 * 2 * 12 + 2 * tile
    assert 0 < each <= 1.1 * borders * rows * width * PIXEL
    assert each <= 0.25 * height * width * PIXEL


class Heavy(TinyNetwork):
    """A network with weights that are worth counting; each process counts how often it got them."""

    arrived = 0

    def __init__(self, dtype):
        super().__init__(dtype)
        self.ballast = os.urandom(4_000_000)

    def __setstate__(self, state):
        self.__dict__ = state
        Heavy.arrived += 1


def test_weights_are_sent_once(tmp_path, client, small_blocks):
    network, chosen = tiny(torch.float64), DreamSettings(**CHOSEN)
    heavy = replace(network, iter_layers=Heavy(torch.float64).iter_layers)

    def dream(name, network):
        dreamt(tmp_path / name, photograph((300, 151)), chosen, ClusterExecutor(client), network=network)

    light = sent_by(client, lambda: dream("light", network))
    assert sent_by(client, lambda: dream("heavy", heavy)) - light <= 2.1 * 4_000_000  # from one worker to two
    assert set(client.run(lambda: sys.modules["test_cluster"].Heavy.arrived).values()) == {1}


def test_a_dream_that_is_interrupted_goes_on_alone(tmp_path, client, small_blocks):
    """What the workers had come to is fetched, and noted."""
    chosen = DreamSettings(**CHOSEN)

    def stop(step):
        if step.octave == 2 and step.step == 1 and step.done % 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dreamt(tmp_path / "run", photograph(), chosen, ClusterExecutor(client), stop)
    noted = journal.read(tmp_path / "run")["state"]
    assert (noted["octave"], noted["step"]) == (1, 1)
    assert torch.equal(dreamt(tmp_path / "run", photograph(), chosen), dreamt(tmp_path / "alone", photograph(), chosen))


def test_pixels_are_kept_now_and_then(tmp_path, client, small_blocks, monkeypatch):
    monkeypatch.setattr(journal, "PAUSE", 0.0)
    monkeypatch.setattr("phosphene.cluster.sharded.RARELY", 0)
    steps = []

    def note(self, **state):
        self.state.update(state)
        steps.append(self.state["step"])

    monkeypatch.setattr(Journal, "note", note)
    dreamt(tmp_path / "run", photograph((300, 151)), DreamSettings(**CHOSEN | {"octaves": 1}), ClusterExecutor(client))
    assert steps == [0, 0, 0, 1, 2, 3]


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
        pytest.raises(ClusterError, match="The scheduler") as told,
        scheduler_of(tmp_path) as (process, address),
        connect(scheduler=address) as client,
    ):
        dreamt(tmp_path / "run", photograph(), chosen, ClusterExecutor(client), lose)
    assert told.value.exit_code == 5
    assert journal.read(tmp_path / "run")["state"]["octave"] == 1
    together = dreamt(tmp_path / "run", photograph(), chosen)
    assert torch.equal(together, dreamt(tmp_path / "alone", photograph(), chosen))


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Four pictures, a file that is none, and a guide; all commands use the same three workers."""
    for number in range(4):
        array = np.random.default_rng(number).integers(0, 256, (40 + 8 * number, 48, 3), np.uint8)
        (tmp_path / "trip").mkdir(exist_ok=True)
        Image.fromarray(array).save(tmp_path / "trip" / f"{number}.png")
    (tmp_path / "trip" / "bad.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def at_hand(client, monkeypatch):
    monkeypatch.setattr("phosphene.cluster.connect", lambda **_: contextlib.nullcontext(client))


def told(capsys, *words):
    """Exit code, lines of JSON, and what was said."""
    with pytest.raises(SystemExit) as ended:
        main(["dream", *words])
    out, said = capsys.readouterr()
    return ended.value.code, [json.loads(line) for line in out.splitlines()], said


QUICK = ("--octaves", "1", "--steps", "1", "--threads", "1", "--json")


def test_a_folder_on_workers_is_the_one_alone(pictures, at_hand, capsys):
    more = ("--guide", "trip/0.png", "--layer", "block3")
    for folder in ("alone", "together"):
        (pictures / folder).mkdir()
    alone = told(capsys, "trip", *QUICK, *more, "-o", "alone/")
    together = told(capsys, "trip", *QUICK, *more, "-o", "together/", "--workers", "3")
    assert alone[0] == together[0] == 1
    assert len(together[1]) == 5
    assert [line["exit_code"] for line in together[1] if "error" in line] == [2]
    assert "bad.png" in together[2]
    for number in range(4):
        name = f"{number}-dream.png"
        assert (pictures / "together" / name).read_bytes() == (pictures / "alone" / name).read_bytes()
    again = told(capsys, "trip", *QUICK, *more, "-o", "together/", "--workers", "3")
    assert [line.get("skipped") for line in again[1] if "error" not in line] == [True] * 4


def test_a_study_on_workers_is_the_one_alone(pictures, client, capsys, monkeypatch):
    monkeypatch.setattr("phosphene.cluster.connect", lambda **_: contextlib.nullcontext(client))
    rows = {}
    for folder, more in (("alone", ("--threads", "1")), ("together", ("--workers", "3"))):
        words = ("trip/0.png", "--vary", "layer=block3,block4", "--vary", "guide=none,trip/1.png", "-o", folder)
        with pytest.raises(SystemExit) as ended:
            main(["study", *words, "--octaves", "1", "--steps", "2", "--layer", "block3", "--json", *more])
        out, said = capsys.readouterr()
        assert ended.value.code == 0, said
        rows[folder] = {line["variant"]: line for line in map(json.loads, out.splitlines())}
    assert len(rows["alone"]) == 4
    for name, row in rows["alone"].items():
        other = rows["together"][name]
        assert {key: row[key] for key in row if key != "seconds"} == {
            key: other[key] for key in row if key != "seconds"
        }
        assert (pictures / "alone" / row["picture"]).read_bytes() == (
            pictures / "together" / row["picture"]
        ).read_bytes()


def test_a_large_picture_dreams_by_tiles(pictures, at_hand, capsys, monkeypatch):
    monkeypatch.setattr("phosphene.ascent.planning.LARGE", 1000)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 64, 3), np.uint8)).save("large.png")
    few = (*QUICK, "--layer", "block3", "--tile", "128", "--dtype", "float64")
    assert told(capsys, "large.png", *few, "-o", "alone.tif")[0] == 0
    assert told(capsys, "large.png", *few, "-o", "together.tif", "--workers", "3")[0] == 0
    alone, together = (images.load(name, dtype=torch.float64).pixels for name in ("alone.tif", "together.tif"))
    assert torch.equal(alone, together)


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("trip --workers 2 --scheduler tcp://127.0.0.1:1", 2, "Give one"),
        ("trip --workers 2 --preview small.png", 2, "--preview"),
        ("trip --scheduler tcp://127.0.0.1:1 --threads 2", 2, "--threads"),
        ("trip/0.png --workers 2", 2, "leave the flag out"),
        ("trip --workers 0", 2, "--workers"),
        ("trip --scheduler tcp://127.0.0.1:1", 5, "No scheduler answers at tcp://127.0.0.1:1"),
        ("trip --scheduler nonsense", 5, "tcp://HOST:8786"),
    ],
)
def test_mistakes(pictures, capsys, monkeypatch, line, code, says):
    monkeypatch.setattr("phosphene.cluster.pool.TIMEOUT", 1)
    found, _, said = told(capsys, *line.split())
    assert (found, says in said) == (code, True), said
    assert "Traceback" not in said


def test_without_dask(pictures, capsys, monkeypatch):
    monkeypatch.delattr("phosphene.cluster")
    for name in [name for name in sys.modules if name.startswith("phosphene.cluster")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, said = told(capsys, "trip", "--workers", "2")
    assert code == 5
    assert "pip install 'phosphene[distributed]'" in said


def test_a_scheduler_without_workers(tmp_path, monkeypatch):
    monkeypatch.setattr("phosphene.cluster.pool.TIMEOUT", 1)
    with (
        scheduler_of(tmp_path, workers=0) as (_, address),
        pytest.raises(ClusterError, match="has no workers"),
        connect(scheduler=address),
    ):
        pass


def test_workers_of_another_version_are_refused(client):
    def pretend(version):
        """Makes a worker believe so."""
        found = sys.modules["distributed.versions"]
        found.true = getattr(found, "true", found._version_cached)
        found._version_cached = lambda name: version if name == "phosphene" and version else found.true(name)

    [worker, *_] = client.nthreads()
    client.run(pretend, "0.0.9", workers=[worker])
    try:
        with pytest.raises(ClusterError) as refused, connect(scheduler=client.scheduler.address):
            pass
    finally:
        client.run(pretend, None, workers=[worker])
    assert f"{worker} has phosphene 0.0.9 (here " in str(refused.value)
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("error", [OSError(30, "Read-only file system"), ImportError("no working sem_open")])
def test_without_shared_memory_it_is_said(monkeypatch, error):
    def refuse(_):
        raise error

    monkeypatch.setattr("multiprocessing.context.BaseContext.Lock", refuse)
    with pytest.raises(ClusterError, match=r"no shared memory.*(\n.*)*/dev/shm.*--workers"), connect(workers=2):
        pass


def test_workers_that_do_not_start_are_said(monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("Nanny failed to start.") from OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("phosphene.cluster.pool.LocalCluster", refuse)
    with pytest.raises(ClusterError, match="Resource temporarily unavailable"), connect(workers=2):
        pass
