"""Packages that not everybody has: asked for when they are needed, with word of how to install them."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from phosphene.errors import ClusterError, PhospheneError, SettingsError

_NO_DASK = "Many machines need Dask, which is not installed. Install it with: pip install 'phosphene[distributed]'"


def extra(module: str, *packages: str, missing: PhospheneError) -> object:
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
    """The room `cluster`, where Dask is. Raises `ClusterError`: it is not installed."""
    return extra("phosphene.cluster", "distributed", "dask", missing=ClusterError(_NO_DASK))


_NO_FILMS = "Films need PyAV and OpenCV, which are not installed. Install them with: pip install 'phosphene[film]'"


def films(module: str = "functions") -> Any:
    """A module of the room `films`, where PyAV and OpenCV are. Raises `SettingsError`: they are not installed."""
    return extra(f"phosphene.films.{module}", "av", "cv2", missing=SettingsError(_NO_FILMS))


def films_missing() -> str | None:
    """Why films cannot be made, and what to do; `None` where they can."""
    return None if find_spec("av") and find_spec("cv2") else _NO_FILMS


def film_function(name: str) -> Any:
    """The function `film` or `zoom`; where films cannot be made, one that says why when it is called."""

    def refuse(*_: object, **__: object) -> None:
        raise SettingsError(_NO_FILMS)

    refuse.__doc__ = _NO_FILMS
    return refuse if films_missing() else getattr(films(), name)
