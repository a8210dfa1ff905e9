import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import phosphene
from phosphene import batch, networks, run
from phosphene.batch import Input
from phosphene.errors import ImageError, SettingsError, StopRequested, UnknownNameError
from phosphene.recipes.settings import DreamSettings
from phosphene.techniques import DREAM
from phosphene.techniques.opening import Opening

QUICK = {"octaves": 1, "steps": 1}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with two pictures, a folder of three, and things that are no pictures."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))
    (tmp_path / "trip").mkdir()
    for name in ("photo.jpg", "photo[1].png", "trip/b.png", "trip/a.JPG", "trip/c.webp", "trip/a-dream.png"):
        picture.save(tmp_path / name)
    for name in ("trip/notes.txt", "trip/a-dream-redo2.png", "trip/.hidden.png"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / "trip" / "deeper.png").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*given):
    found, _ = batch.expand(given)
    return [Path(each.name).as_posix() for each in found]


def outputs(*given, **more):
    return [job.output and job.output.as_posix() for job in batch.plan(given, **more).jobs]


def test_folders_give_their_pictures_sorted_and_no_dreams(here):
    assert names("trip") == ["trip/a.JPG", "trip/b.png", "trip/c.webp"]


def test_patterns_are_expanded(here):
    assert names("trip/*.png") == ["trip/b.png"]
    assert names("**/*.webp") == ["trip/c.webp"]


def test_a_file_called_like_a_pattern_is_that_file(here):
    assert names("photo[1].png") == ["photo[1].png"]


def test_a_picture_named_twice_is_read_once(here):
    assert names("trip/b.png", "trip", "./trip/b.png") == ["trip/b.png", "trip/a.JPG", "trip/c.webp"]


def test_a_dream_can_be_asked_for_by_name(here):
    assert names("trip/a-dream.png") == ["trip/a-dream.png"]


@pytest.mark.parametrize(
    ("given", "many"),
    [(["photo.jpg"], False), (["trip"], True), (["trip/b.*"], True), (["photo.jpg", "clouds"], True), (["-"], False)],
)
def test_what_is_a_batch(here, given, many):
    assert batch.expand(given)[1] is many


def test_a_file_comes_before_the_canvas_of_its_name(here):
    assert batch.expand(["clouds"])[0] == [Input("clouds", "canvas")]
    Path("clouds").write_bytes(Path("photo.jpg").read_bytes())
    assert batch.expand(["clouds"])[0] == [Input("clouds", "file")]


def test_outputs_lie_beside_their_inputs(here):
    assert outputs("photo.jpg") == ["photo-dream.png"]
    assert outputs("trip/b.png", "clouds", "-") == ["trip/b-dream.png", "clouds-dream.png", "stdin-dream.png"]


def test_outputs_in_a_folder(here):
    Path("dreams").mkdir()
    assert outputs("trip", output="dreams") == ["dreams/a-dream.png", "dreams/b-dream.png", "dreams/c-dream.png"]
    assert outputs("clouds", output="dreams/") == ["dreams/clouds-dream.png"]


def test_templates(here):
    chosen = DreamSettings(seed=7, layer="inception_4c/output,block5:0.5")
    template = "{stem}_{preset}_{layer}_{seed:03}_{steps}.{ext}"
    made = outputs("photo.jpg", output=template, requested={**chosen.to_dict(), "preset": "neon"})
    assert made == [f"photo_neon_inception_4c-output,block5-0.5_007_{chosen.steps}.jpg"]
    assert outputs("trip", output="{stem}.{ext}", requested=chosen.to_dict()) == ["a.jpg", "b.png", "c.webp"]


def test_a_template_reaches_nothing_but_its_names(here):
    with pytest.raises(UnknownNameError):
        batch.plan(["photo.jpg"], "{stem.__class__}.png")


@pytest.mark.parametrize("template", ["{tile:d}.png", "{seed:s}.png", "{stem", "{0}.png"])
def test_a_template_that_cannot_be_filled(here, template):
    with pytest.raises((SettingsError, UnknownNameError), match=r"template|unknown"):
        batch.plan(["photo.jpg"], template)


def test_a_pipe(here):
    assert outputs("photo.jpg", output="-") == [None]


def test_dreams_in_the_same_folder_are_not_dreamt_upon_again(here):
    for name in "ab":
        (here / "trip" / f"{name}_new.png").write_bytes(Path("photo.jpg").read_bytes())
    template = os.path.join("trip", "{stem}_new.png")  # noqa: PTH118
    assert outputs("trip", output=template) == ["trip/a_new.png", "trip/b_new.png", "trip/c_new.png"]


@pytest.mark.parametrize("output", ["one.png", "{seed}.png"])
def test_two_dreams_never_share_a_file(here, output):
    with pytest.raises(SettingsError, match="3 pictures would all become"):
        batch.plan(["trip"], output)


def test_an_input_is_never_replaced(here):
    with pytest.raises(SettingsError, match="own input"):
        batch.plan(["photo.jpg"], "photo.jpg", force=True)


def test_an_existing_output_is_refused_for_one_picture_and_kept_for_a_batch(here):
    Path("photo-dream.png").touch()
    with pytest.raises(ImageError, match="--force"):
        batch.plan(["photo.jpg"], "photo-dream.png")
    assert outputs("photo.jpg", force=True) == ["photo-dream.png"]
    assert outputs("photo.jpg", "trip/b.png") == ["photo-dream.png", "trip/b-dream.png"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom folders can refuse")
def test_a_folder_that_may_not_be_written(here):
    Path("trip").chmod(0o500)
    try:
        with pytest.raises(ImageError, match="may not write"):
            batch.plan(["trip/b.png"])
    finally:
        Path("trip").chmod(0o700)


def test_a_second_name_is_free(here):
    assert batch.again(Path("trip/a-dream.png")).name == "a-dream-redo.png"
    Path("trip/a-dream-redo.png").touch()
    assert batch.again(Path("trip/a-dream.png")).name == "a-dream-redo3.png"
    assert batch.again(Path("x.gif")).name == "x-redo.png"


def standing(job, *, size=(32, 24), long_side=None, **more):
    opening = Opening(size if job.source.kind == "canvas" else None, long_side)
    ready = run.prepare(DREAM, DreamSettings(**QUICK, **more), networks.load(), opening=opening)
    return batch.standing(job, ready, ready.check())


def test_an_interrupted_dream_counts_as_unfinished(here):
    def stop(step):
        raise StopRequested

    job = batch.plan(["photo.jpg"]).jobs[0]
    phosphene.dream("photo.jpg", on_step=stop, **QUICK).save(job.output)
    assert standing(job) == "unfinished"
    assert standing(job, seed=1) == "other"


@pytest.mark.parametrize("name", ["photo.jpg", "clouds"])
def test_only_the_same_dream_counts_as_made(here, name):
    job = batch.plan([name]).jobs[0]
    assert standing(job) == "other"
    phosphene.dream(name, size=(32, 24) if name == "clouds" else None, **QUICK).save(job.output)
    assert standing(job) == "finished"
    assert standing(job, seed=1) == "other"
    if name == "photo.jpg":
        assert standing(job, long_side=16) == "other"
        Path(name).write_bytes(Path(name).read_bytes() + b"\0")
        assert standing(job) == "other"
    else:
        assert standing(job, size=(24, 32)) == "other"
