import pytest
import torch

from phosphene.errors import SettingsError, UnknownNameError
from phosphene.objectives import channel, layer, parse

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


def test_unknown_layers_and_channels_are_named(tiny32):
    with pytest.raises(UnknownNameError, match="Did you mean 'shallow'"):
        layer("shalow").prepare(tiny32)
    with pytest.raises(UnknownNameError, match="0 to 9"):
        channel("deep", 10).prepare(tiny32)
