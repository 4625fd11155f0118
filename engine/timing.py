"""How patient the engine is, in seconds."""

from __future__ import annotations

WAVE = 64  # runs a chain carries at most
PATIENCE = 5.0  # until the sweep asks after a run whose message should have arrived
SLACK = 2.0  # between the commit that says "sent" and the message really leaving
PROBE = 10.0  # until a probe that did not come back is followed by another
SWEEP = 1.0  # between two sweeps of one worker
SWEEP_LIMIT = 2000  # runs taken by one sweep
MOST_LOSSES = 20  # times a run may vanish with its worker before it is turned back
LEASE = 10.0  # until another worker may take over a call from a dead one; a living one renews it
LONGEST_PAUSE = 3600.0  # before the next try, whatever the outside wishes
LAST_CALLS = 20.0  # for calls under way when a worker is asked to end; those that take longer keep their lease
LONGEST_GOODBYE = 24.0  # from SIGTERM to the end of a worker, whatever hangs; our supervisor grants 25
