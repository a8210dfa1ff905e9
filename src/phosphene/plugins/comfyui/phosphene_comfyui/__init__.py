"""Phosphene in ComfyUI: dreams, guides, styles, patterns and films, as nodes of the V3 schema."""

from .nodes import comfy_entrypoint

__all__ = ["comfy_entrypoint"]
