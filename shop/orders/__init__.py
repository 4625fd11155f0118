"""Orders: their states and history, their lines, whose they are and who may open them."""
