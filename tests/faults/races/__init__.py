"""Races: many customers, or one with many hands, at the same door at the same moment. `make race` runs them all."""
