"""Networks from elsewhere: timm's, torchvision's, and those that a Python file of the user's makes."""

import copy
import importlib.util
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from phosphene.errors import SettingsError, UnknownNameError, WeightsError, nearest, translate
from phosphene.images.sources import sha256_of
from phosphene.networks import checkpoints, fitting
from phosphene.networks.adapter import adapt
from phosphene.networks.body import About
from phosphene.networks.inspection import FOREIGN_ERRORS, told
from phosphene.networks.network import Network
from phosphene.pixels.modes import seeded
from phosphene.startup import loading

RANDOM = "random"
"""The weights that nobody trained, instead of a file."""

LIBRARIES = ("timm", "torchvision")

_PRIVATE = "_phosphene_own_network"  # what the user's file is called as a module
_OWN = re.compile(r"(?P<file>.+\.py)(?::(?P<factory>\w*))?")  # a drive's colon stands before the .py

Made = tuple[nn.Module, About]


def is_foreign(model: str) -> bool:
    """Whether a name means a network from elsewhere: `timm:…`, `torchvision:…` or `….py:…`."""
    return model.partition(":")[0] in LIBRARIES or is_program(model)


def is_program(model: str) -> bool:
    """Whether a name means a program, `….py:…`, which runs with the user's rights where a network is made of it."""
    return model.partition(":")[0] not in LIBRARIES and _OWN.fullmatch(model) is not None


def refuse_program(model: object, found_in: str, again: str) -> None:
    """Refuses to run a program that data names: records, journals and settings files come from strangers, too.

    `found_in` is the data in words. The `SettingsError` says that the user names the program by `again`, if it can be
    trusted; `{}` stands there for the program's name.
    """
    if is_program(str(model)):
        program = Path(str(model)).name
        raise SettingsError(
            f"{found_in} names the program {program}, which is not run because a file names it.\n"
            f"If you trust {program.partition(':')[0]}, name it yourself: {again.format(program)}"
        )


def load(model: str, weights: str | None, dtype: torch.dtype) -> Network:
    """The network of that name with weights from a file, `random` ones, or those its library has for it.

    A `.py` file is a program, and is run with the user's rights.

    Raises:
        UnknownNameError: no such network; the nearest name is offered.
        WeightsError: no weights, damaged ones, or another network's; or the library is not installed.
        SettingsError: the user's file, or the network in it, fails; with the line.
    """
    return _load(model, weights, dtype, _age(model), _age(weights))


def _age(name: str | None) -> int:
    """When a file changed, so that an edited one is read again."""
    own = _OWN.fullmatch(name or "")
    path = Path(own["file"] if own else name or "")
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=4)
def _load(model: str, weights: str | None, dtype: torch.dtype, *_ages: int) -> Network:
    loading.load_all_of_torch()
    library, _, name = model.partition(":")
    own = _OWN.fullmatch(model)
    with seeded():  # so that random weights are the same each time
        if own and library not in LIBRARIES:
            module, about = _own(Path(own["file"]), own["factory"] or "")
        else:
            module, about = (_timm if library == "timm" else _torchvision)(name, weights is None)
    return adapt(module, _filled_(module, about, weights), dtype=dtype)


def of_module(module: nn.Module, about: About, *, weights: str | None, dtype: torch.dtype) -> Network:
    """A network of a module that the caller made."""
    if weights not in (None, RANDOM):
        module = copy.deepcopy(module)
    return adapt(module, _filled_(module, about, weights), dtype=dtype)


def _filled_(module: nn.Module, about: About, weights: str | None) -> About:
    """Puts weights into the module, and says where they come from."""
    if weights is None:
        return about
    if weights == RANDOM:
        return replace(about, file=RANDOM, notes=(*about.notes, f"the weights of {about.name} are random"))
    path = Path(weights)
    heard = fitting.fit_(module, checkpoints.read(path), about.name, path)
    return replace(about, file=path.name, sha256=sha256_of(path), notes=(*about.notes, *heard))


@contextmanager
def _library(name: str) -> Iterator[None]:
    """Says in our words that a library is not there, or does not fit the torch that is."""
    try:
        yield
    except ImportError as error:
        if error.name and error.name.partition(".")[0] not in LIBRARIES:
            raise
        raise WeightsError(f"{name} is not installed. Install it with: pip install 'phosphene[{name}]'") from error
    except (RuntimeError, OSError) as error:
        raise WeightsError(
            f"{name} does not work with torch {torch.__version__}: {told(error)}\n"
            "Install torch and torchvision together, from one place: https://pytorch.org/get-started/locally"
        ) from error


def _timm(name: str, pretrained: bool) -> Made:
    with _library("timm"):
        import timm
    if not timm.is_model(name):
        raise _unknown("timm", name, timm.list_models())
    with _weights_of("timm", name, pretrained):
        module = _of_any_size(partial(timm.create_model, name, pretrained=pretrained))
    facts: Mapping[str, Any] = vars(module).get("pretrained_cfg", {})
    source = facts.get("hf_hub_id") or str(facts.get("url", "")).rpartition("/")[2]
    return module, About(f"timm:{name}", str(source or ""), mean=facts.get("mean"), deviation=facts.get("std"))


def _of_any_size(create: Callable[..., nn.Module]) -> nn.Module:
    """Asks for a transformer of any size, each family in its own words; others take no such words."""
    for words in ({"dynamic_img_size": True}, {"strict_img_size": False}):
        with suppress(TypeError):
            return create(**words)
    return create()


def _torchvision(name: str, pretrained: bool) -> Made:
    with _library("torchvision"):
        from torchvision import models
    known = models.list_models(module=models)
    if name not in known:
        raise _unknown("torchvision", name, known)
    best = models.get_model_weights(name).DEFAULT
    with _weights_of("torchvision", name, pretrained), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on how two old networks begin before they are trained
        if pretrained:
            # Torchvision itself would also read files that run code; what comes now stays in its cache.
            best.get_state_dict(progress=False, check_hash=True, weights_only=True)
        module = models.get_model(name, weights=best if pretrained else None, progress=False)
    about = About(
        f"torchvision:{name}",
        best.url.rpartition("/")[2],
        mean=getattr(best.transforms(), "mean", None),
        deviation=getattr(best.transforms(), "std", None),
        classes=tuple(best.meta.get("categories", ())) if pretrained else (),
    )
    return module, about


def _unknown(library: str, name: str, known: list[str]) -> UnknownNameError:
    models = ".models" if library == "torchvision" else ""
    return UnknownNameError(
        f"{library} has no network {name!r}.{nearest(name, known)}"
        f" Its {len(known)} names: python -c \"import {library}; print(*{library}{models}.list_models(), sep='\\n')\""
    )


def _weights_of(library: str, name: str, pretrained: bool) -> AbstractContextManager[None]:
    """Says what to do where trained weights do not come."""

    def said(error: BaseException) -> WeightsError | None:
        if isinstance(error, TypeError) or not pretrained:
            return None
        return WeightsError(
            f"The trained weights of {library}:{name} did not come: {told(error)}\n"
            "Name a file of them with --weights FILE.safetensors; --weights random dreams of patterns that nobody"
            " trained."
        )

    return translate(said)


def _own(path: Path, factory: str) -> Made:
    """The network that a function of the user's file returns, with what it says of itself."""
    if not path.is_file():
        raise UnknownNameError(f"There is no file {path}.")
    with _users_code(path):
        names = vars(_imported(path))
    candidates = [
        name for name, each in names.items() if callable(each) and getattr(each, "__module__", None) == _PRIVATE
    ]
    if factory not in names:
        what = f"{path.name} has no {factory!r}" if factory else f"Say which function of {path.name} makes the network"
        raise UnknownNameError(
            f"{what}.{nearest(factory, candidates)} It has {', '.join(candidates) or 'no functions'}."
            f" Write: --model {path}:{candidates[0] if candidates else 'NAME'}"
        )
    with _users_code(path):
        made = names[factory] if isinstance(names[factory], nn.Module) else names[factory]()
    module, said = made if isinstance(made, tuple) and len(made) == 2 else (made, {})
    if not isinstance(module, nn.Module) or not isinstance(said, Mapping):
        raise SettingsError(
            f"{factory} of {path.name} gives {type(made).__name__}; a torch.nn.Module is wanted, or a module and a dict"
            " with mean, std, default_layer or classes."
        )
    return module, described(f"{path.name}:{factory}", module, said)


def _imported(path: Path) -> ModuleType:
    """The user's file as a module under a private name; what lies beside it can be imported, as in a script."""
    spec = importlib.util.spec_from_file_location(_PRIVATE, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.modules[_PRIVATE] = module  # dataclasses look their module up
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def _users_code(path: Path) -> AbstractContextManager[None]:
    """Tells an error in the user's file with its line, and without the way there."""

    def said(error: BaseException) -> SettingsError:
        frames = traceback.extract_tb(error.__traceback__)
        own = [each.lineno for each in frames if Path(each.filename).resolve() == path.resolve()]
        line = error.lineno if isinstance(error, SyntaxError) else own[-1] if own else None
        return SettingsError(f"{path}{f', line {line}' if line else ''}: {told(error)}")

    return translate(said, FOREIGN_ERRORS)


def described(name: str, module: nn.Module, said: Mapping[str, Any]) -> About:
    """What is said of a module, in words beside it or as attributes of its own."""
    keys = ("mean", "std", "default_layer", "classes")
    mean, deviation, default, classes = (
        _attribute(module, key) if said.get(key) is None else said[key] for key in keys
    )
    mean, deviation = _numbers(name, "mean", mean), _numbers(name, "std", deviation)
    if deviation is not None and not all(deviation):
        raise SettingsError(f"The std of {name} is {deviation}; a deviation of 0 divides by nothing.")
    if not (default is None or isinstance(default, str)) or not isinstance(classes or (), (list, tuple)):
        raise SettingsError(f"The default_layer of {name} is a layer's name, and classes a list of names.")
    return About(name, mean=mean, deviation=deviation, default_layer=default, classes=tuple(map(str, classes or ())))


def _numbers(name: str, key: str, found: Any) -> tuple[float, ...] | None:
    """One number for a network of grey pictures, or three for red, green and blue."""
    if found is None:
        return None
    with suppress(TypeError, ValueError):
        plain: Any = found.tolist() if isinstance(found, torch.Tensor) else found
        numbers = tuple(map(float, plain)) if hasattr(plain, "__iter__") else (float(plain),)
        if len(numbers) in (1, 3):
            return numbers
    raise SettingsError(f"The {key} of {name} is {found}; it takes three numbers, for red, green and blue, 0..1.")


def _attribute(module: nn.Module, key: str) -> Any:
    found = getattr(module, key, None)
    if isinstance(found, torch.Tensor):
        return found.flatten().tolist()
    return None if callable(found) else found
