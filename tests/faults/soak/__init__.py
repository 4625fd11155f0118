"""The soak: one fault every few seconds, drawn by a seed, while customers order for minutes. `make soak` runs it."""
