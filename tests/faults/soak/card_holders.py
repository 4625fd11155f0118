"""Card holders with 3-D Secure: some approve, some refuse, some never answer."""

from __future__ import annotations

import random
import time
from http.client import HTTPException

from tests.faults.shoppers import insist
from tests.sandboxes import Bank
from tests.stack import Client, Order
from tests.stack.client import FINAL

EXPIRED = "failed:authentication_expired"
ENDS = {"approve": "succeeded", "refuse": "failed:authentication_failed"}
PATIENCE = 30.0  # seconds until a holder gives up: AUTHENTICATION_MINUTES=2, of which a wrong clock may take some


class CardHolder:
    def __init__(self, bank: Bank, seed: int) -> None:
        self._bank, self._random = bank, random.Random(seed)

    def answer(self, client: Client, placed: Order) -> str:
        """Draw and give this holder's answer, and return how the order must end."""
        wish = self._random.choice(("approve", "approve", "refuse", "never"))
        forgets_at = time.monotonic() + PATIENCE
        if wish == "never" or not _is_waiting(client, placed, forgets_at):
            return EXPIRED
        return ENDS[wish] if self._tell(_charge(client, placed), wish, forgets_at) else EXPIRED

    def _tell(self, charge: str, wish: str, forgets_at: float) -> bool:
        """Send the answer, again while the bank is away; a 409 means that it arrived before. False if time ran out."""
        while time.monotonic() < forgets_at:
            try:
                answer = self._bank.complete_3ds(charge, wish)
            except (OSError, HTTPException, ValueError):
                time.sleep(0.5)
                continue
            return answer.status in (200, 409)
        return False


def _is_waiting(client: Client, placed: Order, until: float) -> bool:
    while time.monotonic() < until:
        status = insist(client, "GET", f"/api/jobs/{placed.job_id}", None).body["status"]
        if status == "waiting" or status in FINAL:
            return bool(status == "waiting")
        time.sleep(0.3)
    return False


def _charge(client: Client, placed: Order) -> str:
    """Return the bank's id of the charge, from the URL that the shop sends its customer to."""
    [payment] = insist(client, "GET", f"/api/payments?order_id={placed.id}", None).body["items"]
    return str(payment["next_action"]["url"]).rsplit("/", 1)[-1]
