import importlib.util
import re
import sys
import threading
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

import phosphene
from phosphene import features, networks
from phosphene.ascent import gradient, planning
from phosphene.ascent.gradient import Tiling
from phosphene.errors import SettingsError, StopRequested, UnknownNameError, WeightsError
from phosphene.images.sources import sha256_of
from phosphene.networks import foreign
from phosphene.networks.field import ReceptiveField
from phosphene.objectives import class_, layer
from phosphene.recipes.dream import dream
from phosphene.recipes.settings import DreamSettings
from test_gradient import exact_error

HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


class Plain(nn.Module):
    """Windows of many kinds, `(kernel, stride, padding, pooling)`, and nothing else."""

    def __init__(self, *windows):
        super().__init__()
        self.windows, channels = windows, (3, *range(4, 4 + len(windows)))
        for index, (kernel, stride, padding, pools) in enumerate(windows):
            window = nn.MaxPool2d(kernel, stride, padding) if pools else None
            self.add_module(
                f"step{index}", window or nn.Conv2d(channels[index], channels[index + 1], kernel, stride, padding)
            )
            if pools:
                channels = (*channels[: index + 1], channels[index], *channels[index + 2 :])

    def forward(self, x):
        for step in self.children():
            x = step(x)
        return x

    def fields(self):
        view = ReceptiveField(3)
        for kernel, stride, padding, _ in self.windows:
            view = view.slide(kernel, stride, padding)
            yield view


EVEN = Plain((7, 2, 3, False), (3, 2, 1, True), (3, 1, 1, False), (5, 2, 2, False), (3, 2, 1, False))
FLOORED = Plain((3, 1, 1, False), (2, 2, 0, True), (3, 1, 1, False), (2, 2, 0, True), (3, 1, 1, False))
UNPADDED = Plain((7, 2, 0, False), (3, 2, 0, True), (5, 1, 0, False), (3, 2, 0, True))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.short = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        y = self.conv2(self.relu(self.norm(self.conv1(x))))
        y += self.short(x)
        return self.relu(y)


class Residuals(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(inplace=True))
        self.blocks = nn.Sequential(Residual(8, 8, 1), Residual(8, 12, 2), Residual(12, 12, 1), Residual(12, 16, 2))
        self.head = nn.Linear(16, classes)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Squeezing(nn.Module):
    """A squeeze-and-excitation block between convolutions."""

    def __init__(self):
        super().__init__()
        self.before = nn.Conv2d(3, 8, 3, 2, 1)
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Hardsigmoid())
        self.after = nn.Conv2d(8, 8, 3, 2, 1)

    def forward(self, x):
        x = self.before(x)
        return self.after(x * self.squeeze(x))


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.mix = nn.LayerNorm(width), nn.Linear(width, 3 * width)

    def forward(self, x):
        return x + F.scaled_dot_product_attention(*self.mix(self.norm(x)).chunk(3, -1))


class Transformer(nn.Module):
    """Patches of 16, a class token and a register, and positions for 96×96 pixels or what the test says."""

    def __init__(self, side=14, width=16):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.first = nn.Parameter(torch.randn(1, 2, width))
        self.pos_embed = nn.Parameter(torch.randn(1, 2 + side**2, width))
        self.blocks = nn.Sequential(*(Attention(width) for _ in range(5)))
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = self.blocks(torch.cat([self.first, x], 1) + self.pos_embed)
        return self.head(x[:, 0])


class Windows(nn.Module):
    """Means over 7×7 windows that stand still, channels last, as in Swin."""

    def __init__(self):
        super().__init__()
        self.patches, self.mix = nn.Conv2d(3, 6, 4, 4), nn.Linear(6, 6)

    def forward(self, x):
        x = self.patches(x).permute(0, 2, 3, 1)
        _, height, width, _ = x.shape
        means = F.avg_pool2d(x.permute(0, 3, 1, 2), 7, ceil_mode=True)
        wide = F.interpolate(means, scale_factor=7)[..., :height, :width]
        return self.mix(x + wide.permute(0, 2, 3, 1))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(5)


@pytest.fixture(scope="module")
def residuals():
    torch.manual_seed(1)
    return networks.load(Residuals().eval(), **HALF)


@pytest.mark.parametrize("module", [EVEN, FLOORED], ids=["even", "floored"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_geometry_found_by_running_is_the_computed_one(module, dtype):
    found = networks.load(module, **HALF, dtype=dtype)
    assert [each.field for each in found.layers.values()] == [
        ReceptiveField(known.channels, wanted.stride, wanted.first, wanted.last)
        for known, wanted in zip(found.layers.values(), module.fields(), strict=True)
    ]
    assert all(each.exact for each in found.layers.values())


def test_positions_of_unpadded_layers_lie_where_they_look():
    found = networks.load(UNPADDED, **HALF)
    for known, wanted in zip(found.layers.values(), UNPADDED.fields(), strict=True):
        assert (known.stride, known.receptive_field) == (wanted.stride, wanted.size)
        assert abs((known.field.first + known.field.last + 1 - known.stride) / 2) <= known.stride / 2
    pixels = torch.rand(1, 3, 150, 131)
    for name, activations in features.extract(found, pixels, set(found.layers)).items():
        stride = found.layer(name).stride
        assert activations.shape[-2:] == (-(-150 // stride), -(-131 // stride))


def test_windows_wider_than_high_are_measured_both_ways():
    module = nn.Sequential(nn.Conv2d(3, 4, (1, 7), padding=(0, 3)), nn.Conv2d(4, 4, (3, 1), padding=(1, 0)))
    assert [each.receptive_field for each in networks.load(module, **HALF).layers.values()] == [7, 7]


@pytest.mark.parametrize(
    ("module", "name"),
    [(EVEN, "step4"), (FLOORED, "step4"), (UNPADDED, "step3"), (Residuals(), "blocks.2")],
    ids=["even", "floored", "unpadded", "residuals"],
)
@pytest.mark.parametrize("size", [(313, 178), (230, 401)])
def test_exact_overlap_gives_the_untiled_gradient(module, name, size):
    assert exact_error(networks.load(module.eval(), **HALF, dtype=torch.float64), name, *size) < 1e-12


def test_layers_are_modules_in_the_order_they_run(residuals):
    names = list(residuals.layers)
    assert names.index("stem.0") < names.index("blocks.0.conv1") < names.index("blocks.3")
    assert "head" not in residuals.layers
    assert residuals.default_layer in ("blocks.2", "blocks.3", "blocks.1")
    assert {"blocks.0", "blocks.3"} <= {name for name, known in residuals.layers.items() if known.shows}
    assert not residuals.layer("blocks.1.conv2").shows


def test_a_module_called_twice_is_two_layers(residuals):
    first, second = "blocks.1.relu", "blocks.1.relu/2"
    found = features.extract(residuals, torch.rand(1, 3, 64, 64), {first, second, "blocks.1"})
    assert not torch.equal(found[first], found[second])
    assert torch.equal(found[second], found["blocks.1"])


def test_layers_changed_in_place_are_heard_as_they_were(residuals):
    names = {"stem.0", "stem.1", "blocks.0.norm", "blocks.0.conv2", "blocks.2"}
    pixels = torch.rand(1, 3, 64, 80)
    together = features.extract(residuals, pixels, names)
    for name in names:
        assert torch.equal(together[name], features.extract(residuals, pixels, {name})[name])
    assert together["stem.0"].min() < 0
    assert torch.equal(together["stem.0"].relu(), together["stem.1"])


def test_the_module_says_the_same_as_the_network():
    module = Residuals().eval()
    network = networks.load(module, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    pixels = torch.rand(1, 3, 71, 90)
    x = (pixels - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / torch.tensor([0.4, 0.5, 0.6])[:, None, None]
    torch.testing.assert_close(dict(network.iter_layers(pixels))["logits"], module(x))
    torch.testing.assert_close(features.extract(network, pixels, {"stem"})["stem"], module.stem(x))
    assert module.head.weight.requires_grad


def test_nothing_past_the_deepest_layer_is_computed(residuals):
    heard = []
    body = residuals.iter_layers._body.module
    hook = body.blocks[1].register_forward_hook(lambda *_: heard.append("too far"))
    features.extract(residuals, torch.rand(1, 3, 40, 40), {"stem.0", "blocks.0"})
    hook.remove()
    assert not heard


def test_a_classifier_behind_a_mean_is_found():
    network = networks.load(Residuals(4).eval(), **HALF, classes=["ant", "bee", "cat", "dog"])
    assert network.classifier.layer == "blocks"
    pixels = torch.rand(1, 3, 64, 64)
    objective = class_("bee").prepare(network)
    score = objective(features.extract(network, pixels, objective.layers)) / 64
    logits = next(found for name, found in network.iter_layers(pixels, {"logits"}))
    torch.testing.assert_close(score, logits[0, 1])
    assert {name for name, _ in network.classify(pixels)} == {"ant", "bee", "cat", "dog"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_score_rises(residuals, dtype):
    network = networks.load(Residuals().eval(), **HALF, dtype=dtype)
    scores = []
    settings = DreamSettings(octaves=2, steps=4, layer="blocks.2")
    pixels = torch.rand(1, 3, 150, 200, dtype=dtype)
    dreamt = dream(pixels, network, settings=settings, on_step=lambda step: scores.append(step.score))
    assert scores[3] > scores[0]
    assert dreamt.shape == pixels.shape
    assert features.bytes_per_pixel(network, {"blocks.2"}) > 10


def test_squeeze_and_excitation_sees_the_whole_picture():
    network = networks.load(Squeezing(), **HALF)
    assert network.layer("before").exact
    assert not network.layer("after").exact
    assert "squeeze" not in network.layers
    with pytest.raises(SettingsError, match="looks at the whole picture"):
        planning.plan(network, layer("after"), sizes=[(64, 64)], tile=None, overlap="exact", memory=None)
    assert any("tiles are an approximation" in note for note in network.notes)


def test_windows_that_stand_still_are_not_exact():
    network = networks.load(Windows(), **HALF)
    assert network.layer("patches").exact
    assert not network.layer("mix").exact
    assert features.extract(network, torch.rand(1, 3, 61, 30), {"mix"})["mix"].shape == (1, 6, 16, 8)


def test_a_transformers_patches_are_positions():
    module = Transformer().eval()
    network = networks.load(module, **HALF)
    assert network.layer("blocks.2").stride == 16
    assert network.default_layer == "blocks.2"
    assert not network.layer("blocks.2").exact
    pixels = torch.rand(1, 3, 224, 224)
    found = features.extract(network, pixels, {"blocks"})["blocks"]
    x = module.patches(pixels * 2 - 1).flatten(2).transpose(1, 2)
    wanted = module.blocks(torch.cat([module.first, x], 1) + module.pos_embed)[:, 2:]
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), wanted)


@pytest.mark.parametrize("size", [(50, 77), (33, 240), (224, 223)])
def test_a_transformers_positions_are_resized_for_odd_sizes(size):
    module = Transformer().eval()
    network = networks.load(module, **HALF)
    pixels = torch.rand(1, 3, *size)
    grid = [-(-side // 16) for side in size]
    found = features.extract(network, pixels, {"blocks.0"})["blocks.0"]
    assert list(found.shape[-2:]) == grid
    padded = F.pad(pixels, (0, grid[1] * 16 - size[1], 0, grid[0] * 16 - size[0]), mode="replicate")
    square = module.pos_embed[:, 2:].transpose(1, 2).unflatten(2, (14, 14))
    fitted = F.interpolate(square, size=grid, mode="bicubic", antialias=True).flatten(2).transpose(1, 2)
    x = module.patches(padded * 2 - 1).flatten(2).transpose(1, 2)
    wanted = module.blocks[0](
        torch.cat([module.first + module.pos_embed[:, :2], x + fitted], 1),
    )[:, 2:]
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), wanted)
    g, _ = gradient.compute(pixels, network, layer("blocks.0"), Tiling(1000, 0))
    assert g.abs().sum(1).min() > 0


def test_networks_for_larger_pictures_see_small_ones_continued():
    deep = Plain((11, 4, 0, False), (3, 2, 0, True), (5, 1, 0, False), (3, 2, 0, True))
    network = networks.load(deep, **HALF)
    g, score = gradient.compute(torch.rand(1, 3, 40, 33), network, layer("step3"), Tiling(1000, 0))
    assert g.abs().sum() > 0
    assert score > 0


def test_what_a_module_says_of_itself_is_taken():
    module = Residuals()
    module.mean, module.std, module.default_layer = (0.5, 0.4, 0.3), (0.2, 0.2, 0.2), "blocks.0"
    network = networks.load(module)
    assert network.default_layer == "blocks.0"
    assert not network.notes
    assert any("ImageNet" in note for note in networks.load(Residuals()).notes)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"default_layer": "blocks.9"}, UnknownNameError, "Did you mean 'blocks"),
        ({"mean": (0.5,)}, SettingsError, "three numbers"),
        ({"weights": "nowhere.safetensors"}, WeightsError, "no weights file"),
    ],
)
def test_impossible_wishes_are_told(changes, error, words):
    with pytest.raises(error, match=words):
        networks.load(Residuals(), **changes)


@pytest.mark.parametrize("module", [nn.Linear(3, 4), nn.Conv2d(1, 4, 3), nn.Sequential(nn.Flatten(), nn.Linear(5, 4))])
def test_modules_without_positions_are_refused(module):
    with pytest.raises(SettingsError, match=r"cannot take a picture|no layer with positions"):
        networks.load(module, **HALF)


class Stages(nn.Module):
    """Two stages, which a test joins in its own way."""

    def __init__(self, join, inputs=3):
        super().__init__()
        self.join = join
        self.first = nn.Sequential(nn.Conv2d(inputs, 6, 3, 2, 1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1), nn.Sigmoid(), nn.Conv2d(8, 8, 3, 1, 1))

    def forward(self, x):
        return self.join(self, x)


class Several(nn.Module):
    """Gives its answer among other things."""

    def __init__(self, give):
        super().__init__()
        self.conv, self.give = nn.Conv2d(3, 6, 3, 2, 1), give

    def forward(self, x):
        return self.give(self.conv(x))


class NoWayBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1


def raises(error):
    raise error


def inside(mode):
    def join(net, x):
        with mode():
            return net.second(net.first(x))

    return join


def changed_in_place(net, x):
    y = net.second[1](net.second[0](net.first(x)))
    z = y * 1
    y.mul_(2)
    return net.second[2](z + y)


def only_without_gradient(net, x):
    return raises(NotImplementedError("for inference alone")) if x.requires_grad else net.second(net.first(x))


ALL_CUT = {
    "no_grad": (inside(torch.no_grad), r"first\.0 runs under torch\.no_grad"),
    "inference": (inside(torch.inference_mode), r"first\.0 runs under torch\.no_grad\(\) or torch\.inference_mode"),
    "detached": (lambda net, x: net.second(net.first(x.detach())), r"first\.0 is cut off from the picture"),
    "whole numbers": (lambda net, x: net.second(net.first((x * 9).int().float())), r"first\.0 is cut off"),
    "not looking": (lambda net, x: net.second(net.first(torch.zeros_like(x))), r"first\.0 is cut off"),
    "no way back": (lambda net, x: net.second(net.first(NoWayBack.apply(x))), r"first\.0 has no way back"),
    "no answer": (lambda net, x: net.second(net.first(x / 0)), r"first\.0 gives infinite numbers"),
    "only without": (
        only_without_gradient,
        "fails where a gradient is wanted: NotImplementedError: for inference alone",
    ),
    "own error": (
        lambda net, x: raises(KeyError("pixel_values")),
        r"KeyError: 'pixel_values' \(test_adapter\.py, line",
    ),
    "attribute": (lambda net, x: net.third(x), "AttributeError"),
    "exit": (lambda net, x: raises(SystemExit(3)), "SystemExit: 3"),
    "one size": (lambda net, x: net.second(net.first(x.reshape(1, 3, 64, 64))), "cannot take a picture of 448×224"),
    "half": (lambda net, x: net.first(x.half()), "Phosphene computes in torch.float32"),
    "two pictures": (lambda net, x: net.second(net.first(x.expand(2, -1, -1, -1))), r"first\.0 2×6×112×112"),
    "shrunk": (lambda net, x: net.second(net.first(F.interpolate(x, (64, 64)))), r"first\.0 1×6×32×32"),
    "nothing": (lambda net, x: None, "no tensors"),
}


@pytest.mark.parametrize("case", ALL_CUT)
def test_what_cannot_dream_is_told_by_what_is_wrong_with_it(case):
    join, words = ALL_CUT[case]
    with pytest.raises(SettingsError, match=words) as told:
        networks.load(Stages(join), name="mine", **HALF)
    assert "mine" in str(told.value)


@pytest.mark.parametrize("inputs", [2, 4])
def test_networks_of_other_channels_are_told_so(inputs):
    with pytest.raises(SettingsError, match=f"It takes {inputs} channels; pictures have three"):
        networks.load(Stages(lambda net, x: net.second(net.first(x)), inputs), **HALF)


HALF_CUT = {
    "detached": (lambda net, x: net.second(net.first(x).detach()), r"second\.0 is cut off from the picture"),
    "numpy": (lambda net, x: net.second(torch.from_numpy(net.first(x).detach().numpy())), r"second\.0 is cut off"),
    "numpy undetached": (lambda net, x: net.second(torch.from_numpy(net.first(x).numpy())), "Can't call numpy"),
    "argmax": (
        lambda net, x: net.second(torch.eye(6)[net.first(x).argmax(1)].permute(0, 3, 1, 2)),
        r"second\.0 is cut",
    ),
    "in place": (changed_in_place, r"second\.1 has no way back to the picture \(RuntimeError"),
    "infinite": (lambda net, x: net.second(net.first(x) / 0), r"second\.0 gives infinite numbers"),
}


@pytest.mark.parametrize("case", HALF_CUT)
def test_networks_dream_as_far_as_their_gradient_reaches(case):
    join, words = HALF_CUT[case]
    network = networks.load(Stages(join), name="mine", **HALF)
    assert any(re.search(words, note) for note in network.notes)
    assert "first.1" in network.layers
    assert "second.2" not in network.layers
    made = dream(torch.rand(1, 3, 48, 40), network, settings=DreamSettings(octaves=1, steps=1))
    assert made.isfinite().all()
    with pytest.raises((SettingsError, UnknownNameError), match=r"second\.2"):
        network.layer("second.2")


def test_a_layer_without_a_gradient_is_refused_by_name():
    detached = HALF_CUT["detached"][0]
    with pytest.raises(SettingsError, match=r"mine cannot dream at second\.2: it is cut off"):
        networks.load(Stages(detached), name="mine", default_layer="second.2", **HALF)
    network = networks.load(Stages(detached), name="mine", **HALF)
    with pytest.raises(SettingsError, match=r"mine cannot dream at second\.2: that layer is cut off"):
        layer("second.2").prepare(network)


@pytest.mark.parametrize(
    "give",
    [lambda y: (y, 1), lambda y: [y], lambda y: {"loss": None, "out": y}, lambda y: (y.mean(), y)],
    ids=["tuple", "list", "dict", "second"],
)
def test_modules_that_give_several_things_are_heard(give):
    module = nn.Sequential(Several(give))
    network = networks.load(module, **HALF)
    assert list(network.layers) == ["0.conv", "0"]
    assert network.layer("0").channels == 6
    found = features.extract(network, torch.rand(1, 3, 40, 48), {"0"})["0"]
    assert found.shape == (1, 6, 20, 24)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
def test_what_others_put_around_a_module_is_taken_off():
    plain = networks.load(Residuals().eval(), **HALF)
    for wrap in (nn.DataParallel, torch.compile):
        assert list(networks.load(wrap(Residuals().eval()), **HALF).layers) == list(plain.layers)


def test_odd_modules_dream_like_others():
    with pytest.warns(FutureWarning, match="weight_norm"):
        normed = torch.nn.utils.weight_norm(nn.Conv2d(3, 6, 3, 2, 1))
    for module in (normed, nn.LazyConv2d(6, 3), nn.Conv2d(3, 6, 3).half(), nn.Conv2d(3, 6, 3).bfloat16()):
        network = networks.load(nn.Sequential(module, nn.ReLU()), **HALF)
        g, _ = gradient.compute(torch.rand(1, 3, 40, 48), network, layer("0"), Tiling(1000, 0))
        assert g.any()


def test_modules_without_numbers_or_with_whole_ones_are_told():
    with pytest.raises(SettingsError, match="device 'meta'"):
        networks.load(nn.Sequential(nn.Conv2d(3, 4, 3, device="meta")), **HALF)
    from torch.ao.nn.quantized import Conv2d

    with pytest.warns((UserWarning, DeprecationWarning)):
        quantised = nn.Sequential(Conv2d(3, 4, 3))
    with pytest.raises(SettingsError, match="quantised, at 0"):
        networks.load(quantised, **HALF)
    held = nn.Sequential(nn.Conv2d(3, 4, 3))
    held.lock = threading.Lock()
    with pytest.raises(SettingsError, match="cannot be copied") as told:
        networks.load(held, **HALF)
    assert ".py" not in str(told.value)  # no line of ours, which would help nobody


@pytest.mark.parametrize(
    "said", [{"std": (0, 1, 1)}, {"mean": "abc"}, {"mean": 3j}, {"classes": 5}, {"default_layer": 7}]
)
def test_impossible_words_about_a_module_are_told(said):
    module = Residuals()
    for name, value in said.items():
        setattr(module, name, value)
    with pytest.raises(SettingsError, match=next(iter(said))):
        networks.load(module)


def grey_network(**words):
    return networks.load(Stages(lambda net, x: net.second(net.first(x)), 1), name="grey", **words)


@pytest.mark.parametrize("words", [HALF, {"mean": 0.5, "std": 0.5}, {"mean": [0.5], "std": torch.tensor(0.5)}, {}])
def test_networks_of_one_channel_see_brightness(words):
    network = grey_network(**words)
    pixels = torch.rand(1, 3, 40, 48)
    seen = (pixels * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    module = network.iter_layers._body.module
    mean, std = (0.5, 0.5) if words else (0.449, 0.226)
    found = features.extract(network, pixels, {"first"})["first"]
    torch.testing.assert_close(found, module.first((seen - mean) / std), atol=1e-5, rtol=1e-4)


def test_networks_of_one_channel_dream_in_the_pictures_colours():
    network, pixels = grey_network(**HALF), 0.3 + 0.4 * torch.rand(1, 3, 40, 48)
    change = dream(pixels, network, settings=DreamSettings(octaves=1, steps=2, step_size=1, clip="none")) - pixels
    assert change.abs().max() > 0.001
    torch.testing.assert_close(change[:, :1].expand(-1, 3, -1, -1), change, atol=1e-5, rtol=1e-3)


def test_a_mean_of_one_number_is_for_grey_networks():
    with pytest.raises(SettingsError, match="three numbers"):
        networks.load(Residuals(), mean=0.5, std=0.5)


def test_weights_of_a_module_make_a_round_trip(tmp_path):
    module, pixels = Residuals().eval(), torch.rand(1, 3, 48, 48)
    wanted = dict(networks.load(module, **HALF).iter_layers(pixels))["logits"]
    state = module.state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pth")
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}, tmp_path / "c.tar")
    for path in sorted(tmp_path.iterdir()):
        network = networks.load(Residuals().eval(), weights=path, **HALF)
        torch.testing.assert_close(dict(network.iter_layers(pixels))["logits"], wanted)
        assert network.file == path.name
        assert network.sha256 == sha256_of(path)


def test_a_file_with_other_classes_changes_the_classifier(tmp_path):
    save_file(Residuals(7).state_dict(), tmp_path / "places.safetensors")
    network = networks.load(Residuals(10).eval(), weights=tmp_path / "places.safetensors", **HALF)
    assert dict(network.iter_layers(torch.rand(1, 3, 48, 48)))["logits"].shape == (1, 7)
    assert len(network.classifier.weight) == 7


def test_wrong_weights_teach(tmp_path):
    state = Residuals().state_dict()
    del state["stem.0.weight"]
    state["blocks.0.conv1.weight"] = torch.zeros(2, 2)
    state["surplus"] = torch.zeros(1)
    save_file(state, tmp_path / "wrong.safetensors")
    with pytest.raises(WeightsError) as refused:
        networks.load(Residuals(), weights=tmp_path / "wrong.safetensors", **HALF)
    for words in ("missing: stem.0.weight", "blocks.0.conv1.weight is 2×2, and should be 8×8×3×3", "surplus"):
        assert words in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"garbage" * 50, b"\x40" + b"\0" * 7 + b"{garbage"])
def test_damaged_weights_are_refused(tmp_path, content):
    (tmp_path / "damaged.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        networks.load(Residuals(), weights=tmp_path / "damaged.safetensors", **HALF)


def test_pickles_of_more_than_tensors_are_refused(tmp_path):
    torch.save(Residuals(), tmp_path / "whole.pth")
    with pytest.raises(WeightsError, match="could run code"):
        networks.load(Residuals(), weights=tmp_path / "whole.pth", **HALF)


OWN = """
import torch
from torch import nn
from beside import CHANNELS

def small():
    net = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(CHANNELS, 4, 3, 2, 1))
    net.mean, net.std = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    return net

def with_words():
    return small(), {"default_layer": "0"}

def broken():
    return nn.Conv2d(3, 4, undefined)

def nothing():
    return 3

class Failing(nn.Module):
    def forward(self, x):
        return x + undefined
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "beside.py").write_text("CHANNELS = 6\n")
    (tmp_path / "my_net.py").write_text(OWN)
    yield tmp_path / "my_net.py"
    sys.modules.pop("beside", None)


def test_a_file_of_the_users_makes_a_network(own):
    network = networks.load(f"{own}:small")
    assert network.name == "my_net.py:small"
    assert network.layer("0").channels == 6
    assert not network.notes
    assert networks.load(f"{own}:with_words").default_layer == "0"
    assert networks.load(f"{own}:small") is network
    assert networks.load(f"{own}:small", dtype=torch.float64).sha256 == network.sha256
    state = networks.load(f"{own}:small").iter_layers._body.module.state_dict()
    save_file({key: torch.zeros_like(value) for key, value in state.items()}, own.with_name("zero.safetensors"))
    blank = networks.load(f"{own}:small", weights=own.with_name("zero.safetensors"))
    assert not features.extract(blank, torch.rand(1, 3, 40, 40), {"2"})["2"].any()


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("smal", "Did you mean 'small'"),
        ("", "small, with_words"),
        ("broken", r"my_net.py, line 15: NameError: name 'undefined'"),
        ("nothing", "gives int; a torch.nn.Module is wanted"),
        ("Failing", r"NameError: name 'undefined' is not defined \(my_net.py, line 22\)"),
    ],
)
def test_mistakes_in_the_users_file_are_told(own, factory, words, monkeypatch):
    monkeypatch.chdir(own.parent)
    with pytest.raises((UnknownNameError, SettingsError), match=words):
        networks.load(f"{own.name}:{factory}" if factory else str(own))


def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path):
    (tmp_path / "bad.py").write_text("import torch\n\ndef net(:\n")
    with pytest.raises(SettingsError, match=r"bad.py, line 3: SyntaxError"):
        networks.load(f"{tmp_path / 'bad.py'}:net")
    with pytest.raises(UnknownNameError, match="no file"):
        networks.load(f"{tmp_path / 'none.py'}:net")


def test_names_from_elsewhere_are_known_by_their_form():
    for name in (r"C:\nets\my_net.py:small", "my_net.py", "timm:resnet18", "torchvision:vgg11", "a b/net.py:f"):
        assert foreign.is_foreign(name)
    for name in ("googlenet", "weights.pth", r"C:\models\bvlc_googlenet.caffemodel", "my_net.pyc"):
        assert not foreign.is_foreign(name)


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_libraries_that_are_not_installed_are_named(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(WeightsError, match=re.escape(f"pip install 'phosphene[{library}]'")):
        networks.load(f"{library}:resnet18")


def test_weights_are_for_networks_by_name(tmp_path):
    with pytest.raises(SettingsError, match="Leave one"):
        networks.load(tmp_path / "a.pth", weights="b.pth")
    with pytest.raises(WeightsError, match="no weights file"):
        networks.load("googlenet", weights=tmp_path / "b.caffemodel")
    path = networks.find(networks.SOURCES["efficientnet-lite0"])
    assert networks.load("efficientnet-lite0", weights=path) is networks.load("efficientnet-lite0")


@pytest.fixture(scope="session")
def torchvision():
    """Torchvision, also beside a torch that its compiled operators do not fit: no network here needs them."""
    found = importlib.util.find_spec("torchvision")
    if found is None:
        pytest.skip("needs torchvision, which timm brings along: pip install -e '.[timm,torchvision]'")
    folder = Path(found.origin).parent
    library = torch.library.Library("torchvision", "FRAGMENT")
    try:
        torch.ops.load_library(next(folder.glob("_C.*")))
    except (OSError, StopIteration):
        text = (folder / "_meta_registrations.py").read_text()
        for operator in set(re.findall(r'(?:register_meta\("|torchvision::)(\w+)"', text)):
            library.define(f"{operator}(Tensor x) -> Tensor")
    import torchvision

    yield torchvision
    del library


@pytest.fixture(scope="session")
def timm(torchvision):
    return pytest.importorskip("timm", reason="needs timm: pip install -e '.[timm,torchvision]'")


def looked_at(name):
    network = networks.load(name, weights="random")
    pixels = torch.rand(1, 3, 75, 110)
    g, _ = gradient.compute(pixels, network, layer(network.default_layer), Tiling(1000, 0))
    assert g.abs().sum() > 0
    assert network.file == "random"
    return network


@pytest.mark.parametrize(
    ("name", "stride", "sees"),
    [("resnet18", 16, 211), ("vit_tiny_patch16_224", 16, None), ("swin_tiny_patch4_window7_224", 16, None),
     ("mobilenetv3_small_050", 16, None), ("convnext_atto", 16, 736), ("vit_small_patch14_dinov2", 14, None)],
)  # fmt: skip
def test_networks_of_timm(timm, name, stride, sees):
    network = looked_at(f"timm:{name}")
    known = network.layer(network.default_layer)
    assert known.stride == stride
    assert known.exact is (sees is not None)
    assert sees is None or known.receptive_field == sees


@pytest.mark.parametrize(
    ("name", "stride", "sees"),
    [("resnet18", 16, 211), ("alexnet", 16, 163), ("squeezenet1_1", 16, 111), ("mobilenet_v3_small", 16, None)],
)
def test_networks_of_torchvision(torchvision, name, stride, sees):
    network = looked_at(f"torchvision:{name}")
    known = network.layer(network.default_layer)
    assert (known.stride, known.exact) == (stride, sees is not None)
    assert sees is None or known.receptive_field == sees
    assert not any("ImageNet" in note for note in network.notes)


def test_torchvisions_transformer_takes_any_size(torchvision):
    module = torchvision.models.VisionTransformer(64, 16, 3, 2, 24, 32, num_classes=7)
    network = networks.load(module.eval(), **HALF)
    pixels = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(dict(network.iter_layers(pixels))["logits"], module(pixels * 2 - 1))
    assert features.extract(network, torch.rand(1, 3, 50, 90), {"encoder.ln"})["encoder.ln"].shape == (1, 24, 4, 6)


def test_random_weights_are_the_same_each_time(torchvision):
    first = networks.load("torchvision:squeezenet1_1", weights="random")
    foreign._load.cache_clear()
    again = networks.load("torchvision:squeezenet1_1", weights="random")
    assert again is not first
    assert again.sha256 == first.sha256


@pytest.mark.parametrize("name", ["timm:resnet81", "torchvision:resnet81"])
def test_unknown_names_are_answered_with_the_nearest(timm, name):
    with pytest.raises(UnknownNameError, match=r"Did you mean 'resnet\d"):
        networks.load(name)


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_trained_weights_that_do_not_come_are_told(timm, torchvision, monkeypatch, library):
    def offline(*_, **__):
        raise OSError("no way out")

    monkeypatch.setattr(timm, "create_model", offline)
    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", offline)
    with pytest.raises(WeightsError, match="no way out") as told:
        networks.load(f"{library}:resnet34")
    assert "--weights random" in str(told.value)


class Particular(torch.autograd.Function):
    """Fails backwards, unless its map is as wide as in the training."""

    @staticmethod
    def forward(ctx, x):
        ctx.width = x.shape[-1]
        return x.clone()

    @staticmethod
    def backward(ctx, *gradients):
        if ctx.width not in (112, 224):
            raise ValueError("only widths of the training")
        return gradients[0]


class Narrow(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)

    def forward(self, x):
        return self.second(Particular.apply(self.first(x)))


def test_a_gradient_that_fails_at_another_size_is_told_in_words():
    network = networks.load(Narrow(), mean=(0, 0, 0), std=(1, 1, 1))
    quick = {"network": network, "octaves": 1, "steps": 1, "layer": "second"}
    for make in (
        lambda: phosphene.dream("grey", size=64, **quick),
        lambda: phosphene.pattern(size=64, **quick),
        lambda: phosphene.style(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), network=network, steps=1),
    ):
        with pytest.raises(SettingsError, match=r"no gradient for.*only widths of the training"):
            make()


def test_a_wish_to_stop_is_none_of_the_networks_errors(monkeypatch):
    """Ctrl-C is heard wherever the program is, in the middle of a gradient, too."""
    network, grad, left = networks.load(Narrow(), mean=(0, 0, 0), std=(1, 1, 1)), torch.autograd.grad, [2]

    def interrupted(*arguments, **options):
        left[0] -= 1
        if not left[0]:
            raise StopRequested
        return grad(*arguments, **options)

    monkeypatch.setattr(torch.autograd, "grad", interrupted)
    made = phosphene.dream("grey", network=network, size=64, octaves=1, steps=3, layer="first")
    assert made.record.reached == "octave 1 of 1, step 1 of 3"
