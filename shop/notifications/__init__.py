"""The outbox: one row for each message to one recipient, delivered by a run of its own."""
