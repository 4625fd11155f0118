"""The sandbox bank as a payment gateway. No message raised here holds a token or a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from engine.outcomes import Refused, Unknown
from gateways.payments.contract import Entry, Event, Intent, Page, Receipt, Status
from gateways.payments.sandbox_transfers import SandboxTransfers
from gateways.payments.transport import Transport, failure
from gateways.payments.webhooks import verified

STATUSES: dict[str, Status] = {
    "succeeded": "captured",
    "authorized": "authorised",
    "requires_action": "requires_action",
    "voided": "voided",
}


class SandboxPayments:
    """The gateway to `python -m sandbox.bank`."""

    def __init__(self, url: str, api_key: str, webhook_secret: str, connections: int = 16) -> None:
        self._bank = Transport(url, api_key, connections)
        self.transfers = SandboxTransfers(self._bank)
        self._webhook_secret = webhook_secret

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        wish = {
            "amount": intent.amount,
            "currency": intent.currency,
            "source": intent.token,
            "capture": intent.capture,
            "reference": intent.reference,
        }
        reply = self._bank.post("v1", "charges", body=wish, key=key)
        if reply.replayed and reply.body.get("status") == "requires_action":
            return self.fetch(reply.body["id"])  # the stored answer is old, the customer may have acted since
        return _receipt(reply.body)

    def capture(self, provider_id: str, amount: int | None = None, *, key: str, final: bool = True) -> Receipt:
        wish = ({} if amount is None else {"amount": amount}) | ({} if final else {"final": False})
        return _capture(self._bank.post("v1", "charges", provider_id, "capture", body=wish, key=key).body)

    def void(self, provider_id: str, *, key: str) -> Receipt:
        return _receipt(self._bank.post("v1", "charges", provider_id, "void", body={}, key=key).body)

    def refund(self, provider_id: str, amount: int, *, key: str) -> Receipt:
        return _receipt(self._bank.post("v1", "charges", provider_id, "refunds", body={"amount": amount}, key=key).body)

    def find(self, key: str) -> Receipt | None:
        try:
            seen = self._bank.get("v1", "requests", key).body
        except Refused as no:
            if no.code == "request_not_found":
                return None
            raise
        return self._today(seen)

    def fetch(self, provider_id: str) -> Receipt:
        return _receipt(self._bank.get("v1", "charges", provider_id).body)

    def ledger(self, since: datetime, until: datetime, cursor: str | None = None) -> Page:
        window = {"since": since.isoformat(), "until": until.isoformat()}
        after = {"after": cursor} if cursor else {}
        return _page(self._bank.get("v1", "ledger", query={**window, **after}).body)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        return verified(headers, body, self._webhook_secret)

    def close(self) -> None:
        self._bank.close()

    def _today(self, seen: dict[str, Any]) -> Receipt:
        if seen.get("state") != "done":
            raise Unknown("idempotency_in_flight", answered=True)
        if seen["status"] >= 300:
            raise failure(seen["status"], seen["response"])
        if seen["response"]["object"] == "refund":
            return _receipt(seen["response"])
        return self.fetch(seen["response"]["id"])


def _receipt(answer: dict[str, Any]) -> Receipt:
    """Make a Receipt of the bank's charge or refund. Raises Refused for a charge that failed, Unknown for nonsense."""
    try:
        status = _status(answer)
        amount = answer.get("captured") or answer["amount"]
        in_parts = status == "authorised"
        how = (answer["id"], status, amount, answer["currency"], answer.get("next_action"), in_parts)
        return Receipt(*how, given_back=answer.get("refunded", 0))
    except KeyError as error:
        raise Unknown("provider_garbled") from error


def _capture(answer: dict[str, Any]) -> Receipt:
    """Make a Receipt of a capture: its own amount, and the state of its charge."""
    try:
        taken = answer["capture"]
        moved = None if taken["id"] == answer["id"] else taken["id"]
        return replace(_receipt(answer), amount=taken["amount"], moved=moved)
    except KeyError as error:
        raise Unknown("provider_garbled") from error


def _page(answer: dict[str, Any]) -> Page:
    try:
        return Page([_entry(told) for told in answer["entries"]], answer["next"])
    except (KeyError, TypeError, ValueError) as error:
        raise Unknown("provider_garbled") from error


def _entry(told: dict[str, Any]) -> Entry:
    said = (told["kind"], told["id"], told["amount"], told["currency"], told["reference"])
    return Entry(*said, datetime.fromisoformat(told["at"]))


def _status(answer: dict[str, Any]) -> Status:
    if answer["object"] == "refund":
        return "refunded"
    if answer["status"] == "failed":
        raise Refused(cast(str, answer["failure_code"]))
    given_back = answer["status"] == "succeeded" and answer["captured"] == answer["refunded"]
    return "refunded" if given_back else STATUSES[answer["status"]]
