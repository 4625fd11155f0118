"""Payments, transfers and wallets over HTTP."""
