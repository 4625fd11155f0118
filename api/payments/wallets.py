"""Store credit: what the shop owes a customer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Moment, Text
from api.http.json_answers import json_answer
from api.http.money import PriceSchema, SignedMoneySchema
from api.http.paging import an_id, page, start
from api.http.schemas import MoneySchema, PageQuery, Schema, page_of
from api.http.security import STAFF, caller, roles, signed_in
from api.payments.wallet_grants import GRANT, WalletGrantSchema
from shop.kernel.errors import Invalid
from shop.wallets import grants as wallet_grants
from shop.wallets import wallets
from shop.wallets.wallets import WalletEntryRow

blp = Blueprint("wallets", __name__, description="Store credit")


class EntrySchema(Schema):
    """Credit that was added or, below zero, taken out. `kind`: grant, payment, refund or forfeit."""

    id = fields.String()
    kind = fields.String(metadata={"enum": ["grant", "payment", "refund", "forfeit"]})
    amount = fields.Nested(SignedMoneySchema)
    payment_id = fields.String(allow_none=True)
    note = fields.String()
    at = Moment()


class WalletSchema(Schema):
    balances = fields.List(fields.Nested(MoneySchema))


class GrantSchema(Schema):
    amount = fields.Nested(PriceSchema, required=True)
    reason = Text(most=500, required=True)


ENTRY = EntrySchema()


@blp.get("/api/users/me/wallet")
@signed_in
@blp.response(200, WalletSchema)
def get_wallet() -> dict[str, Any]:
    """Get your store credit."""
    with db.reading() as session:
        held = wallets.balances(session, caller().id)
        return {"balances": [{"amount": one.balance, "currency": one.currency} for one in held]}


@blp.get("/api/users/me/wallet/entries")
@signed_in
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(EntrySchema))
def list_wallet_entries(query: dict[str, Any]) -> Response:
    """List your wallet's entries.

    Newest first. Entries are never changed or removed.
    """
    before = start(query["cursor"], an_id)
    with db.reading() as session:
        rows = wallets.entries(session, caller().id, limit=query["limit"] + 1, before=before)
    found = page(rows, query["limit"], lambda row: [row.id])
    return json_answer({**found, "items": [_shown(row) for row in found["items"]]})


@blp.post("/api/users/<uuid:id>/wallet")
@roles(*STAFF)
@blp.arguments(GrantSchema)
@blp.response(201, EntrySchema)
@blp.alt_response(202, schema=WalletGrantSchema, success=True)
@blp.idempotent
def grant_store_credit(wish: dict[str, Any], id: UUID) -> Response:
    """Grant store credit.

    Give credit to another account; it pays for orders in its currency. Staff only.

    What one person grants within a day above CREDIT_CEILING waits until a second person approves it (202).
    """
    amount, currency = wish["amount"]["amount"], wish["amount"]["currency"]
    if not amount:
        raise Invalid({"amount": ["Must be more than nothing."]})

    def work(session: Session) -> Answer:
        given = wallet_grants.grant(session, str(id), amount, currency, reason=wish["reason"], by=caller().id)
        if isinstance(given, WalletEntryRow):
            return _shown(given), 201, {}
        return GRANT.dump(given), 202, {"Location": "/api/wallet-grants?status=pending"}

    return run_command(work)


def _shown(row: WalletEntryRow) -> dict[str, Any]:
    return ENTRY.dump({**vars(row), "amount": {"amount": row.amount, "currency": row.currency}})  # type: ignore[no-any-return]
