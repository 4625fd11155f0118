"""What Python reads first (PYTHONPATH): under libfaketime 0.9.10 its own `time.sleep` ends at once, with an OSError.

Python sleeps until a moment of the monotonic clock, and libfaketime takes that for one of the clock that it fakes.
"""

import select
import time


def sleep(seconds: float) -> None:
    """By a wait that libfaketime leaves alone."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        select.select([], [], [], left)


time.sleep = sleep
