"""The modes of torch and numpy that every function here computes in, whatever its caller has set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch


@contextmanager
def standard_modes() -> Iterator[None]:
    """Torch and numpy as this program needs them; the caller's modes come back afterwards.

    Gradients are recorded, also within `torch.no_grad` and `torch.inference_mode`; new tensors lie on the processor;
    autocast is off; numpy raises no errors of arithmetic. All of these belong to the thread, so that threads do not
    disturb each other. The default dtype belongs to the process, and is not touched: tensors name theirs.
    """
    with ExitStack() as modes:
        modes.enter_context(torch.inference_mode(False))
        modes.enter_context(torch.enable_grad())
        modes.enter_context(np.errstate(all="warn", under="ignore"))
        if torch.is_autocast_enabled("cpu"):
            modes.enter_context(torch.autocast("cpu", enabled=False))
        if torch.get_default_device().type != "cpu":
            modes.enter_context(torch.device("cpu"))
        yield
