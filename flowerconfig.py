"""What Flower reads by itself in the folder it is started in; its command line says the rest (deploy/processes.py).

All that it keeps is held in memory and written out as a whole each time, so it is bounded.
"""

import litebroker.flower  # noqa: F401 - its page "Broker" knows litebroker as well

max_tasks = 2000
max_workers = 100
purge_offline_workers = 3600  # seconds
state_save_interval = 60_000  # ms
