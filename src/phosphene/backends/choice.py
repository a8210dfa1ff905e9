"""Which backend computes a gradient: the fastest that can, or the one that was asked for."""

from __future__ import annotations

from importlib import util

import torch

from phosphene.backends.device import OnDevice
from phosphene.backends.plain import Backend, Torch
from phosphene.errors import SettingsError
from phosphene.networks import Network
from phosphene.networks.devices import AUTO as DEVICE_AUTO
from phosphene.networks.devices import CPU, device_for
from phosphene.objectives import Objective

AUTO, TORCH, OPENVINO = "auto", "torch", "openvino"

GRAPH_BYTES = 180_000_000  # that OpenVINO and its weights hold beside a tile's activations, measured


def choose(wanted: str, network: Network, objective: Objective, *, work: int, device: str = CPU) -> Backend:
    """The backend for a network and a prepared and fitted objective.

    Args:
        wanted: `auto`, `torch` or `openvino`.
        network: which the gradient is taken through.
        objective: of which it is taken.
        work: how many pixels it will be taken of, all steps together.
        device: where: `auto`, `cpu`, or a graphics card, which torch computes on.

    Raises:
        SettingsError: OpenVINO, or a device, was asked for and is not here, or cannot compute this.
    """
    where = device_for(device)
    if where != CPU and (wanted != OPENVINO or device != DEVICE_AUTO):
        return _on_card(wanted, network, objective, where)
    if not _may_compile(wanted, network, work):
        return Torch(network, objective)
    found = obstacle(network) or _compiled(network, objective)
    if not isinstance(found, str):
        return found
    if wanted == OPENVINO:
        raise SettingsError(f"--backend {OPENVINO} {found}")
    return Torch(network, objective)


def _on_card(wanted: str, network: Network, objective: Objective, device: str) -> Backend:
    if wanted == OPENVINO:
        raise SettingsError(f"--backend {OPENVINO} computes on the processor, not on {device}. Leave one of them out.")
    if device == "mps" and network.dtype == torch.float64:
        raise SettingsError("--device mps knows no float64. Give --device cpu.")
    return OnDevice(network, objective, device)


def _compiled(network: Network, objective: Objective) -> Backend | str:
    """OpenVINO's backend, or why it cannot be."""
    try:
        from phosphene.backends.compiled import OpenVINO, UnknownOperation
    except ImportError as error:
        return f"does not load: {error}"
    try:
        return OpenVINO(network, objective)
    except UnknownOperation as error:
        return f"cannot compute {objective} of {network.name} ({error}). Leave the flag out."


def held(wanted: str, network: Network, *, work: int) -> int:
    """Bytes that the backend which `choose` may choose holds, whatever the size of its tiles."""
    return GRAPH_BYTES if _may_compile(wanted, network, work) and obstacle(network) is None else 0


def _may_compile(wanted: str, network: Network, work: int) -> bool:
    pays = network.graph_pays is not None and work >= network.graph_pays
    return wanted == OPENVINO or (wanted == AUTO and pays)


def obstacle(network: Network) -> str | None:
    """Why OpenVINO cannot compute through a network, whatever the objective, and what to do."""
    if network.dtype != torch.float32:
        return f"computes in float32, not in {network.precision}. Give --backend {TORCH}."
    if network.graph_pays is None:
        return f"knows this program's own networks, not {network.name}. Leave the flag out."
    if not installed():
        return "needs the package openvino. Install it with: pip install 'phosphene[fast]'"
    return None


def installed() -> bool:
    """Whether OpenVINO is there; it is not loaded to find out."""
    return util.find_spec(OPENVINO) is not None
