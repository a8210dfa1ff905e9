"""What each layer of the compiled gradient takes, and what it could take at best on this machine.

At best means: its operations at the rate of a large matrix product, or its inputs and outputs at the rate at which
memory is copied, whichever takes longer. A convolution may beat the matrix product, and small tensors the memory.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import Any, NamedTuple

import numpy as np
import torch

from phosphene import networks
from phosphene.objectives import layer

SIDE, COPIED, RUNS, SHOWN = 2048, 64 << 20, 7, 15


class Machine(NamedTuple):
    """Operations of float32 per second, and bytes read and written per second."""

    flops: float
    bandwidth: float


class Node(NamedTuple):
    """A step of the graph: what it is, its time and its best time in seconds, and what it works on."""

    kind: str
    seconds: float
    best: float
    shapes: str


def machine() -> Machine:
    a, b = torch.rand(2, SIDE, SIDE)
    source, target = torch.rand(2, COPIED)
    return Machine(2 * SIDE**3 / _least(lambda: a @ b), 2 * source.nbytes / _least(lambda: target.copy_(source)))


def _least(of: Any) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        of()
        times.append(time.perf_counter() - start)
    return min(times)


def show(network: networks.Network, aim: str, size: tuple[int, int], of: Machine) -> None:
    """Kinds of layers first, then the layers that lose most time against their best."""
    nodes = profile(network, aim, size, of)
    total, best = sum(node.seconds for node in nodes), sum(node.best for node in nodes)
    print(f"  the graph: {total * 1e3:.0f} ms of its layers, {best * 1e3:.0f} at best: {best / total:.0%}")
    for kind in sorted(
        {node.kind for node in nodes}, key=lambda kind: -sum(n.seconds for n in nodes if n.kind == kind)
    ):
        these = [node for node in nodes if node.kind == kind]
        took, could = sum(node.seconds for node in these) * 1e3, sum(node.best for node in these) * 1e3
        print(f"  {kind:24} {len(these):3} steps  {took:6.1f} ms  at best {could:6.1f}")
    print("  farthest from their best:")
    for node in sorted(nodes, key=lambda node: node.best - node.seconds)[:SHOWN]:
        print(f"  {node.seconds * 1e3:6.2f} ms, at best {node.best * 1e3:6.2f}  {node.kind:16} {node.shapes}")


def profile(network: networks.Network, aim: str, size: tuple[int, int], of: Machine) -> list[Node]:
    from phosphene.backends import compiled
    from phosphene.backends.runtime import openvino

    graph = compiled.graph(network, layer(aim), *size)
    work = {node.get_friendly_name(): _flops(node) for node in graph.get_ops()}
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads(), "PERF_COUNT": True}
    ready = openvino.Core().compile_model(graph, "CPU", settings)
    request, times = ready.create_infer_request(), {}
    for _ in range(RUNS):
        request.infer([np.random.default_rng(0).random((1, 3, *size), np.float32)])
        for step in request.profiling_info:
            times.setdefault(step.node_name, []).append(step.real_time.total_seconds())
    found = [(node, statistics.median(times.get(node.get_friendly_name(), [0.0]))) for node in _steps(ready)]
    return [_node(node, took, work, of) for node, took in found if took > 0]


def _steps(ready: Any) -> list[Any]:
    return ready.get_runtime_model().get_ordered_ops()


def _flops(node: Any) -> float:
    """Of a convolution; a transposed one multiplies as often as the one that it turns round."""
    if "Convolution" not in node.get_type_name():
        return 0.0
    positions = node.input(0) if "Backprop" in node.get_type_name() else node.output(0)
    return 2.0 * math.prod(node.input(1).get_shape()) * math.prod(list(positions.get_shape())[2:])


def _node(node: Any, took: float, work: dict[str, float], of: Machine) -> Node:
    told = node.get_rt_info()
    kind, names = (str(told[key].astype(str) if hasattr(told[key], "astype") else told[key]) for key in _TOLD)
    shapes = [list(port.get_partial_shape().to_shape()) for port in (*node.inputs(), *node.outputs())]
    moved = 4 * sum(math.prod(shape) for shape in shapes)
    flops = sum(work.get(name, 0.0) for name in names.split(","))
    text = " ".join("x".join(map(str, shape)) for shape in (*shapes[:1], shapes[-1]))
    return Node(kind, took, max(flops / of.flops, moved / of.bandwidth), text)


_TOLD = ("layerType", "originalLayersNames")
