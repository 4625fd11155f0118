"""Steps that move money. A worker that imports `tasks.payments` knows them all."""

from tasks.payments import bank_transfers, capture, charge, replace, reverse, verify

__all__ = ["bank_transfers", "capture", "charge", "replace", "reverse", "verify"]
