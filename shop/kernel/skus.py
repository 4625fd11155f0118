"""Stock keeping units."""

SKU_LENGTH = 64
"""Characters a SKU has at most, wherever one is stored or taken."""
