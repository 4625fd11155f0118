"""Flower's configuration, read from the folder it is started in; its command line has the rest (deploy/processes.py).

Flower keeps its state in memory and writes it out as a whole each time, so the state is bounded.
"""

import litebroker.flower  # noqa: F401 - its page "Broker" knows litebroker as well

max_tasks = 2000
max_workers = 100
purge_offline_workers = 3600  # seconds
state_save_interval = 60_000  # ms
