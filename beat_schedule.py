"""The clock: names and times only. What the names do stands in `tasks/maintenance.py`.

No order waits for this clock (every worker sweeps by itself); a dead beat delays house-keeping, nothing else.
"""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab, schedule

SCHEDULE: dict[str, dict[str, Any]] = {
    "release expired reservations": {"task": "maintenance.release_expired_reservations", "schedule": schedule(60)},
    "prune finished runs": {"task": "maintenance.prune_finished_runs", "schedule": crontab(minute="17")},
    "prune idempotency keys": {"task": "maintenance.prune_commands", "schedule": crontab(minute="37")},
    "prune dead sessions": {"task": "maintenance.prune_sessions", "schedule": crontab(minute="47")},
    "reconcile payments": {"task": "maintenance.reconcile_payments", "schedule": crontab(minute="7", hour="3-23/4")},
    "forget customers who left": {"task": "maintenance.forget_customers", "schedule": crontab(minute="27")},
    "expire abandoned carts": {"task": "maintenance.expire_carts", "schedule": crontab(minute="57")},
}
