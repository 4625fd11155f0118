"""A provider that answers at once, or after a fixed time, for benchmarks. No money, no process, no ledger.

It lives in the memory of one process: another process does not find its charges, and a restart forgets
them. Of each process it remembers the newest `MEMORY` keys. It refuses tokens that end in `declined`.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from gateways.payments.contract import BadSignature, Event, Intent, Page, Receipt, Status
from gateways.payments.transfers import IncomingTransfers
from outcomes import Refused

MEMORY = 100_000
T = TypeVar("T")


class InstantPayments:
    transfers: IncomingTransfers | None = None

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds  # each call takes that long, however many are made at once
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Receipt | Refused] = OrderedDict()
        self._charges: OrderedDict[str, Receipt] = OrderedDict()
        self._refunded: Counter[str] = Counter()

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        return self._once(key, lambda: self._charge(intent, key))

    def capture(self, provider_id: str, amount: int | None = None, *, key: str) -> Receipt:
        return self._once(key, lambda: self._capture(self._get(provider_id), amount))

    def void(self, provider_id: str, *, key: str) -> Receipt:
        return self._once(key, lambda: self._void(self._get(provider_id)))

    def refund(self, provider_id: str, amount: int, *, key: str) -> Receipt:
        return self._once(key, lambda: self._refund(self._get(provider_id), amount, key))

    def find(self, key: str) -> Receipt | None:
        with self._lock:
            answer = self._answers.get(key)
            if isinstance(answer, Refused):
                raise Refused(answer.code)
            return answer and self._charges.get(answer.provider_id, answer)

    def fetch(self, provider_id: str) -> Receipt:
        with self._lock:
            return self._get(provider_id)

    def ledger(self, since: datetime, until: datetime, cursor: str | None = None) -> Page:
        raise Refused("provider_keeps_no_ledger")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        raise BadSignature("this provider sends no webhooks")

    def close(self) -> None:
        """Nothing is open."""

    def _once(self, key: str, effect: Callable[[], Receipt]) -> Receipt:
        if self._seconds:
            time.sleep(self._seconds)
        with self._lock:
            if key not in self._answers:
                _store(self._answers, key, _answer(effect))
            answer = self._answers[key]
        if isinstance(answer, Refused):
            raise Refused(answer.code)
        return answer

    def _get(self, provider_id: str) -> Receipt:
        if provider_id not in self._charges:
            raise Refused("charge_not_found")
        return self._charges[provider_id]

    def _keep(self, receipt: Receipt) -> Receipt:
        _store(self._charges, receipt.provider_id, receipt)
        return receipt

    def _charge(self, intent: Intent, key: str) -> Receipt:
        if intent.token.endswith("declined"):
            raise Refused("card_declined")
        status: Status = "captured" if intent.capture else "authorised"
        return self._keep(Receipt(_id("ch", key), status, intent.amount, intent.currency))

    def _capture(self, charge: Receipt, amount: int | None) -> Receipt:
        _must_be(charge, "authorised", "charge_already_captured")
        if (amount or 0) > charge.amount:
            raise Refused("capture_exceeds_authorization")
        return self._keep(replace(charge, status="captured", amount=amount or charge.amount))

    def _void(self, charge: Receipt) -> Receipt:
        _must_be(charge, "authorised", "charge_already_captured")
        return self._keep(replace(charge, status="voided"))

    def _refund(self, charge: Receipt, amount: int, key: str) -> Receipt:
        left = charge.amount - self._refunded[charge.provider_id]
        _must_be(charge, "captured", "refund_exceeds_charge" if charge.status == "refunded" else "charge_not_captured")
        if amount > left:
            raise Refused("refund_exceeds_charge")
        self._refunded[charge.provider_id] += amount
        if amount == left:
            self._keep(replace(charge, status="refunded"))
        return Receipt(_id("re", key), "refunded", amount, charge.currency)


def _answer(effect: Callable[[], Receipt]) -> Receipt | Refused:
    try:
        return effect()
    except Refused as no:
        return Refused(no.code)  # without its traceback, which would keep the whole call alive


def _must_be(charge: Receipt, status: str, code: str) -> None:
    if charge.status != status:
        raise Refused(code)


def _id(kind: str, key: str) -> str:
    return f"{kind}_{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}"


def _store(memory: OrderedDict[str, T], name: str, value: T) -> None:
    memory[name] = value
    if len(memory) > MEMORY:
        memory.popitem(last=False)
