"""Invoices and credit notes: numbered without a gap, with tax by rate."""
