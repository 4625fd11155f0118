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

from engine.outcomes import Refused
from gateways.payments.contract import BadSignature, Event, Intent, Page, Receipt, Status
from gateways.payments.transfers import IncomingTransfers

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
        self._parts: Counter[str] = Counter()  # taken so far of what is still authorised

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        return self._once(key, lambda: self._charge(intent, key))

    def capture(self, provider_id: str, amount: int | None = None, *, key: str, final: bool = True) -> Receipt:
        return self._once(key, lambda: self._capture(self._get(provider_id), amount, key, final))

    def void(self, provider_id: str, *, key: str) -> Receipt:
        return self._once(key, lambda: self._void(self._get(provider_id)))

    def refund(self, provider_id: str, amount: int, *, key: str) -> Receipt:
        return self._once(key, lambda: self._refund(self._get(provider_id), amount, key))

    def find(self, key: str) -> Receipt | None:
        with self._lock:
            answer = self._answers.get(key)
            if isinstance(answer, Refused):
                raise Refused(answer.code)
            return answer and self._today(self._charges.get(answer.provider_id, answer))

    def fetch(self, provider_id: str) -> Receipt:
        with self._lock:
            return self._today(self._get(provider_id))

    def ledger(self, since: datetime, until: datetime, cursor: str | None = None) -> Page:
        raise Refused("provider_keeps_no_ledger")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        raise BadSignature("this provider sends no webhooks")

    def close(self) -> None:
        """Do nothing: no connection is open."""

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

    def _today(self, charge: Receipt) -> Receipt:
        taken = self._parts[charge.provider_id] if charge.status == "authorised" else 0
        back = self._refunded[charge.provider_id]
        return replace(charge, amount=taken or charge.amount, given_back=back)

    def _keep(self, receipt: Receipt) -> Receipt:
        _store(self._charges, receipt.provider_id, receipt)
        return receipt

    def _charge(self, intent: Intent, key: str) -> Receipt:
        if intent.token.endswith("declined"):
            raise Refused("card_declined")
        status: Status = "captured" if intent.capture else "authorised"
        in_parts = status == "authorised"
        return self._keep(Receipt(_id("ch", key), status, intent.amount, intent.currency, in_parts=in_parts))

    def _capture(self, charge: Receipt, amount: int | None, key: str, final: bool) -> Receipt:
        _must_be(charge, "authorised", "charge_already_captured")
        before = self._parts[charge.provider_id]
        wanted = charge.amount - before if amount is None else amount
        if wanted > charge.amount - before:
            raise Refused("capture_exceeds_authorization")
        self._parts[charge.provider_id] += wanted
        if final or before + wanted == charge.amount:
            charge = self._keep(replace(charge, status="captured", amount=before + wanted, in_parts=False))
        return replace(charge, amount=wanted, moved=_id("cp", key) if before else None)

    def _void(self, charge: Receipt) -> Receipt:
        _must_be(charge, "authorised", "charge_already_captured")
        if taken := self._parts[charge.provider_id]:
            status: Status = "refunded" if self._refunded[charge.provider_id] == taken else "captured"
            return self._keep(replace(charge, status=status, amount=taken, in_parts=False))
        return self._keep(replace(charge, status="voided", in_parts=False))

    def _refund(self, charge: Receipt, amount: int, key: str) -> Receipt:
        taken = charge.amount if charge.status in ("captured", "refunded") else self._parts[charge.provider_id]
        if not taken:
            raise Refused("charge_not_captured")
        left = taken - self._refunded[charge.provider_id]
        if amount > left:
            raise Refused("refund_exceeds_charge")
        self._refunded[charge.provider_id] += amount
        if amount == left and charge.status == "captured":
            self._keep(replace(charge, status="refunded"))
        return Receipt(_id("re", key), "refunded", amount, charge.currency)


def _answer(effect: Callable[[], Receipt]) -> Receipt | Refused:
    try:
        return effect()
    except Refused as no:
        return Refused(no.code)  # without its traceback, which would keep the whole call alive


def _must_be(charge: Receipt, status: str, code: str) -> None:
    if charge.status != status:
        raise Refused("charge_voided" if charge.status == "voided" else code)


def _id(kind: str, key: str) -> str:
    return f"{kind}_{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}"


def _store(memory: OrderedDict[str, T], name: str, value: T) -> None:
    memory[name] = value
    if len(memory) > MEMORY:
        memory.popitem(last=False)
