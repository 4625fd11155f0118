"""Reconciliation: our ledger of payments compared with the provider's, day by day."""
