import gc
import hashlib
import weakref
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from conftest import photograph, shared_file, tiny
from phosphene import features, images, networks
from phosphene.errors import UnknownNameError, WeightsError
from phosphene.networks import SOURCES, caffe
from phosphene.networks.efficientnet import local_response_norm, relu6_
from phosphene.networks.field import ReceptiveField
from phosphene.networks.network import imagenet_classes

SEEN = {
    "chelsea": ("Egyptian cat", "tabby, tabby cat", "tiger cat"),
    "coffee": ("espresso",),
    "rocket": ("missile", "projectile, missile", "space shuttle"),
    "flower": ("daisy", "cardoon", "artichoke, globe artichoke", "hip, rose hip, rosehip", "pot, flowerpot"),
}


def square(name):
    pixels = images.load(photograph(name) if name != "rocket" else photograph(name).with_suffix(".jpg")).pixels
    side = min(pixels.shape[-2:])
    top, left = ((length - side) // 2 for length in pixels.shape[-2:])
    return F.interpolate(
        pixels[..., top : top + side, left : left + side], size=(224, 224), mode="bicubic", antialias=True
    )


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
def test_the_default_network_knows_what_it_sees(efficientnet, name):
    assert efficientnet.classify(square(name), top=1)[0][0] in SEEN[name]


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
def test_googlenet_knows_what_it_sees(googlenet, name):
    assert googlenet.classify(square(name), top=1)[0][0] in SEEN[name]


def test_classes_are_imagenets_in_caffes_order():
    wanted = [
        line.split(" ", 1)[1] for line in shared_file("models/ilsvrc12_synset_words.txt").read_text().splitlines()
    ]
    assert list(imagenet_classes()) == wanted
    assert len(set(wanted)) == 999  # a crane is two things


def test_the_table_of_the_default_network(efficientnet):
    layer = efficientnet.layer("block8")
    assert (layer.channels, layer.stride, layer.receptive_field) == (112, 16, 211)
    assert {f"block{index}" for index in range(16)} <= set(efficientnet.layers)
    assert all(source.default_layer in source.shows for source in SOURCES.values())


def test_the_table_of_googlenet(googlenet):
    """Channels from table 1 of Szegedy et al. 2014; fields by the formula of Araujo et al. 2019."""
    wanted = {"3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832, "5a": 832, "5b": 1024}
    assert {name: googlenet.layer(f"inception_{name}/output").channels for name in wanted} == wanted
    assert googlenet.layer("inception_4c/output").receptive_field == 299
    assert {"inception_3b/5x5_reduce", "inception_3b/5x5_reduce_pre_relu"} <= set(googlenet.layers)
    assert set(SOURCES["googlenet"].shows) <= set(googlenet.layers)


def test_before_their_relu_layers_are_the_same_but_for_it(googlenet):
    name = "inception_3b/5x5_reduce"
    pixels = torch.rand(1, 3, 96, 96)
    found = dict(_until(googlenet.iter_layers(pixels, {f"{name}_pre_relu"}), name))
    assert found[f"{name}_pre_relu"].min() < 0
    assert torch.equal(found[f"{name}_pre_relu"].relu(), found[name])


def _until(layers, last):
    for name, activations in layers:
        yield name, activations.clone()
        if name == last:
            return


def test_every_described_layer_exists(efficientnet):
    assert set(SOURCES["efficientnet-lite0"].shows) <= set(efficientnet.layers)


def test_unknown_layers_are_answered_with_the_nearest(efficientnet):
    with pytest.raises(UnknownNameError, match="Did you mean 'block1"):
        efficientnet.layer("blok11")


@pytest.mark.parametrize("model", ["efficientnet", "vgg", "weights.bin"])
def test_unknown_networks_are_answered_with_the_known(model):
    with pytest.raises(UnknownNameError, match="phosphene networks"):
        networks.load(model)


def test_missing_weights_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("PHOSPHENE_MODELS", str(tmp_path))
    with pytest.raises(WeightsError, match="phosphene networks get googlenet"):
        networks.load("googlenet")


def test_weights_of_another_hash_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PHOSPHENE_MODELS", str(tmp_path))
    (tmp_path / SOURCES["googlenet"].file).write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="--force"):
        networks.load("googlenet")


def test_the_files_hash_is_kept(efficientnet):
    path = networks.find(SOURCES["efficientnet-lite0"])
    assert efficientnet.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, None])
def test_damaged_weights_are_refused(tmp_path, content):
    for suffix in (".pth", ".caffemodel"):
        path = tmp_path / f"damaged{suffix}"
        whole = networks.find(SOURCES["efficientnet-lite0"]).read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if content is None else content)
        with pytest.raises(WeightsError, match="damaged"):
            networks.load(path)


def test_another_networks_state_dict_is_refused(tmp_path):
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "foreign.pth")
    with pytest.raises(WeightsError, match=r"foreign\.pth"):
        networks.load(tmp_path / "foreign.pth")


def test_weights_cannot_run_code(tmp_path):
    class Bad:
        def __reduce__(self):
            return print, ("run",)

    torch.save({"x": Bad()}, tmp_path / "bad.pth")
    with pytest.raises(WeightsError):
        networks.load(tmp_path / "bad.pth")


def test_caffe_files_of_both_layouts_read_alike(tmp_path):
    weight, bias = torch.randn(4, 3, 2, 2), torch.randn(4)
    for number, layout in enumerate(("layers", "layer")):
        net = caffe.message("NetParameter")()
        entry = getattr(net, layout).add(name="conv")
        for blob, tensor in zip((entry.blobs.add(), entry.blobs.add()), (weight, bias), strict=True):
            blob.data.extend(tensor.flatten().tolist())
            if layout == "layer":
                blob.shape.dim.extend(tensor.shape)
            else:
                one = [1] * (4 - tensor.ndim) + list(tensor.shape)
                blob.num, blob.channels, blob.height, blob.width = one
        path = tmp_path / f"{number}.caffemodel"
        path.write_bytes(net.SerializeToString())
        read_weight, read_bias = caffe.read(path)["conv"]
        assert torch.equal(read_weight, weight)
        assert torch.equal(read_bias.flatten(), bias)


def test_the_new_layout_of_googlenet_dreams_the_same(caffemodel, googlenet, tmp_path):
    net = caffe.message("NetParameter")()
    for name, blobs in caffe.read(caffemodel).items():
        entry = net.layer.add(name=name)
        for tensor in blobs:
            blob = entry.blobs.add()
            blob.data.extend(tensor.flatten().tolist())
            blob.shape.dim.extend(tensor.shape)
    path = tmp_path / "new.caffemodel"
    path.write_bytes(net.SerializeToString())
    assert networks.load(path).classify(square("coffee")) == googlenet.classify(square("coffee"))


def test_blobs_of_the_wrong_size_are_refused(tmp_path):
    net = caffe.message("NetParameter")()
    blob = net.layer.add(name="conv").blobs.add()
    blob.shape.dim.extend([2, 2])
    blob.data.extend([1.0, 2.0])
    (tmp_path / "short.caffemodel").write_bytes(net.SerializeToString())
    with pytest.raises(WeightsError, match="'conv'"):
        caffe.read(tmp_path / "short.caffemodel")


def test_folding_is_the_batch_norm_itself():
    weights = {
        name: each.double()
        for name, each in torch.load(networks.find(SOURCES["efficientnet-lite0"]), weights_only=True).items()
    }
    pixels = torch.rand(1, 3, 32, 32, dtype=torch.float64)
    layers = networks.load(dtype=torch.float64).iter_layers(pixels, {"stem_pre_relu"})
    folded = next(found for name, found in layers if name == "stem_pre_relu")
    x = F.conv2d(F.pad((pixels * 255 - 127) / 128, (0, 1, 0, 1)), weights["_conv_stem.weight"], stride=2)
    mean, variance, scale, shift = (
        weights[f"_bn0.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    torch.testing.assert_close(folded, F.batch_norm(x, mean, variance, scale, shift, eps=1e-3))


def test_local_response_norm_and_its_gradient_are_torchs():
    x = (20 * torch.randn(2, 11, 7, 6, dtype=torch.float64)).requires_grad_()
    torch.testing.assert_close(local_response_norm(x), F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1))
    assert torch.autograd.gradcheck(local_response_norm, x)


def test_relu6_in_place_and_its_gradient_are_torchs():
    x = (4 * torch.randn(50, dtype=torch.float64)).requires_grad_()
    (mine,) = torch.autograd.grad(relu6_(x * 1).square().sum(), x)
    (torchs,) = torch.autograd.grad(F.relu6(x).square().sum(), x)
    torch.testing.assert_close(mine, torchs)


def test_a_field_widens_as_windows_slide():
    twice = F.max_pool2d(F.conv2d(ReceptiveField(3), torch.zeros(8, 3, 7, 7), stride=2, padding=3), 3, stride=2)
    assert (twice.channels, twice.stride, twice.size) == (8, 4, 11)
    assert torch.cat([twice, ReceptiveField(2)], 1).channels == 10


def test_measuring_memory_leaves_nothing_behind():
    network, seen = tiny(torch.float32), []  # of its own: what was measured is kept

    def iter_layers(pixels, wanted=()):
        for name, activations in network.iter_layers(pixels, wanted):
            seen.append(weakref.ref(activations))
            yield name, activations

    assert features.bytes_per_pixel(replace(network, iter_layers=iter_layers), {"deep"}) > 10
    gc.collect()
    assert seen
    assert not any(each() is not None for each in seen)
