"""Strokes and grounds adjusted after they were painted: opacity, the eye, the order, what is removed."""

import io
import time
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from conftest import tiny
from phosphene import images
from phosphene.errors import SettingsError
from phosphene.images import Picture
from phosphene.painting import engine as engines
from phosphene.painting.document import Adjustment, Brush, Document, Ground, Look, Stroke
from phosphene.painting.engine import PaintEngine
from phosphene.painting.history import History, read
from phosphene.painting.look_cache import LookCache
from phosphene.painting.render import coverage, enlarged, render
from phosphene.pixels import colours, transforms
from phosphene.pixels.transforms import resize
from phosphene.sessions import painter as painters
from phosphene.sessions import service

DREAM, ERASER = Look("dream", layer="deep"), Look("erase")
PLACES = ((30.0, 30.0), (44.0, 34.0), (70.0, 40.0))


def picture(size=(64, 96)):
    generator = torch.Generator().manual_seed(5)
    return Picture(0.25 + 0.5 * torch.rand(1, 3, *size, generator=generator), None, 8, "blots.png", None)


def stroke(place, look=DREAM, **more):
    return Stroke(Brush(40, look), (((*place, 1.0),), ((place[0] + 4, place[1], 1.0),)), **more)


def painted(*strokes, ground=None, **more):
    """A painting, and an engine that has painted it."""
    engine = PaintEngine(LookCache(tiny(), picture()))
    document = Document(ground, strokes, **more)
    list(engine.paint(document))
    return document, engine


THREE = (stroke(PLACES[0]), stroke(PLACES[1], ERASER), stroke(PLACES[2]))


def shown(engine, document):
    assert engine.composed(document)
    return engine.pixels.clone()


def test_strokes_laid_on_again_are_what_was_painted():
    document, engine = painted(*THREE, ground=Ground(DREAM, 1.0))
    before = engine.pixels.clone()
    assert torch.allclose(shown(engine, document), before, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2), st.floats(0, 1))
def test_opacity_goes_evenly_from_nothing_to_all(which, opacity):
    document, engine = painted(THREE[which])
    without = shown(engine, document.after(Adjustment(0, visible=False)))
    whole = shown(engine, document)
    half = shown(engine, document.after(Adjustment(0, opacity=opacity)))
    assert torch.allclose(half, torch.lerp(without, whole, round(opacity, 3)), atol=1e-5)
    assert torch.equal(without, engine.photograph)


def test_the_eye_takes_one_stroke_away_and_leaves_the_others():
    document, engine = painted(*THREE)
    hidden = shown(engine, document.after(Adjustment(0, visible=False)))
    assert torch.equal(hidden[..., :20, :20], engine.photograph[..., :20, :20])
    assert torch.allclose(hidden[..., 60:, 88:], shown(engine, document)[..., 60:, 88:])
    removed = document.after(Adjustment(0, removed=True))
    assert removed.strokes == THREE[1:]
    assert torch.equal(shown(engine, removed), hidden)


def test_an_eraser_under_a_dream_erases_nothing():
    """Moved below what it erased, it brings the photograph to itself."""
    document, engine = painted(THREE[0], stroke(PLACES[0], ERASER))
    moved = document.after(Adjustment(1, to=0))
    assert moved.strokes == (document.strokes[1], document.strokes[0])
    _, alone = painted(THREE[0])
    assert torch.allclose(shown(engine, moved), alone.pixels, atol=1e-5)


def test_luminosity_and_colour_are_parts_of_a_stroke():
    document, engine = painted(THREE[0])
    made = [shown(engine, document.after(Adjustment(0, blend=blend))) for blend in ("normal", "luminosity", "colour")]
    unclipped = torch.stack([((each > 0) & (each < 1)).all(1, keepdim=True) for each in made]).all(0)
    whole, light, hue = ((each - engine.photograph) * unclipped for each in made)
    assert float(unclipped.float().mean()) > 0.5
    assert torch.allclose(light + hue, whole, atol=1e-5)
    assert float(colours.parted(light)[1].abs().max()) < 1e-5
    assert float(colours.parted(hue)[0].abs().max()) < 1e-5
    assert float(light.abs().max()) > 0.01


def test_the_ground_fades_under_its_strokes():
    document, engine = painted(THREE[0], ground=Ground(DREAM, 1.0))
    faded = shown(engine, document.after(Adjustment("ground", opacity=0)))
    assert torch.equal(faded[..., 60:, 80:], engine.photograph[..., 60:, 80:])
    assert not torch.equal(faded[..., 20:40, 20:40], engine.photograph[..., 20:40, 20:40])


def test_a_painting_that_was_adjusted_is_painted_so_again():
    adjusted = (replace(THREE[0], opacity=0.4), replace(THREE[1], visible=False), replace(THREE[2], blend="luminosity"))
    document, engine = painted(*adjusted, ground=Ground(DREAM, 1.0), ground_opacity=0.5)
    again, other = painted(*adjusted, ground=Ground(DREAM, 1.0), ground_opacity=0.5)
    assert torch.equal(engine.pixels, other.pixels)
    assert torch.allclose(shown(engine, document), other.pixels, atol=1e-5)
    assert again == read(Document, document.to_dict())


def test_a_render_fades_as_the_view_does():
    full = picture((128, 192))
    document, engine = painted(*THREE, ground=Ground(DREAM, 1.0))
    whole, half, nothing = (
        render(replace(document, opacity=opacity), engine, full, lambda _: None) for opacity in (1.0, 0.5, 0.0)
    )
    assert torch.allclose(half, torch.lerp(full.pixels, whole, 0.5), atol=1e-6)
    assert torch.allclose(nothing, full.pixels, atol=1e-6)
    hidden = document.after(Adjustment("ground", opacity=0.0))
    hidden = replace(hidden, strokes=tuple(each.adjusted(Adjustment(0, visible=False)) for each in hidden.strokes))
    assert engine.composed(hidden)
    assert torch.allclose(render(hidden, engine, full, lambda _: None), full.pixels, atol=1e-6)


@pytest.mark.parametrize(
    "wish", [{"of": 0}, {"of": "all"}, {"of": "all", "visible": False}, {"of": "ground", "to": 1}, {"of": "stroke"},
             {"of": 0, "opacity": 2}, {"of": -1, "opacity": 1}, {"of": 0, "blend": "multiply"}],
)  # fmt: skip
def test_what_is_no_adjustment_is_refused(wish):
    with pytest.raises(ValidationError):
        Adjustment(**wish)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(
    Adjustment, st.integers(0, 4), st.sampled_from([0.0, 0.3, 1.0]), st.booleans(),
    st.sampled_from(["normal", "luminosity", "colour"]), st.none() | st.integers(0, 4), st.booleans(),
), max_size=6))  # fmt: skip
def test_histories_with_adjustments_are_read_as_they_were_written(adjustments):
    history = History()
    for event in (Ground(DREAM, 1.0), *THREE, *adjustments, Adjustment("all", opacity=0.5)):
        history = history.then(event)
    assert read(History, history.to_dict()) == history
    assert len(history.document.strokes) <= 3
    assert {each.touches for each in history.document.strokes} <= {each.touches for each in THREE}


# In the studio


@pytest.fixture
def session(tmp_path, monkeypatch, efficientnet):
    monkeypatch.setattr(painters, "PAUSE", 0.0)
    monkeypatch.setattr(service.networks, "load", lambda *_, **__: efficientnet)
    studio = service.Studio(tmp_path / "paintings")
    data = io.BytesIO()
    Image.fromarray((picture((90, 120)).pixels[0].permute(1, 2, 0).numpy() * 255).astype("uint8")).save(data, "PNG")
    opened = studio.open(data.getvalue(), "blots.png")
    opened.set_ground(None)
    settled(opened).painter.history = History()
    yield opened
    studio.close()


BRUSH = Brush(40, Look("dream", preset="quilt"))


def settled(session):
    deadline = time.monotonic() + 60
    while session.growing and time.monotonic() < deadline:
        time.sleep(0.01)
    session.worker.ask(lambda: None).result()
    return session


def screen(session):
    return images.load(session.view()).pixels


def test_adjustments_show_are_undone_and_kept(session):
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    session.stroke(BRUSH, ((90, 40, 1),), 0)
    before = screen(session)
    state = session.adjust(Adjustment(0, visible=False))
    assert [each["visible"] for each in state["layers"]] == [False, True]
    assert not state["growing"]
    hidden = screen(session)
    assert torch.equal(hidden[..., 20:40, 20:40], images.load(session.photograph()).pixels[..., 20:40, 20:40])
    session.undo()
    assert torch.equal(screen(session), before)
    session.redo()
    assert torch.equal(screen(session), hidden)
    assert session.state()["layers"][0]["visible"] is False


def test_opacity_of_all_is_shown_and_undone(session):
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    before = screen(session)
    for opacity in (0.8, 0.4, 0.0):
        state = session.adjust(Adjustment("all", opacity=opacity))
    assert state["opacity"] == 0
    assert len(session.history.events) == 2  # a slider that is turned on is one event
    assert torch.equal(screen(session), images.load(session.photograph()).pixels)
    session.undo()
    assert torch.equal(screen(session), before)


def test_all_of_it_fades_while_it_grows(session):
    session.set_ground(Ground(Look("dream", preset="quilt"), 1.0))
    state = session.adjust(Adjustment("all", opacity=0.0))
    assert state["growing"]
    settled(session)
    assert session.history.document.ground.until is None  # it was not stopped
    assert torch.equal(screen(session), images.load(session.photograph()).pixels)
    session.adjust(Adjustment("all", opacity=1.0))
    assert not torch.equal(screen(session), images.load(session.photograph()).pixels)


def test_strokes_are_undone_under_adjustments(session):
    bare = screen(session)
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    one = screen(session)
    session.adjust(Adjustment(0, opacity=0.5))
    session.stroke(BRUSH, ((80, 40, 1),), 0)
    both = screen(session)
    for _ in range(2):
        for wanted in (both, None, one, bare):
            assert wanted is None or torch.equal(screen(session), wanted)
            session.undo()
        for wanted in (one, None, both):
            session.redo()
            assert wanted is None or torch.equal(screen(session), wanted)


def test_a_ground_that_was_undone_does_not_come_back_by_fading(session):
    session.set_ground(Ground(Look("dream", preset="quilt"), 1.0))
    settled(session)
    session.undo()
    bare = screen(session)
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    session.adjust(Adjustment(0, visible=False))
    assert torch.equal(screen(session), bare)
    session.undo()
    session.undo()
    session.redo()
    session.adjust(Adjustment(0, opacity=0.0))
    assert torch.equal(screen(settled(session)), bare)


def test_a_ground_that_is_only_painted_again_is_not_cut_off(session):
    ground = Ground(Look("dream", preset="quilt"), 1.0)
    session.set_ground(ground)
    settled(session)
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    session.engine.restore(session.engine.pixels, session.history.document)
    for opacity in (0.9, 0.6, 0.3):  # each ends the painting again that the one before began
        session.adjust(Adjustment(0, opacity=opacity))
    settled(session)
    assert session.history.document.ground == ground
    assert len(session.history.events) == 3
    assert session.engine.composed(session.history.document)


def test_another_ground_while_all_of_it_grows_keeps_the_adjustment(session):
    session.set_ground(Ground(Look("dream", preset="quilt"), 1.0))
    session.adjust(Adjustment("all", opacity=0.5))
    session.set_ground(Ground(Look("dream", preset="quilt"), 0.5))
    settled(session)
    assert session.history.document.opacity == 0.5


def test_opacity_in_a_render_is_a_strokes_and_not_each_touchs():
    touches = tuple(((30.0, 30.0, 1.0),) for _ in range(20))
    document = Document(None, (Stroke(Brush(40, ERASER), touches, opacity=0.5),), ground_opacity=1.0)
    found = coverage(
        replace(document, ground=Ground(DREAM, 1.0)), PaintEngine(LookCache(tiny(), picture())).look_cache, 12
    )
    ((share, _),) = found.dreams.values()
    assert float(share[0, 0, 30, 30]) == pytest.approx(0.5, abs=0.01)


def test_a_reopened_painting_is_adjusted_by_painting_it_again(session, monkeypatch):
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    session.engine.restore(session.engine.pixels, session.history.document)
    state = session.adjust(Adjustment(0, opacity=0.0))
    assert state["strokes"] == 1
    assert torch.equal(screen(settled(session)), images.load(session.photograph()).pixels)


def test_a_style_is_sketched_then_refined_where_it_was_painted(session, monkeypatch):
    monkeypatch.setattr(engines, "SKETCH", 60)
    woodcut = Look("style", filter="woodcut")
    session.take_up(woodcut)
    stroke = session.begin(Brush(40, woodcut), ((60, 40, 1),))
    session.end()
    assert stroke.finished.wait(60)
    engine = settled_jobs(session).engine
    (layer,) = map(engine.layer, session.history.document.strokes)
    fine = engine.styled[woodcut]
    assert torch.allclose(layer.colours, layer.cover * fine[(..., *layer.box)])
    inside = slice(36, 44), slice(56, 64)
    assert float((engine.pixels - fine)[(..., *inside)].abs().mean()) < 0.05
    messages = [job.message for job in session.jobs.values() if job.kind == "look"]
    assert messages == ["preparing the brush woodcut", "refining the brush woodcut"]


def test_a_style_that_is_not_wanted_any_more_is_not_refined(session, monkeypatch):
    monkeypatch.setattr(engines, "SKETCH", 60)
    monkeypatch.setattr(engines.PaintEngine, "refine", lambda *_: pytest.fail("it was refined"))
    holds = session.worker.ask(lambda: time.sleep(0.3))
    session.take_up(Look("style", filter="woodcut"))
    holds.result()
    session.take_up(Look("dream", preset="quilt"))
    settled_jobs(session)


def settled_jobs(session):
    deadline = time.monotonic() + 100
    while any(not job.over for job in session.jobs.values()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return settled(session)


def test_a_stroke_that_is_not_there_is_refused(session):
    with pytest.raises(SettingsError, match="There is no stroke 3"):
        session.adjust(Adjustment(3, visible=False))


# Another dream, and one that is larger than its photograph


def test_another_seed_is_another_dream():
    grounds = [Ground(Look("dream", layer="deep", seed=seed), 1.0) for seed in (None, 0, 7)]
    usual, first, other = (painted(ground=ground)[1].pixels for ground in grounds)
    assert torch.equal(usual, first)
    assert not torch.equal(first, other)
    strokes = [stroke(PLACES[0], Look("dream", layer="deep", seed=seed)) for seed in (0, 7)]
    one, two = (painted(each)[1].pixels for each in strokes)
    assert not torch.equal(one, two)


def test_a_render_larger_than_the_photograph_is_sharp():
    """What is dreamt at twice the size has detail that enlarging the view has not."""
    document, engine = painted(*THREE, ground=Ground(DREAM, 2.0))
    photograph = picture()
    large = enlarged(photograph, 192, engine)
    assert large.pixels.shape[-2:] == (128, 192)
    assert enlarged(photograph, 96, engine) is photograph
    made = render(document, engine, large, lambda _: None)
    smooth = resize(engine.pixels, 128, 192)

    def finest(pixels):
        return float(transforms.laplacian_(pixels.clone(), 1)[0].square().mean())

    assert finest(made) > 1.2 * finest(smooth)


def test_the_studio_renders_larger_than_the_photograph(session):
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    job = session.background.render("png", 240)
    settled_jobs(session)
    assert (job.result["width"], job.result["height"]) == (240, 180)
