"""The real services that tests talk to: found running, or started for this session, never touched beyond our own."""

from __future__ import annotations

import os

GIVEN = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "BROKER_URL", "REDIS_URL")}
"""What the caller's environment said, read before `conftest.py` gives the tests an environment of their own."""

NAME = f"orderwave_test_{os.getpid()}"
"""What this session's database, virtual host and queues are called."""


class Missing(RuntimeError):
    """A service is neither running nor installed here."""
