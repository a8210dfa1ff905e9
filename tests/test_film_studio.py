"""Films of a painting of the studio: the zoom, the strokes in time, and the job that makes them."""

import io
from dataclasses import replace
from fractions import Fraction
from threading import Event

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("av", reason="needs the extra `film`")
pytest.importorskip("cv2", reason="needs the extra `film`")

import av

from phosphene.errors import SettingsError, StopRequested
from phosphene.films import strokes
from phosphene.films.flight import ZoomOptions
from phosphene.films.strokes import StrokesInTime, frame_size
from phosphene.images import Picture
from phosphene.painting.document import Brush, Document, Ground, Look, Stroke
from phosphene.painting.engine import PaintEngine
from phosphene.painting.look_cache import LookCache
from phosphene.run import extras
from phosphene.sessions import service
from phosphene.sessions.service import Studio
from phosphene.studio import guard
from studio_fake import PATIENCE, ended

SIZE = (48, 64)
BRUSH = Brush(20, Look("dream", layer="block3"))
GROUND = Ground(Look("dream", layer="block3"), 0.5, (1, 2))  # stopped early, and so quick
PAINTED = Document(None, (Stroke(BRUSH, (((20, 20, 1),), ((40, 30, 1),))), Stroke(BRUSH, (((50, 10, 1),),))))


def blots():
    noise = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(3))
    return torch.nn.functional.interpolate(noise, SIZE, mode="bicubic").clamp(0, 1)


@pytest.fixture
def engine(efficientnet):
    def make():
        return PaintEngine(LookCache(efficientnet, Picture(blots(), None, 8, "blots.png", None)))

    return make


def in_time(document, engine, seconds=2.0, **more):
    return StrokesInTime(document, engine, SIZE, seconds, **more)


def test_the_strokes_come_one_after_the_other_and_the_painting_stands_at_the_end(engine):
    maker, whole = in_time(PAINTED, engine()), engine()
    frames = [frame.pixels for frame in maker.frames(0, {})]
    for _ in whole.paint(PAINTED):
        pass
    assert len(frames) == maker.count == 48
    assert torch.equal(frames[0], blots())
    assert all(torch.equal(frame, whole.pixels) for frame in frames[24:])
    assert not torch.equal(frames[23], whole.pixels)
    changed = [float((frame - blots()).abs().sum()) for frame in frames]
    assert changed[:24] == sorted(changed[:24])
    assert torch.equal(frames[8][..., 40:], blots()[..., 40:])  # where only the later touches are


def test_the_ground_fades_in_first(engine):
    document = Document(GROUND, PAINTED.strokes)
    frames = [frame.pixels for frame in in_time(document, engine()).frames(0, {})]
    grown = engine()
    grown.grow(GROUND)
    assert torch.allclose(frames[3], torch.lerp(blots(), grown.pixels, 0.5), atol=1e-6)
    assert torch.allclose(frames[6], grown.pixels, atol=1e-6)
    alone = [frame.pixels for frame in in_time(Document(GROUND), engine()).frames(0, {})]
    assert torch.allclose(alone[12], torch.lerp(blots(), grown.pixels, 0.5), atol=1e-6)
    assert torch.equal(alone[-1], grown.pixels)


@pytest.mark.parametrize("first", [1, 9, 30])
def test_a_film_goes_on_bit_for_bit_where_it_stopped(engine, first):
    document = Document(GROUND, PAINTED.strokes)
    whole = [frame.pixels for frame in in_time(document, engine()).frames(0, {})]
    begun = in_time(document, engine())
    for _, _ in zip(range(first), begun.frames(0, {}), strict=False):
        pass
    state = {name: tensor.clone() for name, tensor in begun.state().items()}
    rest = list(in_time(document, engine()).frames(first, state))
    assert [frame.number for frame in rest] == list(range(first, 48))
    assert rest[0].seconds == Fraction(first, 24)
    assert all(torch.equal(frame.pixels, whole[frame.number]) for frame in rest)


@pytest.mark.parametrize("first", [9, 13, 17, 21])
def test_a_film_of_an_adjusted_painting_ends_as_it_is(engine, first):
    hidden, faded = replace(PAINTED.strokes[0], visible=False), replace(PAINTED.strokes[0], opacity=0.4)
    document = Document(GROUND, (hidden, faded), ground_opacity=0.5, opacity=0.8)
    whole = [frame.pixels for frame in in_time(document, engine()).frames(0, {})]
    painted = engine()
    for _ in painted.paint(document):
        pass
    painted.opacity = document.opacity
    assert torch.allclose(whole[-1], painted.visible(painted.pixels), atol=1e-6)
    begun = in_time(document, engine())
    for _, _ in zip(range(first), begun.frames(0, {}), strict=False):
        pass
    state = {name: tensor.clone() for name, tensor in begun.state().items()}
    rest = in_time(document, engine()).frames(first, state)
    assert all(torch.equal(frame.pixels, whole[frame.number]) for frame in rest)


def test_a_stop_while_the_ground_grows_ends_the_film(engine):
    def stop(_):
        raise StopRequested

    document = Document(Ground(GROUND.look, 0.5), ())
    with pytest.raises(StopRequested):
        list(in_time(document, engine(), on_step=stop).frames(0, {}))


def test_frames_are_even_and_small():
    assert frame_size((2000, 3001)) == (480, 720)
    assert frame_size((3, 51)) == (2, 50)


def test_a_zoom_begins_near_the_painting_and_dreams_what_it_dreams(engine, tmp_path):
    painted = engine()
    for _ in painted.paint(PAINTED):
        pass
    film = strokes.zoom_film(PAINTED, painted, tmp_path / "zoom.mp4", ZoomOptions(1))
    first = next(iter(film.maker.frames(0, {}))).pixels
    assert float((first - painted.pixels).abs().mean()) < 0.05
    assert film.maker._prepared.settings.layer == "block3"
    bare = strokes.zoom_film(Document(), painted, tmp_path / "zoom.mp4", ZoomOptions(1))
    assert bare.maker._prepared.settings.layer != "block3"


# The job


@pytest.fixture
def session(tmp_path, monkeypatch, efficientnet):
    """A small painting of one stroke."""
    monkeypatch.setattr(service.networks, "load", lambda *_, **__: efficientnet)
    monkeypatch.setattr(service, "BEGINNING", GROUND)
    studio, file = Studio(tmp_path / "paintings"), io.BytesIO()
    Image.fromarray((blots()[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)).save(file, "PNG")
    session = studio.open(file.getvalue(), "blots.png")
    for job in session.jobs.values():
        ended(job)
    session.stroke(BRUSH, ((20, 20, 1),), 0)
    yield session
    studio.close()


@pytest.mark.parametrize(("kind", "loop"), [("zoom", True), ("strokes", False)])
def test_a_film_is_made_and_can_be_played(session, kind, loop):
    job = ended(session.background.film(kind, 1, loop=loop))
    assert job.state == "done", job.message
    assert job.result["name"] == f"blots-{kind}.mp4"
    assert (job.result["width"], job.result["height"], job.media_type) == (64, 48, "video/mp4")
    assert job.result["bytes"] == job.result_file.stat().st_size
    with av.open(str(job.result_file)) as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(pictures) == 24
    assert [path.name for path in job.result_file.parent.iterdir()] == [job.id]
    if kind == "strokes":
        finished = session.engine.pixels[0].permute(1, 2, 0).numpy() * 255
        assert np.abs(pictures[-1] - finished).mean() < 12


@pytest.mark.parametrize("kind", ["zoom", "strokes"])
def test_a_cancelled_film_leaves_nothing(session, kind):
    frames = Event()
    session.listen(lambda event: frames.set() if isinstance(event, dict) and event.get("job", {}).get("done") else None)
    job = session.background.film(kind, 60)
    assert frames.wait(PATIENCE)
    job.cancel()
    assert ended(job).state == "cancelled"
    assert job.result_file is None
    assert not list((session.folder.path / "renders").iterdir())


def test_without_pyav_a_film_is_refused_in_words(session, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name, name="av")

    monkeypatch.setattr(extras, "import_module", missing)
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"phosphene\[film\]") as refused:
        session.background.film("zoom", 4)
    assert extras.films_missing() == str(refused.value)


def test_the_page_may_play_what_the_studio_made():
    assert "media-src 'self';" in guard._POLICY
