"""Races: many customers, or one with many connections, send requests at the same moment. `make race` runs them all."""
