"""Networks on other devices than the processor: CUDA, XPU and MPS, as torch calls them."""

from __future__ import annotations

import copy
from functools import lru_cache
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from phosphene.errors import SettingsError
from phosphene.networks.network import Walk

AUTO, CPU = "auto", "cpu"
DEVICES = ("cuda", "xpu", "mps")  # the fastest first


def device_for(wanted: str) -> str:
    """The device that `auto` means here, or the one of that name.

    Raises:
        SettingsError: torch has none of that name here.
    """
    if wanted == AUTO:
        return next((each for each in DEVICES if is_here(each)), CPU)
    if not is_here(wanted):
        here = " and ".join(each for each in (CPU, *DEVICES) if is_here(each))
        raise SettingsError(
            f"--device {wanted}: this PyTorch finds none here; it computes on {here}. Leave the flag out.\n"
            "A graphics card needs its driver, and the build of PyTorch made for it: https://pytorch.org"
        )
    return wanted


def is_here(device: str) -> bool:
    """Whether torch has a device of that name here."""
    if device == CPU:
        return True
    module = torch.backends.mps if device == "mps" else getattr(torch, device, None)
    return module is not None and bool(module.is_available())


@lru_cache(maxsize=2)
def walk_on(walk: Walk, device: str) -> Walk:
    """The same walk with its weights on a device."""
    moved: Walk = _moved(walk, torch.device(device))
    return moved


def _moved(thing: Any, device: torch.device) -> Any:
    """A copy of whatever a walk is made of, whose tensors lie on a device; what holds none is the thing itself."""
    match thing:
        case Tensor():
            return thing.to(device)
        case nn.Module():
            return copy.deepcopy(thing).to(device)
        case MethodType():
            return getattr(_moved(thing.__self__, device), thing.__name__)
        case dict():
            return {key: _moved(value, device) for key, value in thing.items()}
        case tuple() if hasattr(thing, "_fields"):
            return type(thing)(*(_moved(each, device) for each in thing))
        case list() | tuple():
            return type(thing)(_moved(each, device) for each in thing)
        case object(__dict__=values) if not callable(thing) or type(thing).__module__.startswith(__package__):
            clone = copy.copy(thing)
            for name, value in values.items():
                object.__setattr__(clone, name, _moved(value, device))
            return clone
    return thing


def use_threads(count: int) -> None:
    """Computes with so many threads of the processor from now on; the one place that says so."""
    torch.set_num_threads(count)
