"""Orders and their papers over HTTP."""
