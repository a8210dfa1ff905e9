"""What can be wrong with a module that nobody here has seen: it is copied with care, and asked for its gradient."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from phosphene.errors import SettingsError, StopRequested, translate
from phosphene.networks.layouts import SIDE

_MEMORY = ("allocate memory", "out of memory")  # in what torch says where there is none left
FOREIGN_ERRORS = (Exception, SystemExit)  # that the code of networks from elsewhere may raise
_WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}


def is_not_of_the_network(error: BaseException) -> bool:
    """Whether an error is not the network's: memory ran out, or somebody asks for a stop."""
    return isinstance(error, (MemoryError, StopRequested)) or any(words in str(error).lower() for words in _MEMORY)


def told(error: BaseException) -> str:
    """A stranger's error in one line."""
    first = str(error).strip().partition("\n")[0][:200]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def where(error: BaseException) -> str:
    """The line of the network's own code that an error comes from."""
    here = Path(__file__).parent
    ours = (str(Path(torch.__file__).parent), str(here), str(here.parent / "errors.py"), copy.__file__)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def blamed(what: str) -> AbstractContextManager[None]:
    """Tells whatever a stranger's code raises as a `SettingsError` that begins with `what`.

    That memory ran out, and a `StopRequested`, pass as they are.
    """
    return _of_network(lambda error: f"{what}: {told(error)}{where(error)}")


def _of_network(say: Callable[[BaseException], str]) -> AbstractContextManager[None]:
    return translate(lambda error: None if is_not_of_the_network(error) else SettingsError(say(error)), FOREIGN_ERRORS)


def copied(module: nn.Module, name: str) -> nn.Module:
    """A copy on the processor that nobody else changes, out of what `torch.compile` or `DataParallel` put around it.

    Raises:
        SettingsError: it cannot be copied, is quantised, or its weights have no numbers.
    """
    while type(module).__name__ in _WRAPPERS:
        module = getattr(module, _WRAPPERS[type(module).__name__])
    if isinstance(module, torch.jit.ScriptModule):
        raise SettingsError(
            f"{name} is TorchScript, a program in which no layer can be listened to, so it cannot dream.\n"
            "Give the module of Python that it was made from; its weights are: module.load_state_dict(it.state_dict())"
        )
    _refuse_quantised(module, name)
    # What a graph made, as the weights of `torch.nn.utils.weight_norm`, cannot be copied unless it leaves the graph.
    held = (value for each in module.modules() for value in vars(each).values() if isinstance(value, Tensor))
    memo = {id(value): value.detach().clone() for value in held if not value.is_leaf}
    with blamed(f"{name} cannot be copied, and Phosphene dreams with a copy"):
        module = copy.deepcopy(module, memo)
        tensors = [*module.parameters(), *module.buffers()]
        if any(nn.parameter.is_lazy(each) for each in tensors):
            with torch.no_grad():
                module.eval()(torch.rand(1, 3, SIDE, SIDE, dtype=torch.float32))  # gives lazy modules their shapes
            tensors = [*module.parameters(), *module.buffers()]
        if any(each.is_meta for each in tensors):
            raise SettingsError(f"{name} has no weights: they lie on the device 'meta', which holds no numbers.")
        return module.to("cpu")


def _refuse_quantised(module: nn.Module, name: str) -> None:
    for inner, each in module.named_modules():
        tensors = [*each.parameters(recurse=False), *each.buffers(recurse=False)]
        if ".quantized" in type(each).__module__ or any(tensor.is_quantized for tensor in tensors):
            raise SettingsError(
                f"{name} is quantised, at {inner or 'its root'} ({type(each).__name__}): whole numbers have no"
                " gradient, and nothing dreams without one.\nName the network that it was made from, in float32."
            )


@dataclass
class Reach:
    """How far the gradient reaches: which layers answer to the picture, and why others do not."""

    alive: list[str] = field(default_factory=list)  # in the order of the run
    silent: dict[str, str] = field(default_factory=dict)  # the others, and why
    error: BaseException | None = None  # what ended the run

    @property
    def cut(self) -> str:
        """The first layer that has no gradient, and why; nothing where all have."""
        return next((f"{name} {why}" for name, why in self.silent.items()), "")

    @property
    def cause(self) -> str:
        """What ended the run, in words."""
        return f"{told(self.error)}{where(self.error)}" if self.error else ""


Listen = Callable[[Tensor, Callable[[str, Tensor], Any]], tuple[Mapping[str, Any], BaseException | None]]
"""Runs a network on pixels; gives what is kept of its layers' outputs, and the error that ended the run."""


def reach_of(listen: Listen) -> Reach:
    """Asks a network's layers for their gradient at a small picture."""
    pixels = torch.rand(1, 3, SIDE, SIDE, dtype=torch.float32).requires_grad_()
    modes: dict[str, str] = {}

    def keep(name: str, output: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            modes[name] = "runs under torch.no_grad() or torch.inference_mode()"
        return output.sum() if output.is_floating_point() else output.new_zeros(())

    with torch.enable_grad():
        sums, error = listen(pixels, keep)
        found = Reach(error=error)
        for name, total in sums.items():
            if not total.requires_grad:
                found.silent[name] = modes.get(name, "is cut off from the picture (detach, numpy, or whole numbers)")
            elif not bool(torch.isfinite(total)):
                found.silent[name] = "gives infinite numbers, or none (NaN)"
        asked = {name: total for name, total in sums.items() if name not in found.silent}
        found.silent |= _unanswered(pixels, asked)
    found.alive = [name for name in sums if name not in found.silent]
    return found


def _unanswered(pixels: Tensor, sums: Mapping[str, Tensor]) -> dict[str, str]:
    """The layers without a way back to the picture, and why; asked one by one only where something is wrong."""
    if not sums or _why_not(pixels, list(sums.values())) is None:
        return {}
    reasons = {name: _why_not(pixels, [total]) for name, total in sums.items()}
    return {name: why for name, why in reasons.items() if why is not None}


def _why_not(pixels: Tensor, sums: list[Tensor]) -> str | None:
    try:
        with _of_network(lambda error: f"has no way back to the picture ({told(error)})"):
            (g,) = torch.autograd.grad(sums, pixels, retain_graph=True, allow_unused=True)
    except SettingsError as error:
        return str(error)
    return None if g is not None else "does not look at the picture"
