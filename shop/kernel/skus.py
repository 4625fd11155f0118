"""Stock keeping units."""

SKU_LENGTH = 64
"""The most characters a SKU has, wherever one is stored or accepted."""
