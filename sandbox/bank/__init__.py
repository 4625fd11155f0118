"""A payment provider in a box: its own process, its own ledger, as strict as a real one."""
