"""A postman between the bank's webhooks and the shop: it delays them, doubles them and delivers the newest first."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from sandbox.bank.webhooks import signature
from tests.sandbox.receiver import Receiver
from tests.sandboxes import request
from tests.stack import Stack

HOOK = "/api/webhooks/payments/sandbox"


@dataclass(frozen=True)
class Habit:
    """Events of `keeps` seconds are delivered in one round, the newest first, each `copies` times."""

    keeps: float = 0.0
    copies: int = 1


class Postman:
    """Delivers the bank's events during a block: `with Postman(stack, bag, Habit(...))`. Its end makes a last round."""

    def __init__(self, stack: Stack, bag: Receiver, habit: Habit) -> None:
        self._door, self._secret = stack.url + HOOK, stack.settings.bank_webhook_secret
        self._bag, self._habit = bag, habit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="postman", daemon=True)
        self.delivered: list[dict[str, Any]] = []
        self.turned_away: list[str] = []

    def __enter__(self) -> Postman:
        self._bag.came.clear()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(max(0.02, self._habit.keeps)):
            self._round()
        self._round()

    def _round(self) -> None:
        came = [json.loads(self._bag.came.pop(0)[1]) for _ in range(len(self._bag.came))]
        for event in reversed(came):
            for _ in range(self._habit.copies):
                self._deliver(event)

    def _deliver(self, event: dict[str, Any]) -> None:
        """Deliver an event, signed anew as the bank does at each delivery."""
        signed = {"Bank-Signature": signature(self._secret, json.dumps(event), int(time.time()))}
        answer = request("POST", self._door, event, signed)
        if answer.status != 200:
            self.turned_away.append(f"{answer.status} {answer.body}")
        self.delivered.append(event)
