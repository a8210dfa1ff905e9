"""The run record: it survives every format, names no folder, and distrusts what it reads."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene import images
from phosphene.errors import ImageError, RecordError
from phosphene.records import record
from phosphene.records.record import Record

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\"), max_size=20)
VALUES = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | NAMES


@pytest.fixture
def run():
    return Record(
        recipe="dream",
        settings={"octave_scale": 1.4, "seed": 0, "steps": 10, "mask": None},
        objective="layer(block8)",
        network={"name": "efficientnet-lite0", "file": "lite0.pth", "sha256": "5793442434" + "0" * 54},
        input={"name": "cat.jpg", "sha256": "ab" * 32, "width": 2048, "height": 1150},
        output={"width": 1024, "height": 575, "depth": 8},
        versions=record.versions(),
        threads=2,
    )


def test_json_and_back_is_the_same_record(run):
    assert Record.from_json(run.to_json()) == run


@given(values=st.dictionaries(NAMES, VALUES, max_size=5), objective=NAMES, complete=st.booleans(), reached=NAMES)
@settings(max_examples=60, deadline=None)
def test_json_and_back_whatever_the_settings(values, objective, complete, reached):
    run = Record(
        "dream", values, objective, {}, {"canvas": "clouds", "width": 4, "height": 3}, {}, {}, 1, complete, reached
    )
    assert Record.from_json(run.to_json()) == run
    assert run.to_json().isascii()


def test_the_line_has_the_form_other_programs_read(run):
    text, facts = run.line().split("\n")
    assert text == "Phosphene dream of layer(block8)"
    assert facts.startswith(
        "Steps: 10, Seed: 0, Size: 1024x575, Model: efficientnet-lite0, Model hash: 5793442434, Octave scale: 1.4, "
    )
    assert "Mask" not in facts


def test_the_line_quotes_what_could_be_mistaken(run):
    line = replace(run, settings={"guide": "a, b: c\nd"}).line()
    assert r'Guide: "a, b: c\nd"' in line
    assert line.count("\n") == 1


def test_the_line_says_where_an_interrupted_run_stopped(run):
    assert "(stopped at octave 2 of 4)" in replace(run, complete=False, reached="octave 2 of 4").line()


def test_the_metadata_has_no_name_that_comfyui_would_load(run):
    assert set(run.metadata()) == {"parameters", "phosphene"}


@pytest.mark.parametrize("path", ["/home/ann/cat.jpg", "photos/cat.jpg", r"C:\Users\ann\cat.jpg", r"\\nas\ann\cat.jpg"])
def test_folders_are_never_recorded(run, path):
    told = replace(run, input={"name": path}, network={"file": path, "name": path})
    assert told.input["name"] == "cat.jpg"
    assert told.network == {"file": "cat.jpg", "name": "cat.jpg"}
    assert "ann" not in json.dumps(told.metadata())


def test_absolute_paths_among_the_settings_lose_their_folders(run):
    told = replace(run, settings={"guide": "/home/ann/cat.jpg", "deep": {"list": ["~/ann/a.png"]}, "layer": "a/b"})
    assert told.settings == {"guide": "cat.jpg", "deep": {"list": ["a.png"]}, "layer": "a/b"}


def test_unknown_fields_are_ignored(run):
    data = json.loads(run.to_json()) | {"mood": "serene"}
    assert Record.from_json(json.dumps(data)) == run


def test_a_newer_schema_is_refused_with_advice(run):
    data = json.loads(run.to_json()) | {"schema": 99}
    with pytest.raises(RecordError, match="pip install --upgrade"):
        Record.from_json(json.dumps(data))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "3", "\0", "[" * 100_000, "9" * 5000, "x" * 1_000_001),
        *('{"schema": 1}', '{"schema": true}', '{"schema": "1"}', '{"schema": NaN}', '"' + "\\ud800" * 3),
    ],
)
def test_damaged_texts_are_refused(text):
    with pytest.raises(RecordError):
        Record.from_json(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"threads": "2"},
        {"threads": True},
        {"settings": []},
        {"network": {"name": 3}},
        {"complete": 1},
        {"recipe": None},
    ],
)
def test_fields_of_the_wrong_kind_are_refused(run, wrong):
    with pytest.raises(RecordError, match=next(iter(wrong))):
        Record.from_json(json.dumps(json.loads(run.to_json()) | wrong))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("input", {name: value}) for name in ("width", "height", "long_side") for value in (0, -1, "9", 2.5, True)),
        *(("input", {"seed": value}) for value in (-1, "0", True, None, 2**63)),
        *(("input", {"canvas": value, "width": 4, "height": 3}) for value in (None, 3, ["clouds"])),
        *(("input", {name: value}) for name in ("name", "sha256") for value in (3, ["x"])),
        *(("input", {"canvas": "clouds", name: 4}) for name in ("width", "height")),
        *(("output", {name: value}) for name in ("width", "height", "depth") for value in (0, "9", None)),
    ],
)
def test_pictures_that_cannot_be_are_refused(run, field, wrong):
    with pytest.raises(RecordError, match=f"The record is damaged: the .* of its {field}"):
        Record.from_json(json.dumps(json.loads(run.to_json()) | {field: wrong}))


@pytest.mark.parametrize("known", [{"seed": 0}, {"name": None, "sha256": None}, {"long_side": 3, "mood": "serene"}])
def test_pictures_that_can_be_are_not_refused(run, known):
    told = replace(run, input=known)
    assert Record.from_json(told.to_json()) == told


def test_a_canvas_that_would_fill_the_memory_is_not_read(run):
    told = replace(run, input={"canvas": "clouds", "seed": 0, "width": 20_000, "height": 10_000})
    assert Record.from_json(told.to_json()) == told
    with pytest.raises(RecordError, match="20001×10000"):
        Record.from_json(replace(told, input=told.input | {"width": 20_001}).to_json())


@pytest.mark.parametrize("value", [float("nan"), object(), b"bytes"])
def test_what_json_cannot_hold_is_refused_at_once(run, value):
    with pytest.raises(RecordError, match="cannot be recorded"):
        replace(run, settings={"step_size": value})


@pytest.mark.parametrize("suffix", [name for name, format in images.FORMATS.items() if format in images.formats()])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_record_survives_every_format(run, tmp_path, suffix, depth):
    told = replace(run, settings={**run.settings, "title": "für Élise, 夢 🎨", "long": "x" * 19_000})
    path = tmp_path / f"dream{suffix}"
    images.save(torch.rand(1, 3, 9, 7), path, depth=depth, metadata=told.metadata())
    assert record.read(path) == told
    assert images.metadata(path)["parameters"] == told.line()
    assert record.read(path.read_bytes()) == told


def test_a_picture_without_a_record_says_so(tmp_path):
    path = tmp_path / "plain.png"
    images.save(torch.rand(1, 3, 4, 4), path)
    with pytest.raises(RecordError, match=r"plain\.png.*\n.*--no-metadata"):
        record.read(path)


def test_a_missing_picture_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match="no picture"):
        record.read(tmp_path / "none.png")


def test_versions_name_what_the_run_uses():
    found = record.versions()
    assert set(found) == {"phosphene", "python", "torch", "numpy", "pillow"}
    assert found["torch"] == torch.__version__
