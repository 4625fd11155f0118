"""Parcels and returns: what has left, what came back, and what is captured or given back for it."""
