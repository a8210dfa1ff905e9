"""What computes a tile's gradient: torch, step by step; or OpenVINO, as one compiled graph."""

from phosphene.backends.choice import AUTO, OPENVINO, TORCH, choose, held, installed, obstacle
from phosphene.backends.plain import Backend, Torch, Values

__all__ = ["AUTO", "OPENVINO", "TORCH", "Backend", "Torch", "Values", "choose", "held", "installed", "obstacle"]
