"""Step tasks by themselves."""
