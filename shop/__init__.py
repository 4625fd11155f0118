"""The nouns of the shop: tables with their rules and queries, one file a noun. Nothing here commits."""
