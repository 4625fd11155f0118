"""Bank transfers to the shop's account: drills send them, the shop gets an event and can list them."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.bank import validation, webhooks
from sandbox.bank.api import ApiHandler
from sandbox.bank.pages import PublicHandler
from sandbox.bank.records import DB, now
from sandbox.bank.statements import PAGE, Windowed
from sandbox.bank.validation import NewTransfer
from sandbox.web import Refusal

LISTED = "select * from transfers where at >= ? and at < ? and seq > ? order by seq limit ?"
FIELDS = ("id", "amount", "currency", "reference", "at")


class Sent(PublicHandler):
    """POST /transfers: book a transfer. Without an API key, because the sender is not the shop; JSON only, as the
    control."""

    async def post(self) -> None:
        new = validation.new_transfer(self.json())
        self.answer(await self.bank.store.write(lambda db: self._book(db, new)), 201)

    def _book(self, db: DB, new: NewTransfer) -> dict[str, Any]:
        booked = _insert(db, new)
        if new.told:
            webhooks.write(db, "transfer.received", {"transfer": booked})
            self.bank.postman.wake()
        return booked


class Transfers(Windowed):
    """GET /v1/transfers?since=&until=&after=: oldest first, as in the ledger."""

    def get(self) -> None:
        since, until, after = self.window()
        rows = self.bank.store.read(lambda db: db.execute(LISTED, (since, until, after, PAGE + 1)).fetchall())
        next = str(rows[PAGE - 1]["seq"]) if len(rows) > PAGE else None
        self.answer({"transfers": [shape(row) for row in rows[:PAGE]], "next": next})


class OneTransfer(ApiHandler):
    """GET /v1/transfers/{id}"""

    def get(self, id: str) -> None:
        row = self.bank.store.read(lambda db: db.execute("select * from transfers where id = ?", (id,)).fetchone())
        if row is None:
            raise Refusal(404, "transfer_not_found", "There is no such transfer.")
        self.answer(shape(row))


def shape(row: Any) -> dict[str, Any]:
    return {"object": "transfer", "status": "booked", **{name: row[name] for name in FIELDS}}


def _insert(db: DB, new: NewTransfer) -> dict[str, Any]:
    row = ("tr_" + secrets.token_hex(12), new.amount, new.currency, new.reference, now())
    db.execute("insert into transfers (id, amount, currency, reference, at) values (?, ?, ?, ?, ?)", row)
    return shape(dict(zip(FIELDS, row, strict=True)))
