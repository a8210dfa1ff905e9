"""Filters: looks with a name, each a folder with a small TOML; those that come with the program are drawn by code."""

from phosphene.filters.library import Filter, add, folder, names, read

__all__ = ["Filter", "add", "folder", "names", "read"]
