"""The schedule of periodic tasks: names and times only. `tasks/maintenance.py` has the tasks, docs/clock.md the rules.

Beat only pokes; which slots are due is computed from the times below, by the database's clock. No order waits for
this clock (every worker sweeps by itself). While beat is dead or silent, workers poke.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Every(NamedTuple):
    """Slots so many seconds apart, counted from 1970, so that every process computes the same ones."""

    seconds: int


class Cron(NamedTuple):
    """Slots by a cron expression of five fields, in the time zone of the setting TIME_ZONE."""

    expression: str


Time = Every | Cron

SCHEDULE: dict[str, Time] = {
    "release_expired_reservations": Every(60),
    "look_at_payments": Every(300),
    "ask_for_transfers": Every(900),
    "remind_of_carts": Every(60),
    "prune_finished_runs": Cron("17 * * * *"),
    "prune_clock": Cron("27 * * * *"),
    "prune_commands": Cron("37 * * * *"),
    "prune_imports": Cron("42 * * * *"),
    "prune_notifications": Cron("52 * * * *"),
    "prune_sessions": Cron("47 * * * *"),
    "reconcile_payments": Cron("7 3-23/4 * * *"),
    "forget_customers": Cron("32 * * * *"),
    "issue_credit_notes": Cron("12 * * * *"),
    "announce_promotions": Every(60),
    "prune_happenings": Cron("42 * * * *"),
    "prune_recipients": Cron("52 * * * *"),
    "expire_carts": Cron("57 * * * *"),
}

POKE = 5.0  # seconds: the most that a slot is late while beat is alive
BEAT: dict[str, dict[str, Any]] = {
    "look at the clock": {"task": "maintenance.poke", "schedule": POKE},
    "look for campaigns": {"task": "maintenance.start_due_campaigns", "schedule": POKE},
}
