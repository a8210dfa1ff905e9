"""What computes for the studio: strokes that come first, the way back, and paintings that are kept."""

import contextlib
import errno
import gc
import io
import json
import math
import struct
import threading
import time
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import TypeAdapter

import phosphene
from phosphene import images
from phosphene.errors import ImageError, OutOfSpaceError, PhospheneError, SettingsError, UnknownNameError
from phosphene.painting.closeup import Part
from phosphene.painting.document import Brush, Ground, Look
from phosphene.recipes import style_settings
from phosphene.records import record
from phosphene.sessions import painter as live
from phosphene.sessions import painter as patches
from phosphene.sessions import service, store
from phosphene.sessions.jobs import Job, Rank, Worker
from phosphene.sessions.painter import LiveStroke, Painter
from phosphene.sessions.service import Studio
from phosphene.sessions.store import Store, checked_name
from phosphene.techniques import looks as look_files
from studio_fake import PATIENCE, ended

BRUSH = Brush(30, Look("dream", layer="block3"))
QUILT = Ground(Look("dream", preset="quilt"), 0.5)


def jpeg(size=(120, 90), seed=3):
    rough = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    target = io.BytesIO()
    Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC).save(target, "JPEG", quality=95)
    return target.getvalue()


@pytest.fixture
def studio(tmp_path, monkeypatch, efficientnet):
    monkeypatch.setattr(service.networks, "load", lambda *_, **__: efficientnet)
    monkeypatch.setattr(service, "BEGINNING", QUILT)  # of a shallow layer, and so quick
    made = Studio(tmp_path / "paintings")
    yield made
    made.close()


@pytest.fixture
def session(studio):
    """A photograph without a ground."""
    found = studio.open(jpeg(), "blots.jpg")
    found.set_ground(None)
    settled(found)
    found.painter.history = type(found.history)()
    return found


def ground(words):
    return TypeAdapter(Ground).validate_python(words)


def settled(session):
    """Waits until nothing is being computed."""
    until = time.monotonic() + PATIENCE
    while any(not job.over for job in session.jobs.values()):
        assert time.monotonic() < until
        time.sleep(0.01)
    session.worker.ask(lambda: None).result(PATIENCE)
    return session


def heard(session):
    """Frames' headers, and events, as they come."""
    found = []

    def hear(what):
        if isinstance(what, bytes):
            (length,) = struct.unpack("<I", what[:4])
            picture = Image.open(io.BytesIO(what[4 + length :]))
            found.append(json.loads(what[4 : 4 + length]) | {"picture": picture.size})
        else:
            found.append(what)

    session.listen(hear)
    return found


def test_an_opened_picture_begins_to_dream_at_once(studio):
    session = studio.open(jpeg(), "blots.jpg")
    frames = heard(session)
    assert session.state()["ground"] == QUILT.to_dict()
    assert session.growing
    settled(session)
    grown = [each for each in frames if each.get("of") == "ground"]
    assert grown[-1]["picture"] == (120, 90)
    assert sorted(each["revision"] for each in grown) == [each["revision"] for each in grown]
    assert not torch.equal(session.engine.pixels, session.engine.photograph)
    shown = np.asarray(Image.open(io.BytesIO(session.view())).convert("RGB"))
    assert np.abs(shown / 255 - session.engine.pixels[0].permute(1, 2, 0).numpy()).max() < 0.51 / 255


def bomb():
    """A PNG of a few bytes that says it has 3.6 billion pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize("data", [b"", b"text", jpeg()[:500], bomb(), b"<svg/>"])
def test_what_is_no_picture_leaves_nothing_behind(studio, data):
    with pytest.raises(ImageError):
        studio.open(data, "a.jpg")
    with pytest.raises(PhospheneError):
        studio.open(jpeg(), "a.jpg").add_reference(data, "b.jpg")
    assert len(studio.list()) == 1
    assert not list(studio.store.root.rglob("references/*"))


def test_a_phones_picture_stands_upright(studio):
    target, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.open(io.BytesIO(jpeg((1600, 1200)))).save(target, "JPEG", exif=exif)
    state = studio.open(target.getvalue(), "a.jpg").state()
    assert (state["width"], state["height"]) == (1200, 1600)
    assert state["view"] == {"width": 768, "height": 1024}
    assert state["notes"] == []


def test_a_stroke_is_shown_where_it_is_and_can_be_undone(session):
    frames, before = heard(session), session.engine.pixels.clone()
    state = session.stroke(BRUSH, ((40, 40, 1), (50, 45, 0.8)), 0.1)
    assert state["strokes"] == 1
    assert (state["can_undo"], state["can_redo"]) == (True, False)
    painted = [each for each in frames if each.get("of") == "stroke"]
    assert painted
    assert all(each["x"] >= 24 and each["x"] + each["width"] <= 67 for each in painted)
    after = session.engine.pixels.clone()
    assert (after - before).abs().max() > 0.01
    assert torch.equal(after[..., 70:, :], before[..., 70:, :])
    assert session.undo()["strokes"] == 0
    assert torch.equal(session.engine.pixels, before)
    assert session.redo()["strokes"] == 1
    assert torch.equal(session.engine.pixels, after)
    assert session.redo()["strokes"] == 1


def test_who_sees_the_other_history_sees_its_pixels(session, monkeypatch):
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    put, told = Painter.put, []

    def watched(painter, *given):
        told.append(session.state()["strokes"])
        put(painter, *given)
        told.append(session.state()["strokes"])

    monkeypatch.setattr(Painter, "put", watched)
    session.undo()
    assert session.redo()["strokes"] == 1
    assert told == [1, 1, 0, 0]


def test_what_was_undone_long_ago_is_painted_again(session, monkeypatch):
    monkeypatch.setattr(patches, "ROOM", 0)
    stands = [session.engine.pixels.clone()]
    for x in (30, 60, 90):
        session.stroke(BRUSH, ((x, 40, 1),), 0)
        stands.append(session.engine.pixels.clone())
    for before in stands[-2::-1]:
        session.undo()
        assert torch.allclose(settled(session).engine.pixels, before, atol=1e-5)
    for after in stands[1:]:
        session.redo()
        assert torch.allclose(settled(session).engine.pixels, after, atol=1e-5)


def test_a_cancelled_stroke_leaves_nothing(session):
    before = session.engine.pixels.clone()
    stroke = session.begin(BRUSH, ((40, 40, 1),))
    session.more(((50, 40, 1),))
    session.cancel()
    assert stroke.finished.wait(PATIENCE)
    assert torch.equal(session.engine.pixels, before)
    assert session.state()["strokes"] == 0


def test_to_paint_stops_the_ground_where_it_stands(studio):
    session = studio.open(jpeg((400, 300)), "blots.jpg")
    frames = heard(session)
    while not frames:
        time.sleep(0.01)
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    settled(session)
    ground = session.history.document.ground
    assert ground.until is not None
    assert session.state()["strokes"] == 1
    painted = session.engine.pixels.clone()
    list(session.engine.paint(session.history.document))
    assert torch.equal(session.engine.pixels, painted)


def test_another_ground_takes_the_place_of_one_that_grows(studio):
    session = studio.open(jpeg((400, 300)), "blots.jpg")
    photograph = session.engine.photograph
    for name in ("beasts", "spots", "quilt"):
        session.set_ground(ground({"kind": "dream", "preset": name, "strength": 0.5}))
    settled(session)
    assert session.history.done == 1
    assert session.state()["ground"]["preset"] == "quilt"
    assert session.history.document.ground.until is None
    session.undo()
    assert torch.equal(settled(session).engine.pixels, photograph)


def test_strokes_come_again_upon_another_ground(session):
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    session.set_ground(QUILT)
    assert settled(session).state()["strokes"] == 1
    both = session.engine.pixels.clone()
    session.undo()
    session.undo()
    session.set_ground(QUILT)
    alone = settled(session).engine.pixels
    assert not torch.equal(both[..., 20:60, 20:60], alone[..., 20:60, 20:60])
    assert torch.equal(both[..., 70:, 80:], alone[..., 70:, 80:])


def test_a_painting_is_there_again_later(studio, tmp_path):
    session = settled(studio.open(jpeg(), "blots.jpg"))
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    session.add_reference(jpeg(seed=5), "a/guide.jpg")
    state, pixels = session.state(), session.engine.pixels.clone()
    studio.close()
    later = Studio(tmp_path / "paintings")
    try:
        (told,) = later.list()
        assert (told["id"], told["name"], told["strokes"]) == (session.id, "blots.jpg", 1)
        again = later.picture(session.id)
        assert torch.equal(again.engine.pixels, pixels)
        differing = {"revision", "jobs"}
        assert {k: v for k, v in again.state().items() if k not in differing} == {
            k: v for k, v in state.items() if k not in differing
        }
        assert again.references.told()[0]["name"] == "guide.jpg"
        again.undo()
        list(session.engine.paint(again.history.document))
        assert torch.equal(settled(again).engine.pixels, session.engine.pixels)
    finally:
        later.close()


def test_a_paintings_file_opens_elsewhere(studio):
    session = settled(studio.open(jpeg(), "blots.jpg"))
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    other = studio.unpack(session.pack(), "blots.phosphene")
    assert other.id != session.id
    assert other.history == session.history
    assert torch.equal(other.engine.pixels, session.engine.pixels)


def zipped(**parts):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in parts.items():
            packed.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return target.getvalue()


FACTS = json.dumps({"schema": 1, "name": "a", "height": 90, "width": 120, "history": {"done": 0, "events": []}})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"no zip", "no painting"),
        (zipped(picture=b"x"), "holds no picture"),
        (zipped(picture=jpeg(), sitting_dot_json="{"), "damaged"),
        (zipped(picture=jpeg(), sitting_dot_json='{"schema": 9}'), "another Phosphene"),
        (zipped(picture=jpeg(), sitting_dot_json='{"schema": 1}'), "not whole"),
        (zipped(picture=b"x", sitting_dot_json=FACTS), "a"),
        (zipped(picture=jpeg(), sitting_dot_json=FACTS.replace("[]", "[1]")), "cannot stand|object"),
        *(
            (zipped(picture=jpeg(), sitting_dot_json=json.dumps(json.loads(FACTS) | wrong)), "not whole")
            for wrong in (
                *({"references": "x"}, {"references": {"0" * 16: {}}}, {"width": 0}, {"height": "9"}, {"name": None}),
                *({"history": []}, {"notes": 3}),
            )
        ),
    ],
)
def test_a_file_that_is_no_painting_leaves_nothing_behind(studio, data, says):
    with pytest.raises(PhospheneError, match=says):
        studio.unpack(data, "x.phosphene")
    assert list(studio.store.root.iterdir()) == []


def test_nothing_is_unpacked_out_of_its_folder_or_beyond_measure(studio, monkeypatch, tmp_path):
    sneaky = zipped(picture=jpeg(), sitting_dot_json=FACTS, _dot__dot___dot__dot___escaped=b"x", __etc__x=b"x")
    made = studio.unpack(sneaky, "x")
    assert {path.name for path in made.folder.path.iterdir()} == {"picture", "sitting.json"}
    assert not list(tmp_path.glob("**/escaped"))
    monkeypatch.setattr(store, "UNPACKED", 1000)
    with pytest.raises(ImageError, match="larger than"):
        studio.unpack(zipped(picture=jpeg(), sitting_dot_json=FACTS), "x")


def test_a_damaged_zip_is_no_painting(studio):
    data = bytearray(zipped(picture=jpeg(), sitting_dot_json=FACTS))
    for at in range(0, len(data), 7):
        damaged = bytes(data[:at]) + bytes([data[at] ^ 0xFF]) + bytes(data[at + 1 :])
        with contextlib.suppress(PhospheneError):
            studio.forget(studio.unpack(damaged, "x").id)


def test_a_damaged_reference_is_told(studio):
    facts = json.dumps(json.loads(FACTS) | {"references": {"0" * 16: {"name": "../g", "width": 1, "height": 1}}})
    made = studio.unpack(zipped(picture=jpeg(), sitting_dot_json=facts, **{"references__" + "0" * 16: b"x"}), "x")
    assert made.references.told()[0]["name"] == "g"
    with pytest.raises(ImageError):
        made.reference("0" * 16)


def test_damaged_pixels_are_not_believed(studio):
    parts = {"picture": jpeg(), "sitting_dot_json": FACTS}
    target = io.BytesIO()
    np.save(target, np.full((1, 3, 90, 120), np.nan, np.float32))
    for pixels in (b"x", target.getvalue()):
        made = studio.unpack(zipped(**parts, pixels_dot_npy=pixels), "x")
        assert torch.equal(made.engine.pixels, made.engine.photograph)


def test_pixels_are_read_in_many_threads_at_once(tmp_path):
    """Threads change places while numpy reads a header; their depths differ, which Python 3.11 confuses."""
    folder, like, faults = Store(tmp_path).new(b"x"), torch.zeros(1, 3, 4, 4), []
    folder.keep({}, like)

    def read(depth):
        if depth:
            return read(depth - 1)
        try:
            for _ in range(20):
                assert folder.pixels(like) is not None
        except SystemError as error:
            faults.append(error)

    def change_places(*_):
        time.sleep(1e-5)

    threads, threshold = [threading.Thread(target=read, args=(5 * number,)) for number in range(6)], gc.get_threshold()
    gc.set_threshold(5)
    gc.callbacks.append(change_places)
    try:
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        gc.callbacks.remove(change_places)
        gc.set_threshold(*threshold)
    assert faults == []


def test_old_paintings_are_swept(tmp_path, monkeypatch):
    kept = Store(tmp_path)
    monkeypatch.setattr(store, "MOST", 3)
    for number in range(5):
        folder = kept.new(b"x")
        folder.keep({"number": number}, torch.zeros(1, 3, 2, 2))
        time.sleep(0.01)
    first = kept.folders()[-1].id
    kept.sweep({first})
    assert [folder.facts()["number"] for folder in kept.folders()] == [4, 3, 2, 0]
    with pytest.raises(UnknownNameError):
        kept.folder("../../etc")


def test_a_stroke_does_not_wait_for_a_render(studio, monkeypatch):
    monkeypatch.setattr(service, "VIEW", 200)
    session = settled(studio.open(jpeg((1200, 900)), "blots.jpg"))
    events = heard(session)
    job = session.background.render("png", None)
    while job.state == "waiting":
        time.sleep(0.01)
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    assert not job.over
    session.worker.ask(lambda: None).result(PATIENCE)
    job.cancel()
    assert ended(job).state == "cancelled"
    assert [each for each in events if each.get("of") == "stroke"]
    assert not (session.folder.path / "renders").exists()


def test_a_render_is_the_same_twice_and_says_how_it_was_made(studio):
    session = settled(studio.open(jpeg((300, 225)), "blots.jpg"))
    session.stroke(BRUSH, ((40, 40, 1),), 0)
    first, second = (ended(session.background.render("png", None)) for _ in range(2))
    assert first.result["name"] == "blots-painting.png"
    assert (first.result["width"], first.result["height"]) == (300, 225)
    assert first.result_file.read_bytes() == second.result_file.read_bytes()
    made = record.read(first.result_file)
    assert (made.recipe, len(made.settings["painting"]["strokes"])) == ("painting", 1)
    small = ended(session.background.render("jpeg", 150))
    assert Image.open(io.BytesIO(small.result_file.read_bytes())).size == (150, 112)
    assert small.media_type == "image/jpeg"


def test_a_job_that_fails_says_why(session, monkeypatch):
    def full(*_, **__):
        raise OutOfSpaceError("Too little memory.\nClose other programs.")

    monkeypatch.setattr("phosphene.sessions.background.again.rendered", full)
    assert ended(session.background.render("png", None)).message == "Too little memory.\nClose other programs."
    monkeypatch.setattr("phosphene.sessions.background.again.rendered", lambda *_, **__: 1 / 0)
    job = ended(session.background.render("png", None))
    assert (job.state, "fault of Phosphene" in job.message) == ("failed", True)
    assert session.stroke(BRUSH, ((40, 40, 1),), 0)["strokes"] == 1


def test_thumbnails_are_of_this_picture_and_come_one_by_one(session, monkeypatch):
    monkeypatch.setattr("phosphene.sessions.background.SMALL", 48)
    events = heard(session)
    job = ended(session.background.thumbnails("presets"))
    keys = [each["key"] for each in events if each.get("event") == "thumbnail"]
    assert keys == job.result["keys"]
    assert Image.open(io.BytesIO(session.background.made_thumbnail("preset-beasts"))).size == (48, 36)
    assert len({session.background.made_thumbnail(key) for key in keys}) == len(keys)
    channels = ended(session.background.thumbnails("channels", "block3")).result["keys"]
    assert len(channels) == 24
    assert session.background.made_thumbnail("../sitting.json") is None
    with pytest.raises(UnknownNameError, match="block3"):
        session.background.thumbnails("channels", "blok3")


def test_looks_that_were_tried_on_a_photograph_are_there_when_it_is_opened_again(studio, tmp_path, monkeypatch):
    monkeypatch.setattr("phosphene.sessions.background.SMALL", 48)
    first = studio.open(jpeg(), "blots.jpg")
    ended(first.background.thumbnails("presets"))
    ended(first.background.variations(Look("dream", preset="quilt"), [1]))
    again, other = studio.open(jpeg(), "the same.jpg"), studio.open(jpeg(seed=4), "another.jpg")
    assert again.background.made_thumbnail("preset-beasts") == first.background.made_thumbnail("preset-beasts")
    assert again.background.made_thumbnail("seed-1") is None
    assert other.background.made_thumbnail("preset-beasts") is None
    folder = again.background.folder
    folder.write("thumbnails/layer-mixed/3x3", b"of a network whose layers stand in groups")
    folder.write("thumbnails/filter-mine", b"of a filter that may be another one by now")
    monkeypatch.setenv("PHOSPHENE_FILTERS", str(tmp_path / "filters"))
    (tmp_path / "filters" / "mine").mkdir(parents=True)
    third = studio.open(jpeg(), "third.jpg")
    assert third.background.made_thumbnail("layer-mixed/3x3")
    assert third.background.made_thumbnail("filter-mine") is None
    studio.forget(third.id)
    assert studio.open(jpeg(), "fourth.jpg").background.made_thumbnail("preset-beasts") is None


def test_a_part_is_shown_sharper_without_a_change_until_the_painting_changes(studio, monkeypatch):
    monkeypatch.setattr(service, "VIEW", 64)
    session = studio.open(jpeg((200, 150)), "blots.jpg")
    settled(session)
    frames, before = heard(session), session.view()
    revision = session.state()["revision"]
    session.background.closeup(Part(0.25, 0.5, 0.75, 1.0), 200)
    (job,) = [job for job in session.jobs.values() if job.kind == "closeup"]
    assert ended(job).state == "done"
    shown = [each for each in frames if "picture" in each]
    assert [each["of"] for each in shown] == ["closeup"] * len(shown)
    assert len(shown) > 1
    where = [shown[-1][side] for side in ("x", "y", "width", "height")]
    assert where == pytest.approx([32, 12, 32, 24], abs=0.5)
    assert shown[-1]["picture"] == (100, 76)
    assert (session.view(), session.state()["revision"]) == (before, revision)

    def painted_meanwhile(*_):
        session.painter.screen.revision += 1
        yield None

    monkeypatch.setattr("phosphene.sessions.background.closeups", painted_meanwhile)
    gate = threading.Event()
    session.worker.post(gate.wait)
    session.background.closeup(Part(0, 0, 1, 1), 200)
    session.background.closeup(Part(0, 0, 0.5, 1), 200)
    replaced, stale = list(session.jobs.values())[-2:]
    session.background.closeup(None)
    session.background.closeup(Part(0, 0, 0.5, 1), 200)
    gate.set()
    assert [ended(job).state for job in (replaced, stale, list(session.jobs.values())[-1])] == ["cancelled"] * 3


def test_others_of_a_look_take_the_place_of_those_before(session, monkeypatch):
    monkeypatch.setattr("phosphene.sessions.background.SMALL", 48)
    look, gate = Look("dream", preset="quilt"), threading.Event()
    assert ended(session.background.variations(look, (1, 2))).result == {"keys": ["seed-1", "seed-2"]}
    first = session.background.made_thumbnail("seed-1")
    assert first != session.background.made_thumbnail("seed-2")
    session.worker.post(gate.wait)
    given_up = session.background.variations(look, (3,))
    last = session.background.variations(Look("dream", preset="beasts"), (1,))
    gate.set()
    assert (ended(given_up).state, ended(last).state) == ("cancelled", "done")
    assert session.background.made_thumbnail("seed-2") is None
    assert session.background.made_thumbnail("seed-1") != first
    with pytest.raises(SettingsError, match="eraser"):
        session.background.variations(Look("erase"), (1,))


def test_files_are_kept_longer_than_jobs_without_one(session):
    render = ended(session.background.render("png", None))
    for _ in range(20):
        ended(session.add_job("closeup", Rank.CLOSEUP, lambda _: {}, "nothing"))
    assert session.jobs[render.id].result_file.is_file()


def test_no_looks_are_tried_on_a_picture_that_everybody_left(session):
    leave, leave_too = session.listen(lambda _: None), session.listen(lambda _: None)
    job = session.background.thumbnails("presets")
    leave()
    assert not job.cancelled
    leave_too()
    assert ended(job).state == "cancelled"


def test_a_guide_is_ranked_layer_by_layer_and_leads_the_brush(session):
    guide = session.add_reference(jpeg((64, 48), seed=8), "guide.jpg")
    result = ended(session.background.rank(guide["id"])).result
    scores = [each["score"] for each in result["layers"]]
    assert scores == sorted(scores, reverse=True)
    assert set(result["best"]) <= {each["layer"] for each in result["layers"]}
    look = Look("dream", reference=guide["id"], layer=result["best"][0])
    assert session.stroke(replace(BRUSH, look=look), ((60, 40, 1),), 0)["strokes"] == 1
    assert Image.open(io.BytesIO(session.reference(guide["id"]))).size == (64, 48)


def test_a_style_must_look_first_and_says_so(session, monkeypatch):
    monkeypatch.setattr(
        "phosphene.painting.look_cache.choose_style", lambda **asked: style_settings.settings(**asked, steps=2)
    )
    events = heard(session)
    look = Look("style", reference=session.add_reference(jpeg((64, 48), seed=8), "style.jpg")["id"])
    for _ in range(2):
        with pytest.raises(SettingsError, match=r"Preparing the brush style.jpg"):
            session.stroke(replace(BRUSH, look=look), ((40, 40, 1),), 0)
    (job,) = (each for each in session.jobs.values() if each.kind == "look")
    assert ended(job).state == "done"
    assert session.stroke(replace(BRUSH, look=look), ((60, 40, 1),), 0)["strokes"] == 1
    assert any(each.get("job", {}).get("kind") == "look" for each in events)


def styles_of(session, monkeypatch, count):
    """Looks of so many style pictures, whose painting is quick."""
    monkeypatch.setattr(
        "phosphene.painting.look_cache.choose_style", lambda **asked: style_settings.settings(**asked, steps=2)
    )
    added = [session.add_reference(jpeg((64, 48), seed=seed), f"{seed}.jpg")["id"] for seed in range(count)]
    return [Look("style", reference=each) for each in added]


def test_a_stroke_in_a_style_waits_until_that_is_ready(session, monkeypatch):
    (look,) = styles_of(session, monkeypatch, 1)
    live = session.begin(replace(BRUSH, look=look), ((40, 40, 1),))
    session.more(((60, 50, 1),))
    session.end()
    assert live.finished.wait(PATIENCE)
    assert session.state()["strokes"] == 1
    painted = session.history.document.strokes[0]
    assert painted.brush.look == look
    assert (60.0, 50.0, 1.0) in {point for touch in painted.touches for point in touch}


def test_a_style_is_prepared_when_the_brush_takes_it_up_and_dropped_for_another(session, monkeypatch):
    first, second = styles_of(session, monkeypatch, 2)
    gate = threading.Event()
    session.worker.ask(lambda: gate.wait(PATIENCE))
    session.take_up(first)
    session.take_up(second)
    gate.set()
    jobs = {each.message: each for each in session.jobs.values() if each.kind == "look"}
    assert ended(jobs["preparing the brush 0.jpg"]).state == "cancelled"
    assert ended(jobs["preparing the brush 1.jpg"]).state == "done"
    assert session.stroke(replace(BRUSH, look=second), ((60, 40, 1),), 0)["strokes"] == 1


def test_a_stroke_whose_style_is_given_up_is_taken_back(session, monkeypatch):
    (look,) = styles_of(session, monkeypatch, 1)
    gate = threading.Event()
    session.worker.ask(lambda: gate.wait(PATIENCE))
    live = session.begin(replace(BRUSH, look=look), ((40, 40, 1),))
    (job,) = (each for each in session.jobs.values() if each.kind == "look")
    session.worker.drop([job])
    gate.set()
    assert live.finished.wait(PATIENCE)
    assert session.state()["strokes"] == 0


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2"), RuntimeError("CUDA out of memory"), MemoryError()])
def test_a_stroke_that_fails_is_told_of_taken_back_and_forgotten(session, monkeypatch, error):
    touch, calls = session.engine.touch, []

    def fails(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise error
        return touch(*arguments)

    events, before = heard(session), session.engine.pixels.clone()
    monkeypatch.setattr(session.engine, "touch", fails)
    state = session.stroke(BRUSH, ((40, 40, 1), (60, 40, 1)), 0.3)
    assert (state["strokes"], state["can_undo"]) == (0, False)
    (told,) = (each for each in events if each.get("event") == "error")
    assert ("emory ran out" in told["error"]) == ("mat1" not in str(error))
    assert torch.equal(session.engine.pixels, before)
    monkeypatch.setattr(session.engine, "touch", touch)
    assert session.stroke(BRUSH, ((60, 40, 1),), 0)["strokes"] == 1


def test_what_nobody_waits_for_is_logged_where_it_fails(session, caplog):
    def fails():
        raise ZeroDivisionError

    session.worker.post(fails)
    session.worker.ask(lambda: None).result(PATIENCE)
    assert "nobody waits for" in caplog.text


def test_how_a_picture_stands_is_told_while_jobs_come_and_go(session):
    faults, until = [], time.monotonic() + 1

    def come_and_go():
        while time.monotonic() < until:
            session.add_job("ranking", Rank.LOOK, lambda _: {}, "nothing")

    def ask():
        try:
            while time.monotonic() < until:
                session.state()
                assert session.busy in (True, False)
        except RuntimeError as error:
            faults.append(error)

    threads = [threading.Thread(target=each) for each in (come_and_go, ask, ask)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert faults == []


def test_a_picture_that_is_worked_with_is_one_even_if_it_left_memory(studio):
    first = studio.open(jpeg(), "1.jpg")
    settled(first)
    others = [studio.open(jpeg(seed=seed), f"{seed}.jpg") for seed in range(2, 2 * service.LOADED)]
    for each in others:
        settled(each)
    studio.open(jpeg(seed=99), "99.jpg")
    assert first.id not in studio._sessions
    assert studio.picture(first.id) is first  # a request that began before still has it
    job = first.add_job("ranking", Rank.RENDER, lambda _: {}, "nothing")
    assert studio.job(job.id) is job


def test_pictures_that_come_and_go_at_once_leave_no_work(studio):
    def come_and_go(number):
        for seed in range(6):
            studio.forget(studio.canvas("noise", 64, 48, 10 * number + seed).id)

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    studio.worker.ask(lambda: None).result(PATIENCE)
    assert studio.worker._jobs == []
    assert studio.list() == []


def test_a_picture_that_is_read_holds_up_no_other(studio, monkeypatch):
    first, second = (studio.open(jpeg(seed=seed), f"{seed}.jpg") for seed in (1, 2))
    for each in (first, second):
        settled(each)
    studio._sessions.pop(first.id)
    studio._alive.pop(first.id)
    reading, go_on, view = threading.Event(), threading.Event(), Studio._view

    def slowly(self, data, name):
        reading.set()
        assert go_on.wait(PATIENCE)
        return view(self, data, name)

    monkeypatch.setattr(Studio, "_view", slowly)
    found = []
    threads = [threading.Thread(target=lambda: found.append(studio.picture(first.id))) for _ in range(3)]
    for each in threads:
        each.start()
    assert reading.wait(PATIENCE)
    assert studio.picture(second.id) is second  # at once
    go_on.set()
    for each in threads:
        each.join()
    assert len({id(each) for each in found}) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"kind": "dream", "layer": "blok3", "strength": 1}, "block3"),
        ({"kind": "style", "filter": "embroidry", "strength": 0.4}, "embroidery"),
        ({"kind": "dream", "reference": "0" * 16, "strength": 1}, "no picture"),
        ({"kind": "dream", "preset": "beest", "strength": 1}, "beasts"),
    ],
)
def test_a_ground_that_cannot_be_is_refused_before_anything_changes(session, words, says):
    before = session.history
    with pytest.raises(PhospheneError, match=says):
        session.set_ground(TypeAdapter(Ground).validate_python(words))
    assert session.history == before


def test_a_command_makes_what_one_can(session):
    assert session.command()["command"] is None
    session.set_ground(ground({"kind": "dream", "preset": "beasts", "strength": 1.5}))
    assert session.command()["command"] == "phosphene blots.jpg --preset beasts --strength 1.5"
    session.set_ground(ground({"kind": "dream", "layer": "block3", "channel": 4, "strength": 1}))
    assert session.command()["command"] == "phosphene blots.jpg --layer block3 --channel 4"
    for scale, said in ((2, "--base-size 400"), (0.5, "--octaves 4")):
        session.set_ground(ground({"kind": "dream", "preset": "beasts", "scale": scale, "strength": 1}))
        assert session.command()["command"] == f"phosphene blots.jpg --preset beasts {said}"
    session.set_ground(ground({"kind": "style", "filter": "embroidery", "strength": 0.4}))
    assert session.command()["command"] == "phosphene style blots.jpg --filter embroidery --strength 0.4"
    guide = session.add_reference(jpeg(), "a guide.jpg")
    session.set_ground(ground({"kind": "dream", "reference": guide["id"], "layer": "block3", "strength": 1}))
    assert session.command()["command"] == "phosphene blots.jpg --layer block3 --guide 'a guide.jpg'"
    session.set_ground(None)
    settled(session).stroke(BRUSH, ((40, 40, 1),), 0)
    assert "strokes" in session.command()["note"]


def test_guides_that_come_along_are_pictures(studio):
    assert {"dahlias", "shells"} <= set(studio.looks()["guides"])
    assert images.load(studio.guide("dahlias")).pixels.shape[-2:] == (320, 480)
    with pytest.raises(UnknownNameError, match="dahlias"):
        studio.guide("dahlia")


@pytest.fixture
def own_looks(tmp_path, monkeypatch):
    """No look is kept yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


LOOK = b"""[look]
about = "as my cat, a dream"
[dream]
layer = "block8"
channel = 37
colour = "tint"
strength = 0.7
"""


def test_a_looks_file_is_kept_and_offered(studio, own_looks):
    kept = studio.keep_look(LOOK, "My Cat.toml")
    ground = {"kind": "dream", "layer": "block8", "channel": 37, "colour": "tint", "strength": 0.7}
    assert kept == {"name": "my-cat", "about": "as my cat, a dream", "ground": ground}
    assert studio.looks()["yours"] == [kept]
    assert studio.keep_look(LOOK, "my-cat.toml") == kept  # the same again
    other = studio.keep_look(LOOK.replace(b"37", b"38"), "my-cat.toml")
    assert other["name"] == "my-cat-2"
    strong = studio.keep_look(b"[dream]\nlayer = 'block8'\nstrength = 80\nmask = 'sky'\nsteps = 30", "coils.toml")
    assert strong["ground"]["strength"] == 5  # the most that a brush has
    assert strong["name"] == "coils-2"  # which is a preset's name
    assert "mask" not in (look_files.kept()["coils-2"]).read_text()  # of one picture
    style = studio.keep_look(b'[style]\nfilter = "woodcut"\nstrength = 0.4\n', "ink.toml")
    assert style["ground"] == {"kind": "style", "filter": "woodcut", "strength": 0.4}
    assert [each["name"] for each in studio.looks()["yours"]] == ["coils-2", "ink", "my-cat", "my-cat-2"]


def test_a_kept_look_that_no_brush_can_have_is_left_out(studio, own_looks):
    look_files.folder().mkdir(parents=True)
    for name, words in {
        "two": 'layer = "block5,block8"',
        "deep": "layer = " + "[" * 5000,
        "big": "seed = " + "9" * 5000,
    }.items():
        (look_files.folder() / f"{name}.toml").write_text(f"[dream]\n{words}\n")
    assert studio.looks()["yours"] == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"not a table", "not TOML"),
        (b"\xff\xfe\x00", "UTF"),
        (b"layer = 'block8'", r"\[dream\]"),
        (b"[dream]\nlayers = 'block8'", "layers"),
        (b"[dream]\nlayer = 8", "block8|layer"),
        (b"[dream]\nstrength = -4", "strength"),
        (b"[dream]\nlayer = 'block5,block8'", "brush"),
        (b"[dream]\nlayer = " + b"[" * 5000, "TOML"),
        (b"[dream]\nseed = " + b"9" * 5000, "TOML"),
        (b"[style]\nfilter = 'nope'", "nope"),
        (b"strength = 2\n[dream]\nlayer = 'block8'", "none beside it"),
        (b"[dream]\nlayer = 'block8'\nguide = ['a.png']", "pictures"),
        (b"[style]\nstyle = ['a.png']", "pictures"),
        (b"[dream]\nlayer = 'conv5'\nmodel = 'x.py:net'", "another network"),
        (b"[dream]\nlayer = 'block8'\n#" + b"x" * 300_000, "bytes"),
        (b"[dream]\nlayer = 'block99'", "block99"),
        (b"[dream]\nlayer = 'block8'\nchannel = 4000", "4000"),
    ],
)
def test_what_is_no_look_is_refused_and_not_kept(studio, own_looks, data, said):
    with pytest.raises(PhospheneError, match=said):
        studio.keep_look(data, "friend.toml")
    assert studio.looks()["yours"] == []


def test_canvases_and_folders_are_opened(studio, tmp_path, monkeypatch):
    assert studio.canvas("clouds", 80, 60, 1).state()["name"] == "clouds.png"
    for wrong in (("clods", 80, 60), ("clouds", 8, 60), ("clouds", 80, 99_999)):
        with pytest.raises(PhospheneError):
            studio.canvas(*wrong, 0)
    assert studio.folder() == {"folder": None, "pictures": [], "left_out": ""}
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "b.jpg").write_bytes(jpeg())
    (tmp_path / "holiday" / "a.txt").write_text("x")
    studio._pictures = tmp_path / "holiday"
    shown = [{"number": 0, "name": "b.jpg"}]
    assert studio.folder() == {"folder": "holiday", "pictures": shown, "left_out": "Left out: 1 of TXT."}
    assert studio.open_file(0).name == "b.jpg"
    assert Image.open(io.BytesIO(studio.folder_thumbnail(0))).size == (120, 90)
    with pytest.raises(UnknownNameError):
        studio.open_file(1)
    (tmp_path / "holiday" / "c.jpg").write_bytes(jpeg())
    monkeypatch.setattr(service, "FOLDER_MOST", 1)
    told = {"pictures": shown, "left_out": "These are the first 1 of 2 pictures. Left out: 1 of TXT."}
    assert studio.folder() == {"folder": "holiday", **told}
    for each in (tmp_path / "holiday").glob("*.jpg"):
        each.unlink()
    assert studio.folder() == {"folder": "holiday", "pictures": [], "left_out": "Left out: 1 of TXT."}


def test_pictures_are_forgotten_on_request(studio):
    session = studio.open(jpeg(), "blots.jpg")
    studio.forget(session.id)
    settled(session)
    assert studio.list() == []
    with pytest.raises(UnknownNameError):
        studio.picture(session.id)


def test_a_picture_that_is_just_being_kept_does_not_come_back(studio, monkeypatch):
    session, begun, keep = settled(studio.open(jpeg(), "blots.jpg")), threading.Event(), store.SessionFolder.keep

    def slowly(folder, *facts):
        begun.set()
        time.sleep(0.2)
        keep(folder, *facts)

    monkeypatch.setattr(store.SessionFolder, "keep", slowly)
    session.worker.ask(session.keep)
    assert begun.wait(PATIENCE)
    studio.forget(session.id)
    settled(session)
    assert not session.folder.path.exists()


@given(st.text(max_size=300))
def test_names_lose_their_folders(name):
    found = checked_name(name, "picture")
    assert found
    assert len(found) <= 100
    assert not set(found) & set("/\\\0\n\r")
    assert found not in (".", "..")


class TestWorker:
    @pytest.fixture
    def worker(self):
        made = Worker()
        yield made
        made.close()

    def job(self, worker, log, name, rank, steps=3, gate=None):
        def work(job):
            for step in range(steps):
                log.append(f"{name}{step}")
                if gate and step == 0:
                    gate.wait(PATIENCE)
                worker.breathe(job)
            return {}

        return Job(name, "picture", rank, work, lambda _: None)

    def test_what_is_urgent_goes_between_the_steps_of_a_job(self, worker):
        log, gate = [], threading.Event()
        job = worker.add(self.job(worker, log, "render", Rank.RENDER, gate=gate))
        while not log:
            time.sleep(0.001)
        answer = worker.ask(lambda: log.append("urgent"))
        gate.set()
        answer.result(PATIENCE)
        ended(job)
        assert log.index("urgent") < log.index("render2")

    def test_a_job_makes_way_for_one_before_it_only(self, worker):
        log, gate = [], threading.Event()
        long = worker.add(self.job(worker, log, "render", Rank.RENDER, gate=gate))
        while not log:
            time.sleep(0.001)
        jobs = [worker.add(self.job(worker, log, name, rank)) for name, rank in
                (("thumbnails", Rank.THUMBNAILS), ("ground", Rank.GROUND))]  # fmt: skip
        gate.set()
        for job in (long, *jobs):
            ended(job)
        way = {"render": [0], "ground": [0, 1, 2]}, {"render": [1, 2], "thumbnails": [0, 1, 2]}
        assert log == [f"{name}{step}" for part in way for name, steps in part.items() for step in steps]

    def test_what_somebody_looks_at_comes_before_what_nobody_does(self, worker):
        """Who goes back and opens another picture does not wait until the last one has dreamt."""
        log, gate = [], threading.Event()
        left, other = (self.job(worker, log, name, Rank.GROUND, gate=gate) for name in ("left", "other"))
        seen = self.job(worker, log, "seen", Rank.LOOK, gate=gate)
        left.watched = other.watched = lambda: False
        for job in (left, other, seen):
            worker.add(job)
            while not log:
                time.sleep(0.001)
        gate.set()
        for job in (left, other, seen):
            ended(job)
        way = {"left": [0], "seen": [0, 1, 2]}, {"left": [1, 2], "other": [0, 1, 2]}
        assert log == [f"{name}{step}" for part in way for name, steps in part.items() for step in steps]

    def test_what_fails_does_not_end_the_worker(self, worker):
        with pytest.raises(ZeroDivisionError):
            worker.ask(lambda: 1 / 0).result(PATIENCE)
        assert worker.ask(lambda: 5).result(PATIENCE) == 5

    def test_a_cancelled_job_ends_at_its_next_step(self, worker):
        log, gate = [], threading.Event()
        job = worker.add(self.job(worker, log, "render", Rank.RENDER, gate=gate))
        while not log:
            time.sleep(0.001)
        job.cancel()
        gate.set()
        assert ended(job).state == "cancelled"
        assert log == ["render0"]

    def test_a_closed_worker_ends_its_jobs(self, worker):
        log = []
        job = worker.add(self.job(worker, log, "render", Rank.RENDER, steps=10_000_000))
        while not log:
            time.sleep(0.001)
        worker.close()
        assert job.over


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000)), min_size=1, max_size=40), st.floats(4, 600))
def test_every_point_of_a_stroke_is_touched_and_no_touch_reaches_too_far(places, size):
    given = [(x, y, 1.0) for x, y in places]
    stroke = LiveStroke(Brush(size, Look("erase")), tuple(given[:1]))
    stroke.more(given[1:])
    stroke.lift()
    touched = []
    stroke._last = -math.inf
    while (touch := stroke.next()) is not None:
        stroke._last = -math.inf
        touched += touch
        spread = [max(axis) - min(axis) for axis in list(zip(*touch, strict=True))[:2]]
        assert len(touch) == 1 or max(spread) <= size + live.REACH or len(touch) == 2
    assert set(touched) == set(given)


def test_a_brush_that_rests_goes_on_and_a_lifted_one_settles():
    stroke = LiveStroke(Brush(30, Look("erase")), ((5.0, 5.0, 1.0),))
    assert stroke.next() == stroke.next() == ((5.0, 5.0, 1.0),)
    stroke.lift()
    assert [stroke.next() for _ in range(live.SETTLE + 1)][-1] is None
    cancelled = LiveStroke(Brush(30, Look("erase")), ((5.0, 5.0, 1.0),))
    cancelled.lift(cancelled=True)
    assert cancelled.next() is None


def test_paintings_that_are_thrown_away_meanwhile_are_not_listed(tmp_path, monkeypatch):
    kept = store.Store(tmp_path)
    folders = [kept.new(b"x") for _ in range(3)]
    for each in folders:
        each.keep({"name": "a", "width": 1, "height": 1, "history": {}}, torch.zeros(1, 3, 4, 4))
    stat = Path.stat

    def gone(path, **more):
        if folders[1].id in path.parts:
            raise FileNotFoundError(errno.ENOENT, "gone")
        return stat(path, **more)

    assert folders[0].nbytes > 100
    kept.discard(folders[2])
    assert folders[2].nbytes == 0
    folders[2] = folders[0]
    monkeypatch.setattr(Path, "stat", gone)
    assert {each.id for each in kept.folders()} == {folders[0].id, folders[2].id}
    kept.sweep(set())


def test_jobs_of_a_picture_that_is_thrown_away_leave_the_queue_at_once():
    worker, gate, began, heard = Worker(), threading.Event(), threading.Event(), []

    def waits(job):
        began.set()
        gate.wait(20)
        return {}

    running, *waiting = (Job("ground", "1", Rank.LOOK, waits, lambda job: heard.append(job.state)) for _ in range(4))
    for each in (running, *waiting):
        worker.add(each)
    began.wait(20)
    worker.drop([running, *waiting])
    assert [each.state for each in waiting] == ["cancelled"] * 3
    assert not worker._jobs
    gate.set()
    worker.close()
    assert running.state == "cancelled"


@pytest.mark.parametrize(
    ("wishes", "look"),
    [
        ({"preset": "coils", "strength": 0.7}, {"kind": "dream", "preset": "coils", "strength": 0.7}),
        ({"layer": "block3", "channel": 5}, {"kind": "dream", "layer": "block3", "channel": 5, "strength": 1.0}),
        (
            {"preset": "weave", "colour": "keep"},
            {"kind": "dream", "preset": "weave", "colour": "keep", "strength": 1.0},
        ),
        ({"layer": "block2"}, {"kind": "dream", "layer": "block2", "strength": 1.0}),
        ({"objective": "layer(block3)"}, None),
        ({"layer": "block3,block5"}, None),
    ],
)
def test_a_picture_that_was_made_here_says_how(studio, wishes, look):
    made = phosphene.dream(jpeg(), octaves=1, steps=1, network=studio.network, **wishes)
    assert studio.open(made.encode("png")[0], "friend.png").state()["look"] == look


def test_a_painting_in_a_filter_and_a_photograph_say_what_they_are(studio):
    made = phosphene.style(jpeg(), filter="woodcut", steps=1, scales=1, strength=0.3, network=studio.network)
    look = studio.open(made.encode("png")[0], "cut.png").state()["look"]
    assert look == {"kind": "style", "filter": "woodcut", "strength": 0.3}
    assert studio.open(jpeg(), "photo.jpg").state()["look"] is None
