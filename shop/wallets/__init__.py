"""Store credit: what customers have, and what staff grant."""
