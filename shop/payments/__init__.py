"""Payments: charges, captures, voids and reversals as our rows know them; no provider is called here."""
