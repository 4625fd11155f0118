"""One package a domain: its tables with their rules and queries, one file a noun. Nothing here commits."""
