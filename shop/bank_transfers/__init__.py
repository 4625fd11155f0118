"""Bank transfers that came in, and the payments they are for."""
