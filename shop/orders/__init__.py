"""Orders: their states, history and lines, their owners, and the tokens of guests."""
