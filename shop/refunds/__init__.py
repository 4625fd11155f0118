"""Refunds: asked for by staff or by a workflow, and what became of them."""
