"""Model check of the engine: a Hypothesis state machine over runs, outcomes, deliveries, time and deaths.

`make model` runs it at length. A failing story is shrunk to the few things that had to happen for it.
"""
