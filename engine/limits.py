"""Limits of the engine: times in seconds, and numbers of runs, calls and failures."""

from __future__ import annotations

WAVE = 64  # runs a chain carries at most
PATIENCE = 5.0  # until the sweep looks after a run whose message should have arrived
SLACK = 2.0  # between the commit that says "sent" and the message really leaving
PROBE = 10.0  # until a probe that did not come back is followed by another
SWEEP = 1.0  # between two sweeps of one worker
SWEEP_LIMIT = 2000  # runs taken by one sweep
MOST_CLAIMS = 20  # times a run that was lost may vanish with the worker that took it before it is turned back
SEARCHES = ((4, PATIENCE), (8, 30.0), (16, 120.0))  # below so many losses: until the sweep looks after it again
LONGEST_SEARCH = 600.0  # and after more
LEASE = 6.0  # of a call; its holder renews it until the answer is recorded
GRACE = 4.0  # that a lease must be seen to be over before another worker takes the call (see leases.py)
LONGEST_PAUSE = 3600.0  # before the next turn of a step
LONGEST_RETRY_AFTER = 300.0  # of the pause a gateway asks for, at most so much is granted
FAULT_PATIENCE = 900.0  # a step that raises a Fault is tried for so long, then the run needs attention
OPENS = 5  # failures in a row after which a gateway counts as away
TRUST = 1.0  # for so long after a gateway's answer a process does not count failures against the gateway
PROBES = 2  # calls that are made at once to find out whether a gateway is back
PROBE_PAUSE = 1  # before the first of such probes; it doubles
REST = 60.0  # a run that waits for a gateway looks again after so long by itself, released or not
RELEASE = 5.0  # over so many seconds the runs that waited for a gateway go on once it is back
BACK = 60.0  # for so long after its return runs that still wait for it are looked for
TELL = 60.0  # between two lines in the log about a gateway that is away
FORGET = 86_400.0  # after so long without a call or a waiting run the row of an absent gateway is deleted
LAST_CALLS = 20.0  # for calls under way when a worker is asked to end; those that take longer keep their lease
LONGEST_GOODBYE = 24.0  # from SIGTERM to the end of a worker, whatever hangs; our supervisor grants 25
