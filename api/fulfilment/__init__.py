"""Parcels and returns over HTTP."""
