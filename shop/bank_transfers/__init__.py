"""Incoming bank transfers, and their matching to payments."""
