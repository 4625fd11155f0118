"""An environment of its own for the tests, made before the first of our modules is imported."""

from __future__ import annotations

import os
import shutil
import tempfile

from hypothesis import HealthCheck, settings

from tests.services import GIVEN  # noqa: F401 - read before the environment changes

STATE = tempfile.mkdtemp(prefix="orderwave-tests-")

os.environ.update(
    ORDERWAVE_ENV="test",
    STATE_DIR=STATE,
    DATABASE_URL=f"sqlite:///{STATE}/shop.db",
    BROKER_URL=f"litebroker:///{STATE}/broker.db",
    REDIS_URL="",
    PAYMENT_PROVIDER="sandbox",
    QUEUE_PREFIX="orderwave-test.",
    BCRYPT_COST="4",
    **dict.fromkeys(("RATE_LIMIT", "LOGIN_LIMIT", "ACCOUNT_LIMIT", "REGISTER_LIMIT"), "1000000 per minute"),
    LOG_LEVEL="WARNING",
)

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("orderwave", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("orderwave")

pytest_plugins = [
    "tests.fixtures",
    "tests.stack.fixtures",
    "tests.sandbox_fixtures",
    "tests.peers.fixtures",
    "tests.side_by_side",
    "tests.faults.choosing",
    "tests.faults.summary",
]


def pytest_unconfigure() -> None:
    """Nothing is left behind, not even by a session that only collected."""
    shutil.rmtree(STATE, ignore_errors=True)
