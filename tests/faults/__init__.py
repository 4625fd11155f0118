"""Drills: something is broken on purpose while customers order; bank, mail sink and doctor then judge the result."""
