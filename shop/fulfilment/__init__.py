"""Parcels and returns: what was sent, what came back, and what is captured or refunded for it."""
