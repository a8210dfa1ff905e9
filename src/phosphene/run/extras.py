"""Packages that not everybody has: asked for when they are needed, with word of how to install them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from phosphene.errors import ClusterError, PhospheneError

_NO_DASK = "Many machines need Dask, which is not installed. Install it with: pip install 'phosphene[distributed]'"


def extra(module: str, *packages: str, missing: PhospheneError) -> Any:
    """A module that needs other packages.

    Raises:
        PhospheneError: `missing`, where one of the packages is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in packages:
            raise
        raise missing from error


def cluster() -> Any:
    """The room `cluster`, where Dask is.

    Raises:
        ClusterError: it is not installed.
    """
    return extra("phosphene.cluster", "distributed", "dask", missing=ClusterError(_NO_DASK))
