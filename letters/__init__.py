"""Messages in words: templates as text and HTML, and the translations of each language. It knows no table."""

from letters.samples import SAMPLES
from letters.writing import Letter, write

__all__ = ["SAMPLES", "Letter", "write"]
