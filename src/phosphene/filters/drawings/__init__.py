"""The style sources, each drawn by code."""
