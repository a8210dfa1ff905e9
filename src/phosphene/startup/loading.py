"""What lets a command start sooner: no garbage is collected while modules load, and a part of torch is put off."""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import RLock
from types import ModuleType

LOADING = 500_000  # objects before garbage is collected: loading modules makes fewer, and hardly any garbage
METAS = "torch._meta_registrations"
"""What meta tensors need of each operation, and so torch's compiler: a fifth of what loading torch takes.

`import torch` loads it at its end, and asks nothing of it. It brings the modules `BROUGHT` along.
"""
BROUGHT = ("_decomp", "_prims", "_refs")
TRIED = "2.13."  # releases of torch in which that was tried; others load it as they like

_usual = gc.get_threshold()
_loading = RLock()


class _Later(ModuleType):
    """Stands for a module until somebody asks for a name in it, and hands on that of the real one."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # what the import system asks of every module
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        load_all_of_torch()
        return getattr(import_module(self.__name__), name)


class _PutOff(MetaPathFinder, Loader):
    """Has torch import a module that stands for the one that is put off."""

    def __init__(self) -> None:
        self.asked = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != METAS or self.asked:
            return None
        self.asked = True
        torch = sys.modules["torch"]
        if not torch.__version__.startswith(TRIED):
            return None
        try:  # the one thing that torch needs of it: without, there are no random generators
            torch._C._set_generator_metaclass(import_module("torch._opaque_base").OpaqueBaseMeta)
        except (ImportError, AttributeError):
            return None
        for name in BROUGHT:
            vars(torch).setdefault(name, _Later(f"torch.{name}"))
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def begin() -> None:
    """Called before torch is loaded, in a process that runs the program alone."""
    gc.set_threshold(LOADING)
    if "torch" not in sys.modules and not any(isinstance(each, _PutOff) for each in sys.meta_path):
        sys.meta_path.insert(0, _PutOff())


def end() -> None:
    """What was loaded is kept to the end: the garbage collector leaves it alone, and looks at the rest as usual."""
    gc.freeze()
    gc.set_threshold(*_usual)


def load_all_of_torch() -> None:
    """Loads what was put off: for code that is not ours, which may ask torch for anything."""
    with _loading:
        if isinstance(sys.modules.get(METAS), _Later):
            del sys.modules[METAS]
            import_module(METAS)
