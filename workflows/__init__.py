"""The promises: one file, one workflow, one tuple of steps."""

from workflows.place_order import place_order

__all__ = ["place_order"]
