"""OpenVINO, loaded without its tools for converting models: those tell their makers, over the net, of every import."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch

_TOOLS = "openvino.tools.ovc"


def _load() -> ModuleType:
    if _TOOLS in sys.modules or "openvino" in sys.modules:  # somebody else has loaded it
        return import_module("openvino")
    sys.modules[_TOOLS] = None  # type: ignore[assignment]  # whoever imports it now is told that it is not there
    try:
        return import_module("openvino")
    finally:
        del sys.modules[_TOOLS]


openvino = _load()
ops = import_module("openvino.opset13")
pooling_ops = import_module("openvino.opset1")  # its maximum comes without indices

Output = Any
"""A tensor of a graph, `openvino.Output`."""


def constant(value: Any) -> Output:
    """A number, an array or a tensor as a part of a graph, in float32."""
    array = value.numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return out(ops.constant(np.array(array, np.float32, order="C")))


def whole(*numbers: int) -> Output:
    """Whole numbers as a part of a graph: sides, axes, paddings."""
    return out(ops.constant(np.array(numbers, np.int64)))


def out(node: Any) -> Output:
    """A node's only output."""
    return node.output(0)
