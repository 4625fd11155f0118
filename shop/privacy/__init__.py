"""Personal data: its export on request (GDPR art. 15) and its erasure with the account (art. 17)."""
