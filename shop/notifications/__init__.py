"""The outbox: one row for each message that somebody is to get, delivered by a run of its own."""
