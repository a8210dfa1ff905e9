"""Weights put into modules: what stands before and within names goes, and classifiers may differ or be missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from torch import Tensor, nn

from phosphene.errors import WeightsError
from phosphene.networks.checkpoints import State

SHOWN = 3  # names that an error tells

_WITHIN = re.compile(r"\b(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What `torch.compile`, FSDP and checkpointing put into the names of modules that they wrap, wherever these stand."""

_HEADS = re.compile(r"_?(?:fc|linear|classifier|heads?|head_dist|last_linear|logits)")  # as libraries call them
_BESIDE = re.compile(r"aux", re.IGNORECASE)  # how the names of classifiers half-way begin, which help a training


def fit_(module: nn.Module, state: State, name: str, path: Path) -> tuple[str, ...]:
    """Puts the weights in their places; a classifier of other classes is replaced by one of the file's.

    What stands before the module's own names in the file is taken off. A file without a classifier leaves the module
    without one.

    Returns:
        What the user should hear.

    Raises:
        WeightsError: weights are missing, or have other shapes.
    """
    state, notes = _one_colour(module, _renamed(module, state)), tuple[str, ...]()
    _resize_heads_(module, state)
    if _drop_heads_(module, state):
        notes = (f"{path.name} holds no classifier: {name} knows no classes",)
    own = module.state_dict()
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    wrong = [key for key in own if key in state and state[key].shape != own[key].shape]
    surplus = [key for key in state if key not in own]
    if missing or wrong:
        shapes = (f"{key} is {_shape(state[key])}, and should be {_shape(own[key])}" for key in wrong)
        told = [_list("missing", missing), _list("of another shape", shapes), _list("unknown to it", surplus)]
        raise WeightsError(f"{path} does not fit {name}.\n" + "\n".join(line for line in told if line))
    module.load_state_dict({key: state[key] for key in own if key in state}, strict=False)
    return notes + ((f"{path.name} holds {len(surplus)} tensors that {name} has no place for",) if surplus else ())


def _renamed(module: nn.Module, state: State) -> State:
    """The tensors without the prefix before the module's own names, if that lets more of them fit.

    Tensors without it, as the parts of a training that the network does not need, keep their names.
    """
    own, counts = module.state_dict().keys(), Counter[str]()
    state = {key if key in own else _WITHIN.sub("", key): value for key, value in state.items()}
    for key in state:
        parts = key.split(".")
        for cut in range(min(len(parts), 6)):
            prefix = "".join(f"{part}." for part in parts[:cut])
            counts[prefix] += key.removeprefix(prefix) in own
    best = max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")
    if not best or counts[best] <= counts[""]:
        return state
    return {key.removeprefix(best): value for key, value in state.items()}


def _one_colour(module: nn.Module, state: State) -> State:
    """The first convolution's weights for as many channels as it takes: grey ones spread over three, or three summed.

    A grey picture is then seen as the network in the file saw it, as one channel or as three equal ones.
    """
    first = next(((name, each) for name, each in module.named_modules() if isinstance(each, nn.Conv2d)), None)
    if first is None:
        return state
    key, wanted = f"{first[0]}.weight".lstrip("."), first[1].weight.shape[1]
    weight = state.get(key)
    if weight is None or weight.ndim != 4:
        return state
    if (wanted, weight.shape[1]) == (3, 1):
        return {**state, key: weight.expand(-1, 3, -1, -1) / 3}
    if (wanted, weight.shape[1]) == (1, 3):
        return {**state, key: weight.sum(1, keepdim=True)}
    return state


def _resize_heads_(module: nn.Module, state: State) -> None:
    """Gives classifiers as many classes as the file knows, as 365 places instead of 1000 things."""
    weighted = [(name, each) for name, each in module.named_modules() if isinstance(each, (nn.Linear, nn.Conv2d))]
    for name, part in weighted:
        weight = state.get(f"{name}.weight")
        if weight is None or not name or not (name == weighted[-1][0] or _is_head(name)):
            continue
        fits = weight.shape[1:] == part.weight.shape[1:]
        if fits and len(weight) != len(part.weight) and (other := _of_classes(part, len(weight))) is not None:
            _replace_(module, name, other)


def _of_classes(part: nn.Module, classes: int) -> nn.Module | None:
    """The end of a classifier, linear or a convolution of 1×1, for so many classes; `None` for other modules."""
    if isinstance(part, nn.Linear):
        return nn.Linear(part.in_features, classes, part.bias is not None, dtype=part.weight.dtype)
    if isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1) and part.groups == 1:
        return nn.Conv2d(part.in_channels, classes, 1, bias=part.bias is not None, dtype=part.weight.dtype)
    return None


def _is_head(name: str) -> bool:
    """Whether a module is called as classifiers are, or a part of one that is."""
    return _BESIDE.match(name) is not None or any(_HEADS.fullmatch(part) for part in name.split(".")[:2])


def _drop_heads_(module: nn.Module, state: State) -> bool:
    """Takes classifiers away if the file has all weights but those; whether the one at the end went.

    It is called as classifiers are, or is linear or a convolution of 1×1; those half-way begin with `aux`.
    """
    own = [key for key in module.state_dict() if not key.endswith("num_batches_tracked")]
    missing = {key for key in own if key not in state}
    if not missing or len(missing) == len(own):
        return False
    last_there = max(number for number, key in enumerate(own) if key in state)
    parts = _wholly_missing(module, missing)
    for name in parts:
        keys = {key for key in missing if key.startswith(f"{name}.")}
        at_the_end = own.index(min(keys, key=own.index)) > last_there
        is_classifier = _is_head(name) or _of_classes(module.get_submodule(name), 1) is not None
        if not _BESIDE.match(name) and not (at_the_end and is_classifier):
            return False
        missing -= keys
    if missing:
        return False
    for name in parts:
        _replace_(module, name, nn.Identity() if _BESIDE.match(name) else NoClassifier())
    return not all(map(_BESIDE.match, parts))


def _wholly_missing(module: nn.Module, missing: Collection[str]) -> list[str]:
    """The outermost modules of which all weights are missing."""
    found: list[str] = []
    for name, each in module.named_modules():
        keys = [f"{name}.{key}" for key in each.state_dict() if not key.endswith("num_batches_tracked")]
        inner = any(name.startswith(f"{outer}.") for outer in found)
        if name and keys and not inner and all(key in missing for key in keys):
            found.append(name)
    return found


class NoClassifier(nn.Identity):
    """Stands where a checkpoint holds no classifier: what comes out of it are features, and no classes."""


def _replace_(module: nn.Module, name: str, other: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(module.get_submodule(parent), own, other)


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"


def _list(what: str, names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{what}: {', '.join(names[:SHOWN])}{more}" if names else ""
