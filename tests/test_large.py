"""Pictures in files: windows, blocks, and dreams that equal those in memory."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tiny
from phosphene import images
from phosphene.ascent import StepRule, executor, gradient, planning
from phosphene.cli import main
from phosphene.errors import RecordError
from phosphene.images.rasters import Raster
from phosphene.objectives import layer
from phosphene.pixels import transforms
from phosphene.pixels.transforms import resize_rows, roll, rows_for, scale_chroma_
from phosphene.recipes import dream as in_memory
from phosphene.recipes import large
from phosphene.recipes.settings import DreamSettings
from phosphene.records.journal import Journal


def raster_of(pixels, path):
    raster = Raster(path, *pixels.shape[-2:], kind="f8").create()
    raster.write(pixels)
    return raster


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_window_of_a_raster_is_one_of_the_shifted_picture(tmp_path_factory, data):
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    shift = data.draw(st.tuples(st.integers(-99, 99), st.integers(-99, 99)))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    rows, columns = slice(top, data.draw(st.integers(top + 1, height))), slice(left, width)
    pixels = torch.rand(1, 3, height, width, dtype=torch.float64)
    raster = raster_of(pixels, tmp_path_factory.mktemp("raster") / "pixels.raw")
    window = raster.read(rows, columns, shift=shift, dtype=torch.float64)
    assert torch.equal(window, roll(pixels, *shift)[..., rows, columns])
    raster.write(window + 1, rows, columns, shift=shift)
    changed = roll(raster.read(dtype=torch.float64), *shift)
    assert torch.equal(changed[..., rows, columns], window + 1)
    assert float((changed - roll(pixels, *shift)).sum()) == pytest.approx(window.numel())


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_whole_numbers_come_back(tmp_path, kind):
    raster = Raster(tmp_path / "numbers.raw", 5, 7, 4, kind).create()
    pixels = torch.rand(1, 4, 5, 7)
    raster.write(pixels)
    assert (raster.read(dtype=torch.float32) - pixels).abs().max() <= 0.5 / (255 if kind == "u1" else 65535) + 1e-6


def test_a_raster_that_is_cut_is_refused(tmp_path):
    raster = Raster(tmp_path / "pixels.raw", 5, 7).create()
    raster.path.write_bytes(raster.path.read_bytes()[:-1])
    with pytest.raises(RecordError, match="not whole"):
        raster.check()
    with pytest.raises(RecordError, match="ends too early"):
        raster.read(dtype=torch.float32)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 80), st.integers(1, 80), st.data())
def test_rows_are_resized_as_the_whole_is(height, width, new_height, new_width, data):
    x = torch.rand(1, 3, height, width, dtype=torch.float64)
    start = data.draw(st.integers(0, new_height - 1))
    rows = slice(start, data.draw(st.integers(start + 1, new_height)))
    needed = rows_for(rows, height, new_height, x.dtype)
    part = resize_rows(x[:, :, needed], rows, top=needed.start, source=(height, width), size=(new_height, new_width))
    torch.testing.assert_close(part, transforms.resize(x, new_height, new_width)[:, :, rows], rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=20)
@given(
    st.integers(33, 700),
    st.integers(33, 400),
    st.sampled_from(["mean", "std", "laplacian"]),
    st.sampled_from([(), (1.0, 0.7, 0.3, 0.3, 0.3)]),
)
def test_blocks_are_normalised_as_the_whole_is(height, width, by, bands):
    rule = StepRule(1.3, 32, by, 0.5, "soft", bands=bands)
    g = torch.randn(1, 3, height, width, dtype=torch.float64) * torch.linspace(0.1, 3, width, dtype=torch.float64)
    wanted = gradient.normalise_(scale_chroma_(g.clone(), 0.5), by, bands=bands)
    found = torch.full_like(g, torch.nan)
    boxes = executor.blocks(height, width, 260)
    parts = [executor.sums(g[(..., *box.context)].clone(), box, rule) for box in boxes]
    sizes = executor.sizes(tuple(map(sum, zip(*parts, strict=True))), rule, height, width)
    for box in boxes:
        found[(..., *box.core)] = executor.change(g[(..., *box.context)].clone(), box, sizes, rule)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)


def dreamt_on_disk(folder, pixels, network, chosen, on_step=None):
    journal = Journal(folder, {"settings": chosen.to_dict()}).open()
    journal.room_for(1)
    source = raster_of(pixels, folder / "source.raw")
    objective = layer("deep").prepare(network)
    sizes = in_memory.sizes_of(chosen, *source.size)
    tilings = planning.plan(network, objective, sizes=sizes, tile=chosen.tile, overlap=chosen.overlap, memory=None)
    dreamt = large.dream(source, network, objective, settings=chosen, tilings=tilings, journal=journal, on_step=on_step)
    return dreamt.read(dtype=torch.float64).clamp(0, 1)


CHOSEN = {"octaves": 3, "octave_scale": 1.5, "steps": 2, "tile": 128, "overlap": "20", "jitter": 40}


@pytest.mark.parametrize(("by", "base"), [("mean", 0), ("std", 120), ("laplacian", 120), ("laplacian", 800)])
def test_a_dream_on_disk_is_the_one_in_memory(tmp_path, monkeypatch, by, base):
    monkeypatch.setattr(executor, "SIDE", 230)
    monkeypatch.setattr(large, "STRIP", 278 * 50)
    network, chosen = tiny(torch.float64), DreamSettings(**CHOSEN, normalise=by, base_size=base, dtype="float64")
    pixels = torch.rand(1, 3, 301, 278, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wanted = in_memory.dream(pixels, network, layer("deep").prepare(network), settings=chosen)
    assert (wanted - pixels).abs().mean() > 0.005
    torch.testing.assert_close(dreamt_on_disk(tmp_path / "run", pixels, network, chosen), wanted, rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 190))
def test_a_dream_on_disk_goes_on_where_it_stopped(tmp_path_factory, count):
    """Stopped at any tile, with a journal that is older or newer than the last block."""
    folder = tmp_path_factory.mktemp("run") / "run"
    network, chosen = tiny(torch.float64), DreamSettings(**CHOSEN, dtype="float64")
    pixels = torch.rand(1, 3, 150, 131, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    left = [count]

    def stop(_):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "SIDE", 230)
        patch.setattr("phosphene.records.journal.PAUSE", 0.0 if count % 2 else 1e9)
        wanted = in_memory.dream(pixels, network, layer("deep").prepare(network), settings=chosen)
        with contextlib.suppress(KeyboardInterrupt):
            dreamt_on_disk(folder, pixels, network, chosen, stop)
        found = dreamt_on_disk(folder, pixels, network, chosen)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)


def test_a_step_in_single_precision_is_the_one_in_memory(tmp_path, monkeypatch, efficientnet):
    monkeypatch.setattr(executor, "SIDE", 230)
    chosen = DreamSettings(octaves=1, steps=1, layer="block3", tile=128, overlap="20", clip="none")
    pixels = torch.rand(1, 3, 301, 278, generator=torch.Generator().manual_seed(1))
    change = in_memory.dream(pixels, efficientnet, settings=chosen) - pixels
    journal = Journal(tmp_path / "run", {})
    journal.room_for(1)
    source = Raster(tmp_path / "source.raw", 301, 278).create()
    source.write(pixels)
    objective = layer("block3").prepare(efficientnet)
    tilings = in_memory.tilings_of(efficientnet, objective, chosen, [source.size])
    told = {"settings": chosen, "tilings": tilings, "journal": journal}
    found = large.dream(source, efficientnet, objective, **told).read(dtype=torch.float32).clamp(0, 1) - pixels
    assert (found - change).norm() < 5e-3 * change.norm()


def test_a_dream_on_disk_draws_its_regions(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "LARGE", 1000)
    images.save(torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(1)), tmp_path / "large.png")
    line = f"{tmp_path / 'large.png'} -o {tmp_path / 'x.png'} --layer block2 --octaves 1 --steps 1 -q --show-regions"
    with pytest.raises(SystemExit) as ended:
        main([*line.split(), str(tmp_path / "regions.png")])
    assert not ended.value.code
    assert images.load(tmp_path / "regions.png").pixels.shape[-1] > 160
