"""The languages that messages are written in."""

LANGUAGES = ("en", "de")
"""BCP 47 tags; the first is the default."""
