"""Fetch bank transfers from the provider, and match them with the orders that wait for them."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.payments import bank_transfers

receive_transfers = Workflow(
    "receive_transfers",
    Step("ask_provider", do=bank_transfers.receive),
)
