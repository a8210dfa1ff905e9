"""Numbers for what the eye sees in a picture: seams, scale, faithfulness, noise, clipping, repetition."""

from phosphene.measures.catalogue import MEASURES, Measure, measure
from phosphene.measures.likeness import spectrum
from phosphene.measures.seams import SEAM_ALARM, Lattice

__all__ = ["MEASURES", "SEAM_ALARM", "Lattice", "Measure", "measure", "spectrum"]
