"""Searching the catalogue: the query, its pages and its facets."""
