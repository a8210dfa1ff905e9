"""Activations of a network's layers, and what is found in them: matches, ranks, hypercolumns, correspondences."""

from phosphene.features.activations import Features, anew, by_tile, bytes_per_pixel, core, extract, of_picture

__all__ = ["Features", "anew", "by_tile", "bytes_per_pixel", "core", "extract", "of_picture"]
