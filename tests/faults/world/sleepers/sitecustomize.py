"""Replace `time.sleep` at the start of Python (PYTHONPATH): under libfaketime 0.9.10 it ends at once with an OSError.

Python sleeps until a time of the monotonic clock, and libfaketime takes that for one of the clock that it fakes.
"""

import select
import time


def sleep(seconds: float) -> None:
    """Sleep by `select`, which libfaketime leaves alone."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        select.select([], [], [], left)


time.sleep = sleep
