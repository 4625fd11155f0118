"""Returns: the customer asks, staff receive or reject, and jobs restock and refund."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
import engine
from api.fulfilment.fulfilments import some_lines
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.fields import Boolean, Few, Integer, Line, Moment, Text
from api.http.money import Amount, BreakdownSchema, SignedMoneySchema
from api.http.schemas import MoneySchema, Schema, accepted_with, page_of
from api.http.security import STAFF, caller, roles, starter
from api.orders.guests import guest_token, or_guest, their_order
from db.schema import new_id
from shop.carts.carts import MOST_LINES, MOST_OF_ONE
from shop.fulfilment import returns
from shop.fulfilment.return_money import Due
from shop.fulfilment.returns import Arrived, Status
from shop.kernel.skus import SKU_LENGTH
from shop.orders import conflict_of_interest, orders
from shop.orders.quantities import quantities
from shop.stock.locations import CODE_LENGTH, MAIN
from workflows import ask_return, return_order
from workflows import reject_return as reject_return_workflow

blp = Blueprint("returns", __name__, description="Returns")


class ReturnLineSchema(Schema):
    """`quantity` was asked for, `received` of it arrived, and `resellable` of these are back in stock."""

    sku = fields.String()
    quantity = Integer()
    received = Integer()
    resellable = Integer()


class ReturnSchema(Schema):
    """`refund`: what is to be refunded or was; known once the goods are received.

    It is `share`, what was paid for these goods without shipping, less `kept_back`, the discounts of offers that no
    longer apply, less `given_before`, what was given back before (in whatever way) or never paid.
    """

    id = fields.String()
    order_id = fields.String()
    status = fields.String(metadata={"enum": [*Status]})
    reason = fields.String()
    lines = fields.List(fields.Nested(ReturnLineSchema))
    refund = Amount()
    share = Amount()
    kept_back = Amount(signed=True, metadata={"description": "below zero: owed, of what was kept back of another"})
    given_before = Amount()
    created_at = Moment()
    updated_at = Moment()
    received_at = Moment(allow_none=True)
    answer = fields.String(allow_none=True, metadata={"description": "why it was rejected"})
    decided_at = Moment(allow_none=True, metadata={"description": "when it was rejected, or withdrawn"})
    location = fields.String(metadata={"description": "where what can be sold again is restocked"})


class PreviewSchema(Schema):
    """What would be refunded for these goods: `refund` is `share` less `kept_back` less `given_before`."""

    share = fields.Nested(MoneySchema)
    kept_back = fields.Nested(SignedMoneySchema)
    given_before = fields.Nested(MoneySchema)
    refund = fields.Nested(MoneySchema)
    lost = fields.List(
        fields.Nested(BreakdownSchema), metadata={"description": "offers that hold no longer without them"}
    )


class SomeGoodsSchema(Schema):
    lines = some_lines(required=True)


class AskReturnSchema(Schema):
    lines = some_lines(required=True)
    reason = Text(least=0, most=500, load_default="")


class RejectReturnSchema(Schema):
    reason = Text(required=True, most=500, metadata={"description": "the customer is told it"})


class ArrivedGoodsSchema(Schema):
    sku = Line(required=True, most=SKU_LENGTH)
    quantity = Integer(required=True, least=0, most=MOST_OF_ONE)
    resellable = Boolean(load_default=True)


class ReceiveReturnSchema(Schema):
    """SKUs that are not named have not arrived."""

    lines = Few(
        fields.Nested(ArrivedGoodsSchema),
        least=1,
        most=MOST_LINES,
        load_default=None,
        metadata={"description": "default: all that was asked for, fit to be sold again"},
    )
    location = Line(most=CODE_LENGTH, load_default=MAIN)


RETURN = ReturnSchema()


@blp.get("/api/orders/<uuid:id>/returns")
@or_guest
@blp.response(200, page_of(ReturnSchema))
def list_returns(id: UUID) -> dict[str, Any]:
    """List an order's returns.

    All of them, oldest first.
    """
    with db.reading() as session:
        return {"items": returns.of_order(session, their_order(session, id).id), "next": None}


@blp.post("/api/orders/<uuid:id>/returns/preview")
@or_guest
@blp.arguments(SomeGoodsSchema)
@blp.response(200, PreviewSchema)
def preview_return(wish: dict[str, Any], id: UUID) -> dict[str, Any]:
    """Preview what a return comes to.

    What would be refunded for these goods, and why not all that was paid for them. No return is requested yet.
    """
    with db.reading() as session:
        order = their_order(session, id)
        return _previewed(returns.preview(session, order.id, quantities(wish["lines"])), order.currency)


@blp.post("/api/orders/<uuid:id>/returns")
@or_guest
@blp.arguments(AskReturnSchema)
@blp.response(202, accepted_with(**{"return": ReturnSchema, "preview": PreviewSchema}))
@blp.idempotent
def request_return(wish: dict[str, Any], id: UUID) -> Response:
    """Request a return.

    Ask to send back goods that were shipped, never more than that (409); `preview` says what would be refunded. Until
    the job has begun it can be cancelled, which withdraws the return. Another job begins when the goods are received.
    """
    wanted = quantities(wish["lines"])

    def work(session: Session) -> Answer:
        order, currency = their_order(session, id).id, their_order(session, id).currency
        comes_to = _previewed(returns.preview(session, order, wanted), currency)
        asked = returns.ask(session, order, wanted, wish["reason"])
        about, inputs = ("order", order), {"return": asked.id}
        run = engine.start(session, ask_return, key=asked.id, subject=about, input=inputs, by=starter())
        return accepted(session, run.id, **{"return": RETURN.dump(asked), "preview": comes_to})

    return run_command(work, guest=guest_token())


@blp.post("/api/orders/<uuid:id>/returns/<uuid:rid>/receive")
@roles(*STAFF)
@blp.arguments(ReceiveReturnSchema, required=False)
@blp.response(202, accepted_with(**{"return": ReturnSchema}))
@blp.idempotent
def receive_return(wish: dict[str, Any], id: UUID, rid: UUID) -> Response:
    """Receive a return.

    The goods have arrived: what can be sold again is restocked, then its share of the money is refunded. Staff only.
    """
    arrived = _arrived(wish["lines"])

    def work(session: Session) -> Answer:
        conflict_of_interest.check_order(session, caller().id, str(id))
        row = returns.receive(session, str(id), str(rid), arrived, by=caller().id, location=wish["location"])
        inputs = {"return": row.id, "amount": row.due}
        about = ("order", row.order_id)
        run = engine.start(session, return_order, key=new_id(), subject=about, input=inputs, by=starter())
        return accepted(session, run.id, **{"return": RETURN.dump(row)})

    return run_command(work)


@blp.post("/api/orders/<uuid:id>/returns/<uuid:rid>/reject")
@roles(*STAFF)
@blp.arguments(RejectReturnSchema)
@blp.response(202, accepted_with(**{"return": ReturnSchema}))
@blp.idempotent
def reject_return(wish: dict[str, Any], id: UUID, rid: UUID) -> Response:
    """Reject a return.

    The shop does not take the goods back: the reason is sent to the customer, who may request another return.
    Staff only.
    """

    def work(session: Session) -> Answer:
        orders.lock(session, str(id))
        row = returns.requested(session, str(id), str(rid))
        inputs = {"return": row.id, "answer": wish["reason"]}
        about = ("order", row.order_id)
        run = engine.start(session, reject_return_workflow, key=new_id(), subject=about, input=inputs, by=starter())
        return accepted(session, run.id, **{"return": RETURN.dump(row)})

    return run_command(work)


def _previewed(due: Due, currency: str) -> dict[str, Any]:
    def money(amount: int) -> dict[str, Any]:
        return {"amount": amount, "currency": currency}

    names = ("share", "kept_back", "given_before", "refund")
    lost = [{"label": name, "amount": money(amount)} for name, amount in due.lost]
    return {name: money(getattr(due, name)) for name in names} | {"lost": lost}


def _arrived(lines: list[dict[str, Any]] | None) -> Arrived | None:
    if lines is None:
        return None
    fit = {line["sku"]: line["resellable"] for line in lines}
    return Arrived({sku: (n, n if fit[sku] else 0) for sku, n in quantities(lines).items()})
