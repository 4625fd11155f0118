"""Payments: charges, captures, voids and reversals as rows of the database. No provider is called from here."""
