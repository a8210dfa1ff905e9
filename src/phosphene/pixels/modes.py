"""The modes of torch and numpy that every function here computes in, whatever its caller has set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock, RLock

import numpy as np
import torch

_DEVICES = ("cpu", "cuda", "xpu", "mps")  # that autocast knows
_drawing = RLock()
_defaults = Lock()
_within: list[torch.dtype] = []  # the process's default dtype, once for each thread that computes in float32


@contextmanager
def standard_modes() -> Iterator[None]:
    """Torch and numpy as this program needs them; the caller's modes come back afterwards.

    Gradients are recorded, also within `torch.no_grad` and `torch.inference_mode`; new tensors lie on the processor;
    autocast is off; numpy raises no errors of arithmetic. All of these belong to the thread, so that threads do not
    disturb each other. The default dtype belongs to the process, and is not touched: our tensors name theirs.
    """
    with ExitStack() as modes:
        modes.enter_context(torch.inference_mode(False))
        modes.enter_context(torch.enable_grad())
        modes.enter_context(np.errstate(all="warn", under="ignore"))
        for device in filter(torch.is_autocast_enabled, _DEVICES):
            modes.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            modes.enter_context(torch.device("cpu"))
        yield


@contextmanager
def seeded() -> Iterator[None]:
    """Within it, one thread at a time, torch draws the same random numbers each time; the caller's stay."""
    with _drawing:
        before = torch.default_generator.get_state()
        torch.default_generator.manual_seed(0)
        try:
            yield
        finally:
            torch.default_generator.set_state(before)


@contextmanager
def float32_by_default() -> Iterator[None]:
    """Within it, tensors of a network's own code that names no dtype are float32.

    The process's default comes back when no thread is within any more.
    """
    with _defaults:
        _within.append(_within[0] if _within else torch.get_default_dtype())
        torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        with _defaults:
            torch.set_default_dtype(torch.float32 if len(_within) > 1 else _within[0])
            _within.pop()
