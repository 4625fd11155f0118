"""The API that the shop's payment gateway calls."""

from __future__ import annotations

import asyncio
import hmac
import json
import sqlite3
from typing import Any

from sandbox.bank import charges, records, validation
from sandbox.bank.bank import Bank
from sandbox.bank.requests import Answer
from sandbox.web import Handler, Refusal

DB = sqlite3.Connection
LONGEST_KEY = 255


class ApiHandler(Handler):
    """A handler that checks the API key and applies the faults that a drill has set."""

    def initialize(self, bank: Bank) -> None:
        self.bank = bank

    async def prepare(self) -> None:
        await self._weather()
        given = self.request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, f"Bearer {self.bank.options.api_key}".encode()):
            raise Refusal(401, "unauthorized", "Send the API key as a bearer token.")

    async def _weather(self) -> None:
        """Apply the faults that concern every request: no answer at all, or an error such as 401, 429 or 503."""
        if self.bank.weather.silent:
            await self._silence()
        if self.bank.weather.answer:
            raise Refusal(self.bank.weather.answer, "bad_weather", "As the drill wants it.")

    async def _silence(self) -> None:
        """Hold the request until its client hangs up or the silence ends, and then refuse it: it has no effect."""
        stream: Any = self.request.connection.stream  # type: ignore[union-attr]
        while self.bank.weather.silent and not stream.closed():
            await asyncio.sleep(0.1)
        raise Refusal(503, "temporarily_unavailable", "Try again in a moment.")

    def key(self) -> str:
        """Return the Idempotency-Key; raise Refusal (400) without a valid one."""
        key = self.request.headers.get("Idempotency-Key", "")
        if not key:
            raise Refusal(400, "idempotency_key_required", "Send an Idempotency-Key header.")
        if len(key) > LONGEST_KEY or not key.isprintable():
            raise Refusal(400, "idempotency_key_invalid", f"Keys are 1 to {LONGEST_KEY} printable characters.")
        return key

    def reply(self, answer: Answer, source: str = "") -> None:
        """Send the answer; or drop the connection without one, if a drill or the token `source` says so."""
        if answer.replayed:
            self.set_header("Idempotency-Replayed", "true")
        elif self.bank.weather.drops(source):
            return self.detach().close()
        return self.answer_text(answer.text, answer.status)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code in (429, 503):
            self.set_header("Retry-After", "1")
        super().write_error(status_code, **kwargs)


class Charges(ApiHandler):
    """POST /v1/charges"""

    async def post(self) -> None:
        key, body = self.key(), self.json()
        new = validation.new_charge(body)

        def effect(db: DB) -> dict[str, Any]:
            charge = charges.create(db, new, key)
            self.bank.tell(db, f"charge.{charge['status']}", charge)
            return self.bank.shape(charge)

        async def obstacle() -> None:
            await self.bank.obstacle(key, new.source, charge=True)

        self.reply(await self.bank.teller.carry_out(key, "/v1/charges", body, obstacle, effect), new.source)


class OneCharge(ApiHandler):
    """GET /v1/charges/{id}"""

    def get(self, charge_id: str) -> None:
        self.answer(self.bank.shape(self.bank.store.read(lambda db: records.get(db, charge_id))))


class Action(ApiHandler):
    """POST /v1/charges/{id}/{action}: one change of a charge under an idempotency key.

    Subclasses implement `check`, which raises Refusal for a bad body, and `act`, which returns the body of the answer.
    """

    async def post(self, charge_id: str) -> None:
        key, body = self.key(), self.json()

        def effect(db: DB) -> dict[str, Any]:
            return self.act(db, charge_id, body, key)

        async def obstacle() -> None:
            await self.bank.obstacle(key)

        self.check(body)
        self.reply(await self.bank.teller.carry_out(key, self.request.path, body, obstacle, effect))

    def check(self, body: dict[str, Any]) -> None:
        raise NotImplementedError

    def act(self, db: DB, charge_id: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        raise NotImplementedError


class Capture(Action):
    def check(self, body: dict[str, Any]) -> None:
        validation.capture_wish(body)

    def act(self, db: DB, charge_id: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        charge, capture = charges.capture(db, charge_id, validation.capture_wish(body), key)
        self.bank.tell(db, "charge.captured", charge)
        return {**self.bank.shape(charge), "capture": capture}


class Void(Action):
    def check(self, body: dict[str, Any]) -> None:
        validation.nothing(body)

    def act(self, db: DB, charge_id: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        charge = charges.void(db, charge_id, key)
        self.bank.tell(db, "charge.voided", charge)
        return self.bank.shape(charge)


class Refunds(Action):
    def check(self, body: dict[str, Any]) -> None:
        validation.amount(body)

    def act(self, db: DB, charge_id: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        refuse = self.bank.weather.refuse_refunds
        refund = charges.refund(db, charge_id, validation.amount(body), key, refuse=refuse)
        self.bank.tell(db, "charge.refunded", records.get(db, charge_id))
        return refund


class LookUp(ApiHandler):
    """GET /v1/requests/{idempotency_key}: the state of a request, and its answer once it is done."""

    def get(self, key: str) -> None:
        state, stored = self.bank.teller.look_up(key)
        if state == "unknown":
            raise Refusal(404, "request_not_found", "No request has been seen with this key.")
        status, response = (stored.status, json.loads(stored.text)) if stored else (None, None)
        self.answer({"key": key, "state": state, "status": status, "response": response})
