import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conftest import photograph
from phosphene import features, images
from phosphene.ascent import gradient
from phosphene.ascent.gradient import Tiling
from phosphene.errors import SettingsError, UnknownNameError
from phosphene.objectives import (
    TERMS,
    Objective,
    blur,
    channel,
    class_,
    direction,
    l2,
    layer,
    neuron,
    parse,
    read,
    total,
    tv,
)
from phosphene.recipes.dream import dream
from phosphene.recipes.settings import settings as choose

FEATURES = {"a": torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]), "b": torch.tensor([[[[-5.0]]]])}


def test_a_layer_is_half_its_sum_of_squares():
    assert layer("a")(FEATURES) == 15


def test_a_layer_may_be_its_plain_sum():
    assert layer("b", maximise="sum")(FEATURES) == -5


def test_a_channel_is_its_sum():
    assert channel("a", 1)(FEATURES) == 7


def test_objectives_add_scale_and_print_themselves():
    objective = layer("a") * 2 + 0.5 * channel("a", 0) - layer("b", maximise="sum")
    assert objective(FEATURES) == 2 * 15 + 0.5 * 3 + 5
    assert str(objective) == "2*layer(a) + 0.5*channel(a, 0) - sum(b)"
    assert objective.layers == {"a", "b"}


def test_flags_make_objectives():
    assert str(parse("a:0.5, b")) == "0.5*layer(a) + layer(b)"
    assert str(parse("a", 3)) == "channel(a, 3)"


@pytest.mark.parametrize(
    ("text", "index", "said"),
    [("a:x", None, "'x'"), ("a:0", None, "'0'"), ("a:nan", None, "nan"), ("a,b", 3, "Name one")],
)
def test_flags_that_make_none_say_why(text, index, said):
    with pytest.raises(SettingsError, match=said):
        parse(text, index)


def test_a_neuron_is_its_channel_at_one_place(tiny32):
    """Also if the place lies in another tile than the one that is measured."""
    objective = neuron("deep", 3, 0.6, 0.2).prepare(tiny32)
    pixels = torch.rand(1, 3, 96, 128)
    found = features.extract(tiny32, pixels, {"deep"})
    assert objective(found) == found["deep"][0, 3, int(0.6 * 96) // 4, int(0.2 * 128) // 4]
    whole, parts = (gradient.compute(pixels, tiny32, objective, Tiling(side, 24)) for side in (999, 88))
    torch.testing.assert_close(parts[0], whole[0])
    assert parts[1] == pytest.approx(whole[1], rel=1e-4)


def test_a_direction_may_be_numbers_a_picture_or_two(tiny32):
    pixels = torch.rand(1, 3, 40, 40)
    numbers = direction("shallow", (1, 0, 0, 0, 0, -1)).prepare(tiny32)
    found = features.extract(tiny32, pixels, {"shallow"})
    torch.testing.assert_close(numbers(found), (found["shallow"][:, 0] - found["shallow"][:, 5]).sum() / 2**0.5)
    for listed in ([1, 0, 0, 0, 0, -1], np.array([1, 0, 0, 0, 0, -1]), torch.tensor([1.0, 0, 0, 0, 0, -1])):
        assert str(direction("shallow", listed)) == str(numbers)
    bright, dark = torch.full((1, 3, 32, 32), 0.9), torch.full((1, 3, 32, 32), 0.1)
    there, back = (direction("shallow", *pair).prepare(tiny32) for pair in ((bright, dark), (dark, bright)))
    torch.testing.assert_close(there(found), -back(found))
    assert direction("shallow", bright).prepare(tiny32)(found) > 0


@pytest.mark.parametrize("towards", [(), ([],), ((1, 2),), ((0, 0, 0, 0, 0, 0),), ("a", "b", "c"), ((1,), "a")])
def test_impossible_directions_say_why(tiny32, towards):
    with pytest.raises(SettingsError, match="direction"):
        direction("shallow", *towards).prepare(tiny32)


def test_a_class_is_its_logit_summed_over_positions(efficientnet):
    pixels = torch.rand(1, 3, 96, 96)
    head = features.extract(efficientnet, pixels, {"head"})
    logits = next(found for name, found in efficientnet.iter_layers(pixels) if name == "logits")
    by_name, by_number = (class_(of).prepare(efficientnet)(head) for of in ("tabby", 281))
    assert by_name == by_number
    torch.testing.assert_close(by_name / 9, logits[0, 281])  # 3×3 positions


@pytest.mark.parametrize(("of", "said"), [("tabbi", "'tabby'"), (1000, "0 to 999"), ("cat", "Did you mean")])
def test_unknown_classes_offer_others(efficientnet, of, said):
    with pytest.raises(UnknownNameError, match=said):
        class_(of).prepare(efficientnet)


def test_a_network_without_classes_says_so(tiny32):
    with pytest.raises(UnknownNameError, match="names no classes"):
        class_(3).prepare(tiny32)


@pytest.mark.parametrize("penalty", [tv, l2, blur])
def test_penalties_fall_when_they_are_subtracted(tiny32, penalty):
    pixels = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    objective = (-penalty()).prepare(tiny32)
    before = objective({"pixels": pixels})
    g, _ = gradient.compute(pixels, tiny32, objective, Tiling(999, 0))
    after = objective({"pixels": pixels + 1e-3 * g / g.abs().mean()})
    assert before < after < 0
    flat = penalty()({"pixels": torch.full((1, 3, 48, 48), 0.5)})
    assert flat == 0


@pytest.mark.parametrize("penalty", [tv, l2, blur])
def test_penalties_are_the_same_by_tiles(tiny32, penalty):
    pixels, objective = torch.rand(1, 3, 96, 80), penalty() + 0 * layer("deep")
    whole, parts = (gradient.compute(pixels, tiny32, objective, Tiling(side, 24)) for side in (999, 88))
    torch.testing.assert_close(parts[0], whole[0], rtol=1e-4, atol=1e-3)


TEXTS = [
    "layer(block8)", "sum(block8)", "channel(block8, 37)", "neuron(block8, 3)", "neuron(block8, 3, 0.25, 0.5)",
    "direction(block8, china.jpg)", "direction(block8, 'two words.jpg', b.jpg)", "direction(a, [1.0, -0.5])",
    "class(tabby)", "class(281)", "guide(block8, flowers.jpg)", "guide(block8, a.jpg, b.jpg, match=dot, scales=[0.0])",
    "tv()", "l2()", "blur()", "layer(block8) + 0.5*channel(block10, 37) - 0.2*class('tiger cat')",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_text_and_python_print_alike(text):
    objective = read(text)
    assert str(objective) == str(read(str(objective)))
    assert str(objective).replace("'", "").replace(".0", "") == text.replace("'", "").replace(".0", "")


@given(
    st.lists(
        st.tuples(st.sampled_from(TEXTS), st.floats(-1e3, 1e3).filter(lambda weight: weight * 0.1)),
        min_size=1,
        max_size=5,
    )
)
def test_any_sum_of_terms_can_be_read_again(parts):
    objective = total([weight * read(text) for text, weight in parts])
    assert str(read(str(objective))) == str(objective)


@given(st.text(max_size=60) | st.lists(st.sampled_from([*TERMS, *"()*+-,.= 'a1", "block8"]), max_size=20).map("".join))
def test_nothing_but_an_objective_comes_out_of_a_text(text):
    try:
        found = read(text)
    except SettingsError as error:
        assert "character" in str(error)  # noqa: PT017 - whatever else is raised fails the test
    else:
        assert isinstance(found, Objective)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("layr(block8)", 0, "'layer'"),
        ("layer(a) + channel(block8)", 11, "channel(LAYER, NUMBER)"),
        ("channel(block8, x)", 16, "whole number"),
        ("channel(block8, 1.5)", 16, "whole number"),
        ("guide(block8)", 0, "guide(LAYER, PICTURE"),
        ("guide(best, a.jpg)", 0, "phosphene match"),
        ("guide(a, b.jpg, match=nearest)", 0, "dot"),
        ("guide(a, b.jpg, size=3)", 0, "unknown option 'size'"),
        ("tv(3)", 0, "tv()"),
        ("tv(x=3)", 0, "takes no options"),
        ("neuron(a, 1, 2, 0.5)", 0, "0 to 1"),
    ],
)
def test_errors_point_at_the_character(text, column, said):
    with pytest.raises(SettingsError) as caught:
        read(text)
    assert said in str(caught.value)
    assert f"character {column + 1}:" in str(caught.value)


def test_unknown_layers_and_channels_are_named(tiny32):
    with pytest.raises(UnknownNameError, match="Did you mean 'shallow'"):
        layer("shalow").prepare(tiny32)
    with pytest.raises(UnknownNameError, match="0 to 9"):
        channel("deep", 10).prepare(tiny32)


@pytest.mark.parametrize(
    "text",
    [
        "layer(block8)", "sum(block8)", "channel(block8, 37)", "neuron(block8, 37)", "class('tabby')", "class(985)",
        "direction(block8, {flower})", "direction(block8, {flower}, {china})", "guide(block5, {flower})",
        "guide(block5, {flower}, match=dot)", "-1*tv()", "-1*l2()", "-1*blur()",
        "layer(block8) + 0.5*channel(block10, 37) - 0.2*class('tabby')",
    ],
)  # fmt: skip
def test_ascent_raises_every_objective(efficientnet, text):
    names = {name: f"'{photograph(name)}'" for name in ("flower", "china")}
    objective = read(text.format(**names)).prepare(efficientnet)
    pixels, scores = images.load(photograph("china"), long_side=128).pixels, []
    chosen = choose(octaves=1, steps=10, jitter=0, colour=1.0, normalise="std", decay=1.0)
    dream(pixels, efficientnet, objective, settings=chosen, on_step=lambda step: scores.append(step.score))
    assert scores[-1] > scores[0] + 0.1 * abs(scores[0])


def test_a_function_that_is_computed_anew_has_the_same_value_and_gradient():
    generator, held = torch.Generator().manual_seed(0), []
    tensors = [torch.randn(3, 4, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2)]

    def function(a, b):
        held.append(torch.is_grad_enabled())
        return (a.sin() * b).square().mean()

    found = features.anew(function, *tensors)
    assert torch.equal(found, function(*tensors))
    ours = torch.autograd.grad(2 * found, tensors)
    assert all(
        torch.equal(a, b) for a, b in zip(ours, torch.autograd.grad(2 * function(*tensors), tensors), strict=True)
    )
    assert held[0] is False  # nothing is kept of the first time
