"""Store credit: the wallets of customers, and the grants of staff."""
