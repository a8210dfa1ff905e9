"""Studies: axes from words, every combination, what is kept, and a page that needs nothing from elsewhere."""

import contextlib
import csv
import json
import re
import shlex
import sys
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

import phosphene
from conftest import tiny
from phosphene import images, measures
from phosphene.cli import main
from phosphene.errors import ImageError, PhospheneError, SettingsError, StopRequested, UnknownNameError
from phosphene.measures import Lattice
from phosphene.recipes.settings import DreamSettings, settings
from phosphene.records import record
from phosphene.reports.study import plots, results
from phosphene.reports.study.build import study
from phosphene.reports.study.plan import BASELINE, Axis, axes, stem_of, variants
from phosphene.reports.variants import Library, VariantMaker
from phosphene.techniques import DREAM, TECHNIQUES
from test_atlas import Page, pictured

QUICK = {"octaves": 1, "steps": 2, "jitter": 4}
VARY = {"jitter": [0, 4], "octaves": [1, 2]}
FEW = ("--steps", "1", "--json")
STYLE = ("--of", "style", "--style", "photo.png", "--scales", "1")


@pytest.fixture
def photo(tmp_path):
    return pictured(tmp_path / "photo.png")


def made(photo, vary=VARY, folder="report", network=None, **more):
    return study(photo, vary, photo.parent / folder, network=network or tiny(), **{**QUICK, **more})


def told(capsys, *words):
    """Exit code, lines of JSON, and what was said."""
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    out, said = capsys.readouterr()
    return ended.value.code, [json.loads(line) for line in out.splitlines()], said


def pictures(folder):
    return {path.name: path.read_bytes() for path in (folder / "pictures").glob("*.png")}


# Axes


whole = st.integers(0, 99)
named = st.sampled_from(["block8", "block5:0.5,block11", "inception_4c/output"])


@given(st.lists(whole, min_size=1, unique=True), st.sampled_from(["jitter={}", "--jitter={}", " jitter = {}"]))
def test_numbers_become_an_axis(values, form):
    assert axes([form.format(",".join(map(str, values)))], DREAM) == (Axis("jitter", tuple(values)),)


@given(st.lists(named, min_size=2, unique=True))
def test_values_with_commas_stand_between_semicolons(values):
    assert axes(["layer=" + ";".join(values)], DREAM)[0].values == tuple(values)


@given(st.lists(whole, min_size=1))
def test_words_and_mappings_mean_the_same_and_values_count_once(values):
    word = "steps=" + ",".join(map(str, values))
    assert axes([word], DREAM) == axes({"steps": values}, DREAM)
    assert axes([word], DREAM)[0].values == tuple(dict.fromkeys(values))


@given(st.text(max_size=20))
def test_any_word_is_an_axis_or_a_mistake(word):
    with contextlib.suppress(PhospheneError):  # and nothing else
        assert axes([word], DREAM)[0].name in DREAM.names


def test_an_objective_keeps_its_commas():
    word = "objective=channel(block8, 3),class('tabby, cat') - 0.5*layer(block4)"
    assert axes([word], DREAM)[0].values == ("channel(block8, 3)", "class('tabby, cat') - 0.5*layer(block4)")


def test_every_setting_of_every_recipe_is_an_axis():
    for kind in TECHNIQUES.values():
        for name, entry in kind.fields.items():
            given_ = entry.choices[0] if entry.choices else entry.default
            assert axes({name: [given_]}, kind)[0].name == name


@pytest.mark.parametrize(
    ("word", "error", "says"),
    [
        ("jiter=0", UnknownNameError, "Did you mean 'jitter'"),
        ("jitter", SettingsError, "jitter=0,32"),
        ("jitter=", SettingsError, "jitter=0,32"),
        ("jitter=1,,2", SettingsError, "jitter=0,32"),
        ("invert=maybe", SettingsError, "invert=true,false"),
        ("preset=beast", UnknownNameError, "Did you mean 'beasts'"),
        ("recipe=google", UnknownNameError, "google2015"),
    ],
)
def test_what_is_no_axis_is_refused(word, error, says):
    with pytest.raises(error, match=re.escape(says)):
        axes([word], DREAM)


# Variants


def plan_of(vary, **given_):
    return variants(axes(vary, DREAM), given_, lambda values: settings(**values))


@given(st.lists(whole, min_size=1, unique=True, max_size=4), st.lists(st.integers(1, 9), unique=True, max_size=3))
def test_every_combination_once_and_the_baseline_first(jitters, octaves):
    vary = {"jitter": jitters} | ({"octaves": octaves} if octaves else {})
    found = plan_of(vary, jitter=50, octaves=3)
    assert [each.name for each in found if each.baseline] == [BASELINE] == [found[0].name]
    combinations = {(each.settings.jitter, each.settings.octaves) for each in found}
    assert combinations == {(j, o) for j in jitters for o in octaves or [3]} | {(50, 3)}
    assert len(combinations) == len(found) == len({each.stem for each in found})


def test_files_are_called_alike_whatever_is_studied_beside():
    few, many = plan_of(["jitter=0"]), plan_of(["jitter=0,8,16"])
    assert {each.stem for each in few} < {each.stem for each in many}
    assert stem_of({"objective": "a/b"}) != stem_of({"objective": "a:b"})
    assert re.fullmatch(r"[\w.-]+", stem_of({"guide": ("../a b.jpg",), "layer": "x" * 500}))


def test_a_preset_is_an_axis_beneath_what_is_typed():
    found = plan_of(["preset=beasts,coils"], steps=3)
    assert [each.settings.layer for each in found] == [None, "block10", "block6"]
    assert {each.settings.steps for each in found} == {3}


def test_too_many_are_refused():
    with pytest.raises(SettingsError, match="10,000 variants"):
        plan_of({"jitter": range(100), "seed": range(100)})


# A study


def test_rows_table_pictures_and_facts_agree(photo):
    rows = made(photo)
    assert rows.complete
    assert [row["variant"] for row in rows] == [
        BASELINE, "jitter 0, octaves 1", "jitter 0, octaves 2", "jitter 4, octaves 2",
    ]  # fmt: skip
    assert [(row["jitter"], row["octaves"]) for row in rows] == [(4, 1), (0, 1), (0, 2), (4, 2)]
    assert set(measures.MEASURES) <= rows[0].keys()
    with (rows.folder / "study.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [{key: str(value) for key, value in row.items()} for row in rows] == table
    facts = json.loads((rows.folder / "study.json").read_text())
    assert facts["axes"] == VARY
    assert [{key: each[key] for key in rows[0]} for each in facts["variants"]] == rows
    for row, each in zip(rows, facts["variants"], strict=True):
        kept = record.read(rows.folder / row["picture"])
        assert (kept.settings["jitter"], kept.settings["octaves"]) == (row["jitter"], row["octaves"])
        assert [len(octave["scores"]) for octave in each["curve"]] == [2] * row["octaves"]
        pixels = images.load(rows.folder / row["picture"]).pixels
        photograph = images.load(photo).pixels
        assert measures.measure(pixels, photograph) == {name: row[name] for name in measures.MEASURES}


def test_a_variant_is_the_dream_that_its_settings_make(photo):
    rows = made(photo, {"steps": [1, 3]})
    for row in rows:
        alone = phosphene.dream(photo, network=tiny(), **QUICK | {"steps": row["steps"]})
        alone.save(photo.parent / "alone.png", overwrite=True)
        one, other = (images.load(path).pixels for path in (rows.folder / row["picture"], photo.parent / "alone.png"))
        assert torch.equal(one, other)


def test_command_lines_make_the_pictures(photo, monkeypatch, capsys):
    monkeypatch.chdir(photo.parent)
    varied = ("--vary", "normalise=std,mean", "--vary", "seed=3")
    code, rows, said = told(capsys, "study", "photo.png", *varied, "--octaves", "1", *FEW)
    assert (code, len(rows)) == (0, 3), said
    for row in rows:
        words = shlex.split(row["command"])
        assert words[0] == "phosphene"
        assert told(capsys, *words[1:])[0] == 0
        again = images.load(words[-1]).pixels
        assert torch.equal(again, images.load(photo.parent / "photo-study" / row["picture"]).pixels)


def test_what_is_there_is_taken(photo):
    first = made(photo)
    before, seen = pictures(first.folder), []
    again = made(photo, on_progress=seen.append)
    assert again == first
    assert [each.kept for each in seen] == [True] * 4
    more = made(photo, VARY | {"jitter": [0, 2, 4]})
    assert len(more) == 6
    assert pictures(first.folder).items() >= before.items()


def test_what_is_not_the_same_is_made_anew(photo):
    first = made(photo)
    damaged, other = (first.folder / row["picture"] for row in first[:2])
    image = Image.open(damaged)
    image.putpixel((0, 0), (1, 2, 3))
    image.save(damaged)
    other.write_bytes((first.folder / first[2]["picture"]).read_bytes())
    seen = []
    again = made(photo, on_progress=seen.append)
    assert [each.variant for each in seen if each.row and not each.kept] == [first[0]["variant"], first[1]["variant"]]
    assert [row["seam"] for row in again] == [row["seam"] for row in first]
    seen.clear()
    made(photo, steps=3, on_progress=seen.append)
    assert not any(each.kept for each in seen)


def test_other_measures_are_taken_of_the_same_pictures(photo, monkeypatch):
    first = made(photo)
    monkeypatch.setattr(results, "measures_version", lambda: "another")
    monkeypatch.setattr(measures, "measure", lambda *_, **__: dict.fromkeys(measures.MEASURES, 7.0))
    again = made(photo)
    assert {row["seam"] for row in again} == {7.0}
    assert [row["seconds"] for row in again] == [row["seconds"] for row in first]


def test_a_study_that_is_stopped_shows_what_there_is_and_goes_on(photo):
    def stop(progress):
        if progress.number == 2 and not progress.row:
            raise StopRequested

    stopped = made(photo, on_progress=stop)
    assert (len(stopped), stopped.complete) == (2, False)
    assert "2 of 4 variants" in stopped.page.read_text()
    seen = []
    assert made(photo, on_progress=seen.append).complete
    assert [each.kept for each in seen if each.row] == [True, True, False, False]
    assert [each.done for each in seen] == sorted(each.done for each in seen)


def test_a_study_that_is_stopped_at_once_goes_on(photo):
    def stop(_):
        raise StopRequested

    assert made(photo, on_progress=stop) == []
    assert made(photo).complete


def test_a_study_that_was_cut_off_before_its_first_file_is_begun_anew(photo):
    (photo.parent / "photo-study" / "pictures").mkdir(parents=True)
    (photo.parent / "photo-study" / ".host-1-abcd.tmp").write_bytes(b"{")
    assert made(photo).complete


def test_a_folder_of_something_else_is_left_alone(photo):
    made(photo)
    other = pictured(photo.parent / "other.png", seed=1)
    with pytest.raises(ImageError, match=r"study of 'photo\.png'"):
        made(other)
    with pytest.raises(ImageError, match="no study"):
        made(photo, folder=".")
    assert made(other, force=True).complete


def test_a_variant_that_cannot_be_made_leaves_the_others(photo, monkeypatch):
    whole_ = results.make

    def make(variant, *more):
        if variant.values["jitter"] == 0:
            raise SettingsError("no")
        return whole_(variant, *more)

    monkeypatch.setattr(results, "make", make)
    rows = made(photo)
    assert rows.failures == {"jitter 0, octaves 1": "no", "jitter 0, octaves 2": "no"}
    assert "jitter 0, octaves 2: no" in rows.page.read_text()


@pytest.mark.parametrize("bad", [{"steps": 0}, {"layer": "blok8"}, {"dtype": "float16"}])
def test_what_is_wrong_is_said_before_the_first_run(photo, capsys, bad):
    fixed = {name: value for name, value in bad.items() if name != "dtype"}
    varied = [f"{name}={value}" for name, value in fixed.items()]
    flags = ["--dtype", bad["dtype"]] if "dtype" in bad else []
    code, _, said = told(capsys, "study", photo, *(word for one in varied for word in ("--vary", one)), *flags)
    assert code == 2, said
    assert not (photo.parent / "photo-study").exists()


def test_where_tiles_meet_is_known(photo):
    technique = VariantMaker(DREAM, Image.open(photo).resize((300, 200)), Library())

    def lattice(**changes):
        return technique.lattice(technique.choose({"overlap": "0", "layer": "block3", **changes}))

    assert lattice() == Lattice((), ())  # one tile has no borders, and no seams
    still = lattice(tile=128, jitter=0)
    assert len(still.rows) == 1
    assert len(still.columns) == 2
    assert lattice(tile=128) == still  # shifts move them about there
    assert lattice(tile=128, mask=str(photo)) is None  # masks leave tiles out: searched


def test_canvases_paintings_and_patterns(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictured(tmp_path / "photo.png")
    for words in (
        ("clouds", "--size", "64x48", "--octaves", "1", "--vary", "seed=1,2"),
        ("photo.png", *STYLE, "--vary", "scale=0.5,1"),
        ("block8:37", "--of", "pattern", "--size", "64x64", "--octaves", "1", "--vary", "robustness=0,1"),
    ):
        code, rows, said = told(capsys, "study", *words, *FEW)
        assert (code, len(rows)) == (0, 3 if "seed" in words[-1] else 2), said
        assert [row["kept"] for row in told(capsys, "study", *words, *FEW)[1]] == [True] * len(rows)
        command = shlex.split(rows[-1]["command"])[1:]
        assert told(capsys, *command)[0] == 0
        folder = tmp_path / f"{words[0].replace(':', '-').removesuffix('.png')}-study"
        again, picture = (images.load(path).pixels for path in (command[-1], folder / rows[-1]["picture"]))
        assert torch.equal(again, picture)
        assert len({(folder / row["picture"]).read_bytes() for row in rows}) == len(rows)


def test_names_of_curves_that_end_alike_stand_inside_the_figure():
    figure = Figure(figsize=(9, 2.75), layout="constrained")
    for panel in figure.subplots(1, 3):
        panel.plot([0, 1], [0, 1])
        plots.name_(panel, [(1.0, 1.0, f"seed {number}", "#010203") for number in range(8)])
    plots.as_svg(figure, "salt")
    boxes = [name.get_window_extent() for panel in figure.axes for name in panel.texts]
    assert len(boxes) == 24
    assert all(box.y0 >= 0 and box.y1 <= figure.bbox.height and box.x1 <= figure.bbox.width for box in boxes)
    for panel in figure.axes:
        places = sorted(name.get_window_extent().y0 for name in panel.texts)
        assert min(b - a for a, b in pairwise(places)) > 8


def test_an_axis_called_as_a_measure_keeps_its_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictured(tmp_path / "photo.png")
    rows = told(capsys, "study", "photo.png", *STYLE, "--vary", "scale=0.5", *FEW)[1]
    assert [row["scale"] for row in rows] == [1.0, 0.5]
    assert all(row["measured_scale"] > 0 for row in rows)


# The page


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(photo):
    rows = made(photo)
    text = rows.page.read_text("utf-8")
    page = Page(re.sub(r"<(path|use|rect|line)([^>]*?)/>", r"<\1\2></\1>", text))
    ids = [each["id"] for _, each in page.elements if "id" in each]
    assert len(ids) == len(set(ids))
    links = [each["href"] for each in page.all("a")]
    assert all(link.removeprefix("#") in ids or (rows.folder / link).exists() for link in links)
    assert all((rows.folder / each["src"]).is_file() for each in page.all("img"))
    assert all("alt" in each for each in page.all("img"))
    assert all(each.get("type") == "button" for each in page.all("button"))
    assert not re.search(r"https?:|//[a-z]|@import|xmlns", text)
    assert str(photo.parent) not in text
    assert {each["data-full"] for each in page.all("button", "copy")} == {row["command"] for row in rows}
    for measure in measures.MEASURES.values():
        assert measure.blind in "".join(page.text)


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.png", "two 'quotes' \" and & spaces.png"])
def test_hostile_names_stay_text(tmp_path, name):
    text = made(pictured(tmp_path / name), {"steps": [1]}).page.read_text("utf-8")
    page = Page(re.sub(r"<(path|use|rect|line)([^>]*?)/>", r"<\1\2></\1>", text))
    assert not any("onerror" in each for _, each in page.elements)
    assert name in "".join(page.text)
    assert shlex.split(page.all("button", "copy")[0]["data-full"])[1] == name


def test_figures_stand_alone_too(photo):
    rows = made(photo)
    for name in ("measures", "spectra", "scores"):
        drawn = (rows.folder / "plots" / f"{name}.svg").read_text()
        assert "octaves" in drawn
        assert "var(--" not in drawn


# What is not there


def test_without_matplotlib(photo, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "phosphene.reports.study.plots", raising=False)
    monkeypatch.delitem(sys.modules, "phosphene.reports.study.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, said = told(capsys, "study", photo, "--vary", "steps=1")
    assert code == 2
    assert "pip install 'phosphene[study]'" in said
    assert not (photo.parent / "photo-study").exists()


@pytest.mark.parametrize("of", list(TECHNIQUES))
def test_unknown_settings_and_pictures_without_names_are_refused(photo, of):
    with pytest.raises(UnknownNameError, match="Did you mean 'steps'"):
        study(photo, {"seed": [1]}, photo.parent / "report", of=of, stepps=3)
    with pytest.raises(SettingsError, match="files by name"):
        study(
            photo,
            {"guide" if of == "dream" else "style": [torch.zeros(1)]},
            "report",
            of="dream" if of == "dream" else "style",
        )


def test_a_network_that_is_given_cannot_be_varied(photo):
    with pytest.raises(SettingsError, match="model is varied"):
        made(photo, {"model": ["efficientnet-lite0"]})


def test_settings_that_the_user_always_wants_give_way_to_axes(photo, capsys, monkeypatch):
    mine = photo.parent / "settings.toml"
    mine.write_text('layer = "block3"\nsteps = 1\noctaves = 1\n')
    monkeypatch.setattr("phosphene.cli.configuration.user_file", lambda: mine)
    code, rows, said = told(capsys, "study", photo, "--vary", "preset=coils,none", "--json")
    assert (code, len(rows)) == (0, 2), said
    facts = [record.read(photo.parent / "photo-study" / row["picture"]).settings for row in rows]
    assert {each["steps"] for each in facts} == {1}
    assert [each["layer"] for each in facts] == [DreamSettings().layer or "block11", "block6"]
