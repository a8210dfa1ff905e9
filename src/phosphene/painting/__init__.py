"""Painting with dreams: a ground, brush strokes upon it, and the same again at any size."""
