"""Compare the payment provider's ledger with ours. Differences are reported, never corrected by themselves."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import reconciliations

reconcile_payments = Workflow(
    "reconcile_payments",
    Step("fetch_ledger", do=reconciliations.fetch),
    Step("compare", do=reconciliations.compare, pivot=True),
    on_failed=reconciliations.drop,
    deadline=2 * 24 * 3600.0,
)
