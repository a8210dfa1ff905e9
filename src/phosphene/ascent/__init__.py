"""Gradient ascent on the pixels: gradients by tile, how they are planned for a memory, and the steps that climb."""

from phosphene.ascent.climb import OnStep, Part, Reached, Rule, Step, Tell, climb_, done, step_, teller

__all__ = ["OnStep", "Part", "Reached", "Rule", "Step", "Tell", "climb_", "done", "step_", "teller"]
