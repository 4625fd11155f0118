"""Money was sent to our account, or may have been: the provider is asked, and what waits for it is paid."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.payments import bank_transfers

receive_transfers = Workflow(
    "receive_transfers",
    Step("ask_provider", do=bank_transfers.receive),
)
