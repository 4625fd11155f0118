"""What every domain shares and none owns: refusals, money, times, keys, idempotency."""
