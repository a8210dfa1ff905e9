"""Which wish beats which: the command line, settings files, Python, redo and study agree."""

import json

import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import phosphene
from phosphene import images
from phosphene.cli import configuration, jobs, main
from phosphene.recipes.fields import combined
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.recipes.settings import NAMES, PRESETS, DreamSettings
from phosphene.recipes.settings import settings as choose
from phosphene.recipes.style_settings import StyleSettings
from phosphene.records.record import Record
from phosphene.reports.study.results import Rows
from phosphene.run import again

WHAT = ("objective", "layer", "channel", "guide")
EXCLUDE = {frozenset(pair) for pair in (
    ("objective", "layer"), ("objective", "channel"), ("objective", "guide"), ("guide", "channel"),
    ("colour", "chroma"),
)}  # fmt: skip

what = st.sampled_from(
    [
        {},
        {"objective": "layer(block8)"},
        {"objective": "channel(block5, 2)"},
        {"layer": "block5"},
        {"layer": "block5", "channel": 3},
        {"channel": 7},
        {"guide": ("guide.png",)},
        {"guide": ("guide.png",), "layer": "block3"},
    ]
)
numbers = st.fixed_dictionaries(
    {}, optional={"steps": st.integers(1, 3), "colour": st.sampled_from([0.0, 0.3]), "octaves": st.integers(1, 2)}
)
wishes = st.builds(lambda first, second: first | second, what, numbers)


def expected(far, near):
    """What is left of two places' wishes, worked out pair by pair."""
    kept = {
        name: value
        for name, value in far.items()
        if name not in near
        and not any(frozenset((name, other)) in EXCLUDE for other in near)
        and not (name == "channel" and "layer" in near)
    }
    return choose(**{**kept, **near})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a photograph and a guide."""
    folder = tmp_path_factory.mktemp("overrides")
    for name in ("photo.png", "guide.png"):
        images.save(torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0)), folder / name)
    return folder


class CaughtError(Exception):
    """Carries the settings that reached the engine."""


class Doors:
    """The ways into the program; each says what settings reach the engine, which does nothing here."""

    def __init__(self, folder, monkeypatch, network):
        self.folder, self.monkeypatch, self.network = folder, monkeypatch, network
        self.found = []
        monkeypatch.chdir(folder)
        monkeypatch.setattr(configuration, "user_file", lambda: folder / "settings.toml")
        monkeypatch.setattr(jobs.Jobs, "make", lambda made: self.found.append(made.batch.jobs[0].settings) or 0)
        monkeypatch.setattr("phosphene.reports.study.build.study", self._study)
        monkeypatch.setattr(again.networks, "load_for", lambda _: network)
        monkeypatch.setattr(again, "prepare", self._prepare)

    def _study(self, *_, of, on_progress, **given):
        self.found.append(choose(**{name: given[name] for name in given if name in (*NAMES, "preset", "recipe")}))
        return Rows([], self.folder, complete=True, failures={})

    @staticmethod
    def _prepare(_, chosen, *__, **___):
        raise CaughtError(chosen)

    def write(self, name, wishes):
        lines = (f"{key} = {json.dumps(value)}\n" for key, value in wishes.items())
        (self.folder / name).write_text("".join(lines))

    def command(self, *words, **wishes):
        flags = [f"--{name}={value[0] if name == 'guide' else value}" for name, value in wishes.items()]
        result = CliRunner().invoke(main, [*words, *flags])
        assert result.exit_code == 0, result.output
        return meant(self.found.pop())

    def redo(self, far, near):
        kept = Record("dream", choose(**far).to_dict(), "", self.network.identity, {"name": "photo.png"}, {}, {}, 1)
        self.monkeypatch.setattr(again.record, "read", lambda _: kept)
        with pytest.raises(CaughtError) as caught:
            phosphene.redo("photo.png", image="photo.png", **near)
        return meant(caught.value.args[0])


@pytest.fixture
def doors(folder, monkeypatch, efficientnet):
    return Doors(folder, monkeypatch, efficientnet)


def meant(chosen):
    """The settings that a wish can be about here."""
    return {name: getattr(chosen, name) for name in (*WHAT, "steps", "colour", "octaves")}


STUDY = ("study", "photo.png", "--vary", "seed=1,2")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(wishes, wishes)
def test_every_door_agrees_on_what_beats_what(doors, far, near):
    wanted = meant(expected(far, near))
    doors.write("settings.toml", far)
    doors.write("mine.toml", near)
    assert doors.command("photo.png", **near) == wanted
    assert doors.command("photo.png", "--config", "mine.toml") == wanted
    assert doors.command(*STUDY, **near) == wanted
    assert meant(choose(**combined(DreamSettings, far, near))) == wanted
    remade = doors.redo(far, near)  # a record has all numbers, also those that a guide would choose anew
    assert {name: remade[name] for name in WHAT} == {name: wanted[name] for name in WHAT}
    assert {name: remade[name] for name in near} == {name: wanted[name] for name in near}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(wishes, st.sampled_from(sorted(PRESETS)), numbers)
def test_a_preset_that_is_named_beats_what_the_files_say(doors, far, preset, more):
    doors.write("settings.toml", far)
    wanted = meant(expected(far, {**PRESETS[preset].changes, **more}))
    assert doors.command("photo.png", preset=preset, **more) == wanted
    assert doors.command(*STUDY, preset=preset, **more) == wanted
    assert meant(choose(**combined(DreamSettings, far, {"preset": preset, **more}))) == wanted


def test_what_is_varied_has_the_files_value_as_its_baseline(doors):
    doors.write("settings.toml", {"steps": 3, "objective": "layer(block8)"})
    assert doors.command("study", "photo.png", "--vary", "steps=1,2")["steps"] == 3
    varied = doors.command("study", "photo.png", "--vary", "layer=block2,block5", "--vary", "steps=1,2")
    assert (varied["steps"], varied["objective"]) == (3, None)


def test_a_preset_in_a_file_is_beneath_what_is_typed_and_beneath_its_own_file():
    assert choose(**combined(DreamSettings, {"preset": "coils"}, {"objective": "layer(block8)"})).layer is None
    assert choose(**combined(DreamSettings, {"preset": "coils", "layer": "block2"})).layer == "block2"
    assert (
        choose(**combined(DreamSettings, {"preset": "coils"}, {"recipe": "google2015"})).layer == "inception_4c/output"
    )
    assert choose(**combined(DreamSettings, {"preset": "coils"}, {"preset": "neon"})).layer == "block1"
    assert choose(**combined(DreamSettings, choose(layer="block3").to_dict(), {"preset": "coils"})).layer == "block6"


def test_patterns_and_styles_have_their_own_table():
    sheet = {"layer": "block8", "channels": "0-3"}
    assert combined(PatternSettings, sheet, {"channel": 2}) == {"layer": "block8", "channel": 2}
    assert combined(PatternSettings, sheet, {"layer": "block2"}) == {"layer": "block2"}
    assert combined(PatternSettings, sheet, {"objective": "class('tabby')"}) == {"objective": "class('tabby')"}
    assert combined(StyleSettings, {"filter": "night"}, {"style": ("waves.jpg",)}) == {"style": ("waves.jpg",)}
    assert combined(StyleSettings, {"style": ("waves.jpg",)}, {"filter": "night"}) == {"filter": "night"}


def test_what_is_no_wish_overrides_only_itself():
    assert combined(DreamSettings, {"layer": "block8"}, {"guide": (), "objective": None}) == {
        "layer": "block8", "guide": (), "objective": None,
    }  # fmt: skip
