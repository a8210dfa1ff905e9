"""The nodes for ComfyUI, against a stand-in of its API."""

import asyncio
import sys
from importlib import import_module

import pytest
import torch

import comfy_stand_in as comfy
from phosphene.cli import main, plugins
from phosphene.names import GUIDES
from phosphene.recipes.settings import PRESETS

FOLDER = plugins.FILES / "comfyui"


@pytest.fixture
def interrupt(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in [name for name in sys.modules if name.startswith("phosphene_comfyui")]:
        monkeypatch.delitem(sys.modules, name)
    return comfy.install(monkeypatch)


@pytest.fixture
def nodes(interrupt):
    made = asyncio.run(import_module("phosphene_comfyui").comfy_entrypoint())
    found = asyncio.run(made.get_node_list())
    yield {each.__name__: each for each in found}
    for name in [name for name in sys.modules if name.startswith("phosphene_comfyui")]:
        del sys.modules[name]


def images(count=1, size=(48, 64)):
    return torch.rand(count, *size, 3, generator=torch.Generator().manual_seed(2))


def inputs(node):
    return {each.id: each for each in node.define_schema().inputs}


def test_their_inputs_are_the_settings_of_the_techniques(nodes):
    assert {*nodes} == {"Dream", "Guide", "Style", "Pattern", "Film"}
    schemas = [each.define_schema() for each in nodes.values()]
    assert len({each.node_id for each in schemas}) == 5
    assert inputs(nodes["Dream"])["preset"].more["options"] == [*PRESETS]
    assert inputs(nodes["Guide"])["sample"].more["options"][1:] == [*GUIDES]
    assert {"strength", "seed", "feather", "invert"} <= inputs(nodes["Dream"]).keys()
    assert {"strength", "scale", "keep_colour", "semantics"} <= inputs(nodes["Style"]).keys()
    assert {"tileable", "colours"} <= inputs(nodes["Pattern"]).keys()
    assert "softens" in inputs(nodes["Dream"])["feather"].more["tooltip"]


def test_a_batch_is_dreamt_one_by_one_with_its_masks(nodes):
    batch, mask = images(2), torch.zeros(2, 48, 64)
    mask[0, :, :32] = 1
    mask[1, :24] = 1
    (made,) = comfy.run(nodes["Dream"], image=batch, preset="neon", mask=mask, strength=1.5)
    assert made.shape == batch.shape
    assert made.dtype == torch.float32
    changed = (made - batch).abs().amax(-1) > 1e-3
    assert not changed[0, :, 33:].any()
    assert not changed[1, 25:].any()
    assert changed[0, :, :30].any()
    assert changed[1, :22].any()
    (bar,) = comfy.ProgressBar.made
    assert bar.values == sorted(bar.values)
    assert bar.values[-1] == bar.total


def test_a_layer_stands_in_place_of_the_preset(nodes):
    (one,) = comfy.run(nodes["Dream"], image=images(), layer="block2:3")
    (other,) = comfy.run(nodes["Dream"], image=images(), layer="block2")
    assert not torch.equal(one, other)


def test_a_run_that_is_interrupted_ends(nodes, interrupt):
    interrupt.interrupted_after = 3
    with pytest.raises(comfy.Interrupted):
        comfy.run(nodes["Dream"], image=images(3))
    assert interrupt.asked == 4


def test_guides_come_as_pictures_or_by_name(nodes):
    (made,) = comfy.run(nodes["Guide"], image=images(), guide=images(2, (64, 64)), strength=0.5)
    (sample,) = comfy.run(nodes["Guide"], image=images(), sample="feathers", strength=0.5)
    assert made.shape == sample.shape == (1, 48, 64, 3)
    assert not torch.equal(made, sample)
    with pytest.raises(ValueError, match="Connect a guide"):
        comfy.run(nodes["Guide"], image=images())


def test_styles_come_as_pictures_or_filters(nodes):
    (made,) = comfy.run(nodes["Style"], image=images(), style=images(1, (64, 64)))
    assert made.shape == (1, 48, 64, 3)
    (inked,) = comfy.run(nodes["Style"], image=images(), filter="woodcut")
    assert not torch.equal(made, inked)
    with pytest.raises(ValueError, match="Connect a style"):
        comfy.run(nodes["Style"], image=images())


def test_a_pattern_has_its_size(nodes):
    (made,) = comfy.run(nodes["Pattern"], of="block2:3", width=64, height=48, tileable=True)
    assert made.shape == (1, 48, 64, 3)


def test_frames_go_on_from_each_other(nodes):
    pytest.importorskip("av", reason="needs the extra `film`")
    pytest.importorskip("cv2", reason="needs the extra `film`")
    frames = images(1).expand(3, -1, -1, -1)
    (made,) = comfy.run(nodes["Film"], frames=frames, look="neon")
    assert made.shape == frames.shape
    assert not torch.equal(made[0], frames[0])
    assert (made[2] - made[1]).abs().mean() < (made[1] - frames[1]).abs().mean()


def test_they_are_copied_into_custom_nodes(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(["plugins", "comfyui", "--folder", str(tmp_path)])
    assert ended.value.code == 0
    assert (tmp_path / "phosphene_comfyui" / "nodes.py").is_file()
    assert (tmp_path / "phosphene_comfyui" / "pyproject.toml").is_file()
    assert "pip install" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main.main(["plugins", "comfyui"])
    assert "--folder" in capsys.readouterr().err
