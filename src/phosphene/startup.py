"""What lets a command start sooner: no garbage is collected while modules load, and a part of torch is put off."""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

LOADING = 2_000_000  # objects before garbage is collected: loading modules makes fewer, and no garbage
METAS = "torch._meta_registrations"
"""What torch's compiler needs of each operation, and no technique: a quarter of what loading torch takes.

`import torch` loads it at its end, and asks nothing of it.
"""
TRIED = "2.13."  # releases of torch in which that was tried; others load it as they like

_usual = gc.get_threshold()


class _PutOff(MetaPathFinder, Loader):
    """Has torch import an empty module in place of the one that is put off."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != METAS:
            return None
        sys.meta_path.remove(self)
        tried = sys.modules["torch"].__version__.startswith(TRIED)
        return ModuleSpec(fullname, self) if tried else PathFinder.find_spec(fullname, path, target)

    def exec_module(self, module: ModuleType) -> None:
        """Does the one thing that torch needs of what is put off."""
        from torch import _C
        from torch._opaque_base import OpaqueBaseMeta

        _C._set_generator_metaclass(OpaqueBaseMeta)


def begin() -> None:
    """Called before torch is loaded, in a process that runs the program alone."""
    gc.set_threshold(LOADING)
    sys.meta_path.insert(0, _PutOff())


def end() -> None:
    """What was loaded is kept to the end: the garbage collector leaves it alone, and looks at the rest as usual."""
    gc.freeze()
    gc.set_threshold(*_usual)


def load_all_of_torch() -> None:
    """Loads what was put off: for code that is not ours, which may ask torch for anything."""
    found = sys.modules.get(METAS)
    if found and found.__spec__ and isinstance(found.__spec__.loader, _PutOff):
        del sys.modules[METAS]
        sys.modules["torch"].__dict__["_meta_registrations"] = import_module(METAS)
