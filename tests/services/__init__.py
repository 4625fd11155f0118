"""The real services of the tests: found running, or started for this session. Only our own data on them is touched."""

from __future__ import annotations

import os

GIVEN = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "BROKER_URL", "REDIS_URL")}
"""The caller's environment, read before `conftest.py` gives the tests an environment of their own."""

NAME = f"orderwave_test_{os.getpid()}"
"""The name of this session's database and virtual host, and the prefix of its queues."""


class Missing(RuntimeError):
    """A service is neither running nor installed here."""
