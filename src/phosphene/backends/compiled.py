"""The gradient as one graph that OpenVINO compiles: the network there, the objective, and the network back.

A graph is compiled for one size of tiles, because a graph for any size was a tenth slower and held twice as much.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from phosphene import features
from phosphene.backends import rules  # noqa: F401 - it teaches the symbols torch's functions
from phosphene.backends.plain import Torch, Values
from phosphene.backends.runtime import openvino, ops, out
from phosphene.backends.symbol import Symbol, Tape, UnknownOperation
from phosphene.networks import PIXELS, Network
from phosphene.objectives import Objective, Place

__all__ = ["OpenVINO", "UnknownOperation", "graph"]

PROBE = (64, 64)  # a small size, to see whether all operations are known


@dataclass
class OpenVINO:
    """Computes gradients with the graph for the size of tiles that it met last.

    Penalties on the pixels themselves are left to torch: they take it little time, and each has operations of its own.

    Raises:
        UnknownOperation: the objective, or the network, does what no rule describes.
    """

    network: Network
    objective: Objective
    _compiled: _Compiled | None = field(default=None, init=False, repr=False)
    name = "openvino"

    def __post_init__(self) -> None:
        self._deep, self._penalties = _divided(self.objective)
        graph(self.network, self._deep, *PROBE)

    def __call__(self, pixels: Tensor, place: Place) -> tuple[Tensor, Values]:
        """As `Backend` says."""
        height, width = pixels.shape[-2:]
        if self._compiled is None or self._compiled.size != (height, width):
            self._compiled = None  # its memory is free for the next
            self._compiled = _Compiled(graph(self.network, self._deep, height, width), (height, width))
        g, *found = self._compiled(pixels)
        values = list(zip((term.layer for term in self._deep.terms), found, strict=True))
        if self._penalties.terms:
            more, others = Torch(self.network, self._penalties)(pixels, place)
            return g.add_(more), values + others
        return g, values


def _divided(objective: Objective) -> tuple[Objective, Objective]:
    """The terms of layers, and those of the pixels."""
    deep = tuple(term for term in objective.terms if term.layer != PIXELS)
    if not deep:
        raise UnknownOperation("nothing but penalties on the pixels")
    return Objective(deep), Objective(tuple(term for term in objective.terms if term.layer == PIXELS))


def graph(network: Network, objective: Objective, height: int, width: int) -> Any:
    """The model from pixels to ∂objective/∂pixels, both `[1, 3, height, width]`, and each term's values."""
    given = ops.parameter([1, 3, height, width], np.float32)
    pixels: Any = Symbol(Tape(), out(given))  # the walk takes it for a tensor, and so do the types
    values: Any = [each for _, each in objective.values(features.extract(network, pixels, objective.layers))]
    results = [pixels.tape.gradient(values, of=pixels), *(each.output for each in values)]
    return openvino.Model([ops.result(each) for each in results], [given], "gradient")


class _Compiled:
    """A graph, ready to run in memory of its own."""

    def __init__(self, model: Any, size: tuple[int, int]) -> None:
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",  # where processors can, it would take bfloat16 by itself
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # other programs may have the processor as well
        }
        self.size = size
        self._request = _core().compile_model(model, "CPU", settings).create_infer_request()

    def __call__(self, pixels: Tensor) -> list[Tensor]:
        """The gradient `[1, 3, h, w]` and the values `[h', w']`."""
        self._request.infer([pixels.contiguous().numpy()], share_inputs=True)
        g, *values = (torch.from_numpy(each.data) for each in self._request.output_tensors)
        return [g, *(each[0, 0] for each in values)]


@cache
def _core() -> Any:
    return openvino.Core()
