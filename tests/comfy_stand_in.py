"""A stand-in of ComfyUI's API, written from its documentation: enough to define nodes and to run them.

Its schemas check what ComfyUI's do: ids are unique, and what is executed gets the inputs that it declared.
"""

import sys
import types
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass
class Input:
    kind: str
    id: str
    optional: bool = False
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Output:
    kind: str
    id: str | None = None


ALLOWED = {  # the options of each kind, beside those of all
    "Image": (),
    "Mask": (),
    "Combo": ("options", "default"),
    "Boolean": ("default",),
    "Int": ("default", "min", "max", "step"),
    "Float": ("default", "min", "max", "step"),
    "String": ("default", "multiline"),
}


def kind(name):
    def made(id, *, optional=False, tooltip=None, display_name=None, advanced=None, lazy=None, **more):
        unknown = more.keys() - set(ALLOWED[name])
        assert not unknown, f"{name}.Input has no {unknown}"
        if name == "Combo":
            assert more["options"], id
            assert more.get("default", more["options"][0]) in more["options"], id
        if "min" in more:
            assert more["min"] <= more["default"] <= more["max"], id
        return Input(name, id, optional, {"tooltip": tooltip, **more})

    return types.SimpleNamespace(Input=made, Output=lambda id=None, **_: Output(name, id))


@dataclass
class Schema:
    node_id: str
    display_name: str
    category: str
    inputs: list[Input]
    outputs: list[Output]
    description: str = ""

    def __post_init__(self):
        ids = [each.id for each in self.inputs]
        assert len(ids) == len(set(ids)), ids


class ComfyNode:
    pass


class NodeOutput(tuple):
    def __new__(cls, *values):
        return super().__new__(cls, values)


class ComfyExtension:
    pass


class Interrupted(Exception):  # noqa: N818 - as ComfyUI calls it
    pass


class ProgressBar:
    made: ClassVar[list["ProgressBar"]] = []

    def __init__(self, total):
        self.total, self.values = total, []
        self.made.append(self)

    def update_absolute(self, value, total=None, preview=None):
        assert 0 <= value <= self.total
        self.values.append(value)


def install(monkeypatch):
    """Puts the stand-in where `import` finds it; gives what a test turns."""
    switch = types.SimpleNamespace(interrupted_after=None, asked=0)

    def throw():
        switch.asked += 1
        if switch.interrupted_after is not None and switch.asked > switch.interrupted_after:
            raise Interrupted

    io = types.SimpleNamespace(
        Schema=Schema, ComfyNode=ComfyNode, NodeOutput=NodeOutput, **{name: kind(name) for name in ALLOWED}
    )
    modules = {
        "comfy": types.ModuleType("comfy"),
        "comfy.utils": types.ModuleType("comfy.utils"),
        "comfy.model_management": types.ModuleType("comfy.model_management"),
        "comfy_api": types.ModuleType("comfy_api"),
        "comfy_api.latest": types.ModuleType("comfy_api.latest"),
    }
    modules["comfy"].utils, modules["comfy"].model_management = (
        modules["comfy.utils"],
        modules["comfy.model_management"],
    )
    modules["comfy.utils"].ProgressBar = ProgressBar
    modules["comfy.model_management"].throw_exception_if_processing_interrupted = throw
    modules["comfy_api.latest"].io, modules["comfy_api.latest"].ComfyExtension = io, ComfyExtension
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    ProgressBar.made = []
    return switch


def run(node, **given):
    """Executes a node as ComfyUI does: with its inputs, those with defaults filled in, without gradients."""
    import torch

    schema = node.define_schema()
    known = {each.id: each for each in schema.inputs}
    assert not given.keys() - known.keys()
    filled = {}
    for name, each in known.items():
        if name in given:
            filled[name] = given[name]
        elif each.kind == "Combo":
            filled[name] = each.more.get("default", each.more["options"][0])
        elif "default" in each.more:
            filled[name] = each.more["default"]
        else:
            assert each.optional, name
    with torch.inference_mode():
        return node.execute(**filled)
