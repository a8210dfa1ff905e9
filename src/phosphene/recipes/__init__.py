"""Finished techniques: octaves around an ascent."""
