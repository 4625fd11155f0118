"""Our ledger beside the provider's, day by day."""
