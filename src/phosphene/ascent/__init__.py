"""Gradient ascent on the pixels: gradients by tile, how they are planned for a memory, and the steps that climb."""

from phosphene.ascent.climb import AscentTerm, OnStep, Reached, Step, StepRule, Tell, climb_, done, step_, teller

__all__ = ["AscentTerm", "OnStep", "Reached", "Step", "StepRule", "Tell", "climb_", "done", "step_", "teller"]
