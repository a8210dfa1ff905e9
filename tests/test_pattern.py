import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import phosphene
from phosphene import networks, objectives, run
from phosphene.ascent import gradient, planning
from phosphene.cli import main
from phosphene.errors import RecordError, SettingsError, StopRequested, UnknownNameError
from phosphene.pixels import transforms
from phosphene.recipes import pattern as recipe
from phosphene.recipes import pattern_settings
from phosphene.recipes.pattern_settings import PatternSettings, channel_numbers, word
from phosphene.records import record
from phosphene.techniques import PATTERN
from phosphene.techniques.opening import Opening
from phosphene.techniques.patterns import channels as channels_of

QUICK = PatternSettings(layer="deep", channel=3, steps=12, octaves=1)
SIZE = (64, 64)


def made(network, size=SIZE, **changes):
    return recipe.pattern(network, size=size, settings=replace(QUICK, **changes))


def score(pixels, network, objective):
    return gradient.compute(pixels, network, objective.prepare(network), gradient.Tiling(1024, 0))[1]


# The recipe


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"parameterisation": "laplacian"},
        {"parameterisation": "pixel"},
        {"colours": "rgb"},
        {"normalise": "laplacian"},
        {"robustness": 0.0},
        {"tileable": True},
        {"octaves": 2},
    ],
    ids=str,
)
def test_the_score_rises_well_above_that_of_noise(tiny64, changes):
    objective, size = objectives.channel("deep", 3), (128, 128)
    noise = made(tiny64, size, steps=1, step_size=0.0)
    pattern = made(tiny64, size, step_size=0.15, **changes)
    assert pattern.shape == (1, 3, *size)
    assert 0 <= pattern.min() <= pattern.max() <= 1
    low, high = score(noise, tiny64, objective), score(pattern, tiny64, objective)
    assert high > 1.2 * low > 0


def test_a_seed_is_a_pattern(tiny32):
    assert torch.equal(made(tiny32, steps=4), made(tiny32, steps=4))
    assert not torch.equal(made(tiny32, steps=4), made(tiny32, steps=4, seed=1))


@pytest.mark.parametrize("parameterisation", ["fourier", "laplacian", "pixel"])
def test_a_tileable_pattern_has_no_seam(efficientnet, parameterisation):
    settings = PatternSettings(
        layer="block4", channel=7, tileable=True, steps=24, octaves=2, parameterisation=parameterisation
    )
    pixels = recipe.pattern(efficientnet, size=(128, 160), settings=settings)
    noise = recipe.pattern(efficientnet, size=(128, 160), settings=replace(settings, steps=1, step_size=0.0))
    objective = objectives.channel("block4", 7)
    assert score(pixels, efficientnet, objective) > 3 * score(noise, efficientnet, objective) > 0
    for axis in (-2, -1):
        jumps = (pixels - pixels.roll(1, axis)).abs().mean([each for each in (0, 1, -2, -1) if each != axis])
        # The first is the jump across the edge; it is one among its kind.
        assert jumps[0] <= jumps[1:].mean() + 2 * jumps[1:].std()


def test_tiles_give_the_pattern_of_the_whole(tiny64, monkeypatch):
    whole = made(tiny64, (96, 128), steps=3)
    monkeypatch.setattr(planning, "plan", lambda *_, sizes, **__: [gradient.Tiling(64, 24)] * len(sizes))
    torch.testing.assert_close(made(tiny64, (96, 128), steps=3), whole)


def test_small_sizes_come_first_and_large_ones_take_fewer_steps():
    settings = PatternSettings()
    assert recipe.octave_sizes(300, 400, settings) == [(75, 100), (150, 200), (300, 400)]
    assert len(recipe.octave_sizes(2000, 3000, settings)) == 5
    assert recipe.octave_sizes(100, 100, settings) == [(100, 100)]
    assert recipe.steps(settings, 512, 512) == settings.steps
    assert recipe.FEWEST <= recipe.steps(settings, 2000, 3000) < settings.steps / 3
    assert recipe.steps(replace(settings, steps=2), 2000, 3000) == 2


def test_steps_are_told_with_the_whole_picture(tiny32):
    told = []
    recipe.pattern(tiny32, size=(128, 128), settings=replace(QUICK, octaves=2, steps=3), on_step=told.append)
    assert [(step.octave, step.step) for step in told] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert [step.pixels.shape[-1] for step in told] == [64] * 3 + [128] * 3
    assert all(step.picture().shape == (1, 3, 128, 128) and step.size == (128, 128) for step in told)
    done = [step.done for step in told]
    assert done == sorted(done)
    assert done[-1] == 1


def test_a_channel_is_looked_at_before_its_relu(efficientnet):
    resolve_objective = recipe.resolve_objective(efficientnet, PatternSettings(layer="head", channel=300))
    assert str(resolve_objective) == "channel(head_pre_relu, 300)"
    assert (
        str(recipe.resolve_objective(efficientnet, PatternSettings(layer="block8", channel=3))) == "channel(block8, 3)"
    )


def test_noise_that_wakes_nothing_grows_louder_and_then_is_an_error(tiny32):
    def silent_below(contrast):
        def aim(pixels):
            return (torch.ones_like(pixels) if pixels.std() > contrast else torch.zeros_like(pixels)), 0.0

        return aim

    generator = torch.Generator().manual_seed(0)
    painting = recipe._first(silent_below(0.1), SIZE, QUICK, generator, torch.float32)
    assert painting.pixels().std() > 0.1
    with pytest.raises(SettingsError, match="silent"):
        recipe._first(silent_below(1.0), SIZE, QUICK, generator, torch.float32)


# Transforms


def test_turning_by_nothing_is_nothing_and_by_a_right_angle_turns():
    x = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    for beyond in ("circular", "reflect"):
        torch.testing.assert_close(transforms.turn(x, 0, 1, beyond=beyond), x)
        torch.testing.assert_close(transforms.turn(x, 90, 1, beyond=beyond), x.rot90(-1, (-2, -1)))
    torch.testing.assert_close(transforms.turn(x, 0, 1, (2, -3)), transforms.roll(x, 2, -3))


def test_turning_passes_gradients_on():
    x = torch.rand(1, 1, 6, 5, dtype=torch.float64, requires_grad=True)
    for beyond in ("circular", "reflect"):
        assert torch.autograd.gradcheck(lambda x, b=beyond: transforms.turn(x, 17, 1.2, (0.4, 1.3), beyond=b), x)


def test_enlarging_keeps_a_repeating_picture_repeating():
    rows = torch.arange(16, dtype=torch.float64)[:, None] + 0.5
    wave = (rows * 2 * torch.pi / 16).sin().expand(1, 1, 16, 16)
    wanted = ((torch.arange(48, dtype=torch.float64)[:, None] + 0.5) * 2 * torch.pi / 48).sin().expand(1, 1, 48, 40)
    torch.testing.assert_close(transforms.enlarge(wave, 48, 40), wanted, atol=0.02, rtol=0)


# Words and settings


def test_words_and_ranges():
    assert word("inception_4c/output:12") == ("inception_4c/output", 12)
    assert channel_numbers("3, 7,20-22,3") == (3, 7, 20, 21, 22)


@pytest.mark.parametrize("text", ["", "a", "1-", "1,,2", "-3", "1.5"])
def test_a_range_that_is_none(text):
    with pytest.raises(SettingsError, match="0-63 or 3,7,20-30"):
        channel_numbers(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": "9-3"}, "runs backwards; write 3-9"),
        ({"channel": 3, "channels": "1"}, "Give one of the two"),
        ({"layer": "deep", "objective": "layer(deep)"}, "says it all"),
        ({"parameterisation": "fourrier"}, "Did you mean 'fourier'"),
        ({"robustness": 9.0}, "from 0 to 4"),
    ],
)
def test_settings_that_contradict_themselves(changes, message):
    with pytest.raises(SettingsError, match=message):
        PatternSettings(**changes)


def test_a_word_and_a_flag_may_not_differ():
    assert pattern_settings.settings("deep:3", steps=2) == PatternSettings(layer="deep", channel=3, steps=2)
    with pytest.raises(SettingsError, match="'deep:3' and --channel name different ones"):
        pattern_settings.settings("deep:3", channel=4)


# A run


@pytest.fixture
def tiny_loads(tiny32, monkeypatch):
    monkeypatch.setattr(networks, "load_for", lambda _: tiny32)
    return tiny32


def again(made, **changes):
    opening = Opening((made.input["width"], made.input["height"]))
    return run.prepare(PATTERN, PATTERN.engine.again(made.settings, changes), opening=opening).make(None)


def test_a_pattern_is_made_again_from_its_record(tiny_loads, tmp_path):
    first = phosphene.pattern("deep:3", size=(80, 64), steps=3, octaves=1)
    first.save(tmp_path / "a.png")
    kept = record.read(tmp_path / "a.png")
    assert (kept.recipe, kept.objective, kept.complete) == ("pattern", "channel(deep, 3)", True)
    assert first.pixels.shape == (1, 3, 64, 80)
    assert torch.equal(again(kept).pixels, first.pixels)
    assert not torch.equal(again(kept, channel=4).pixels, first.pixels)
    assert again(kept, objective="layer(deep)").record.objective == "layer(deep)"
    with pytest.raises(RecordError, match="cannot be followed"):
        PATTERN.engine.again({**kept.settings, "jitter": 3}, {})


def test_a_sheet_is_a_pattern_of_each_channel(tiny_loads):
    told = []
    made = phosphene.pattern("deep", channels="1,4-5", size=SIZE, steps=2, octaves=1, on_step=told.append)
    assert made.record.objective == "deep, channels 1,4-5"
    assert [(step.octave, step.octaves) for step in told] == [(1, 3)] * 2 + [(2, 3)] * 2 + [(3, 3)] * 2
    assert told[-1].done == 1
    assert told[0].size == made.pixels.shape[-2:] == told[0].picture().shape[-2:]
    assert torch.equal(again(made.record).pixels, made.pixels)


def test_a_layer_with_many_channels_shows_the_first(efficientnet):
    aims, notes = channels_of(PatternSettings(layer="block8"), efficientnet)
    assert [each.channel for each in aims] == list(range(64))
    assert notes == ("the first 64 of 112 channels; all: --channels 0-111",)


@pytest.mark.parametrize("channels", [None, "0-2"])
def test_what_was_stopped_is_kept(tiny_loads, channels):
    def stop(step):
        if step.done > 0.4:
            raise StopRequested

    of = "deep" if channels else "deep:1"
    made = phosphene.pattern(of, channels=channels, size=SIZE, steps=3, octaves=1, on_step=stop)
    assert not made.record.complete
    assert made.record.reached == ("pattern 2 of 3, step 1 of 3" if channels else "octave 1 of 1, step 2 of 3")
    assert made.pixels.std() > 0.01


# The command line


def cli(*arguments, code=0):
    result = CliRunner().invoke(main, ["pattern", *arguments])
    assert result.exit_code == code, result.output
    return result


FAST = ("--steps", "1", "--size", "64x48")


@pytest.fixture
def here(tmp_path, monkeypatch, tiny_loads):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_pattern_gets_a_name_and_never_replaces_a_file(here):
    cli("deep:3", *FAST)
    with Image.open(here / "deep-3-pattern.png") as image:
        assert image.size == (64, 48)
        first = np.asarray(image).tobytes()
    cli("deep:3", *FAST, "--seed", "5")
    assert (here / "deep-3-pattern-2.png").exists()
    cli("deep:3", *FAST, "--seed", "5", "--force")
    with Image.open(here / "deep-3-pattern.png") as image:
        assert np.asarray(image).tobytes() != first


def test_outputs_can_be_named(here):
    (here / "out").mkdir()
    cli("deep:3", *FAST, "-o", "out")
    cli("deep:3", *FAST, "-o", "{layer}_{channel}_{seed}.png")
    cli("--objective", "layer(deep) + channel(middle, 2)", *FAST, "-q")
    names = {"out", "deep_3_0.png", "layer-deep-+-channel-middle-2-pattern.png"}
    assert {each.name for each in here.iterdir()} == names
    assert (here / "out" / "deep-3-pattern.png").is_file()


def test_a_sheet_tells_programs_of_itself(here):
    told = json.loads(cli("middle", "--channels", "0-3", *FAST, "--json", "-q").stdout)
    assert told["output"] == "middle-pattern.png"
    assert told["record"]["recipe"] == "pattern"
    assert "middle, channels 0-3" in CliRunner().invoke(main, ["info", "middle-pattern.png"]).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name a channel, as block8:37"),
        (("dep:3",), "Did you mean 'deep'"),
        (("deep:30",), "channels 0 to 9; there is no channel 30"),
        (("deep", "--channels", "3-12"), "channels 0 to 9; there is no channel 12"),
        (("deep:x",), "LAYER:NUMBER"),
        (("deep", "--channels", "all"), "0-63 or 3,7,20-30"),
        (("deep:3", "--size", "64y"), "width x height"),
        (("deep:3", "--size", "90000x90000"), "allowed are"),
        (("deep:3", "-o", "x.bmp"), "bmp"),
        (("--layer", "deep", "--layer", "middle"), "a pattern is of one layer"),
        (("deep:3", "--objective", "layer(deep)"), "says it all"),
    ],
)
def test_mistakes_are_explained(here, arguments, message):
    said = cli(*arguments, code=2)
    assert message in said.stderr
    assert not list(here.iterdir())


def test_an_interrupted_sheet_is_saved(here, monkeypatch):
    made = run.Prepared.make

    def interrupted(*arguments, on_step, **more):
        def stop(step):
            on_step(step)
            if step.octave == 2:
                raise StopRequested

        return made(*arguments, on_step=stop, **more)

    monkeypatch.setattr(run.Prepared, "make", interrupted)
    said = cli("deep", "--channels", "0-3", *FAST)
    assert "Stopped at pattern 2 of 4" in said.stderr
    assert not record.read("deep-pattern.png").complete


def test_help_needs_no_torch():
    program = (
        "import atexit, sys\natexit.register(lambda: print('torch' in sys.modules))\n"
        "from phosphene.cli import main; main(['pattern', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "contact sheet" in done.stdout
    assert done.stdout.endswith("False\n")


def test_an_unknown_layer_in_words(here):
    with pytest.raises(UnknownNameError):
        phosphene.pattern(objective=objectives.layer("nowhere"), steps=1)
