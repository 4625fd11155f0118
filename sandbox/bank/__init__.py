"""The sandbox bank, a payment provider for development: its own process and ledger, as strict as a real one."""
