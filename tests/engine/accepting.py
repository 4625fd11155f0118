"""Run as a program: accepts commands while nobody answers for the broker, and says how long each took."""

from __future__ import annotations

import os
import sys
import time

import db
import engine
from engine.sweep import sweep
from tests.engine.parcels import send_parcel


def main() -> None:
    for n in range(5):
        began = time.monotonic()
        with db.transaction() as session:
            id = engine.start(session, send_parcel, key=f"k{n}", subject=("parcel", f"p{n}")).id
        print(id, time.monotonic() - began)
        time.sleep(0.05)
    assert sweep() == 0
    sys.stdout.flush()
    os._exit(0)  # the flusher is still at it


if __name__ == "__main__":
    main()
