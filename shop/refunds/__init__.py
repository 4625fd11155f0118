"""Refunds: issued by staff or by a workflow, and settled by hand."""
