"""Drills: something is broken on purpose while customers order, and judges from outside say what came of it."""
