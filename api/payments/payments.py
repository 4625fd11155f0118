"""Payments: list and read them, list the payment methods, pay again for an order that exists already."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

import db
import engine
from api.carts import owner as cart_owner
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.json_answers import json_answer
from api.http.paging import an_id, page, start
from api.http.schemas import accepted_with, page_of
from api.http.security import caller, is_staff, starter, visitor
from api.orders.guests import check_owner, guest_token, or_guest, their_order
from api.payments.schemas import MethodSchema, MethodsQuery, PaymentSchema, PaymentsQuery, PayOrderSchema, shown
from db.schema import new_id
from engine import jobs
from shop.carts import priced_cart
from shop.kernel.errors import IllegalMove
from shop.orders import orders
from shop.payments import methods as payment_methods
from shop.payments import queries as payment_queries
from shop.payments import replacement
from shop.payments.methods import Buyer
from shop.wallets import wallets
from workflows import pay_order as pay_order_workflow

blp = Blueprint("payments", __name__, description="Payments")


@blp.get("/api/payments")
@or_guest
@blp.arguments(PaymentsQuery, location="query")
@blp.response(200, page_of(PaymentSchema))
def list_payments(query: dict[str, Any]) -> Response:
    """List payments.

    Your own, newest first; staff see all. Guests name their order and show its token.
    """
    before, of = start(query["cursor"], an_id), query["order_id"]
    with db.reading() as session:
        whose = _whose(session, of)
        rows = payment_queries.of_customer(
            session,
            whose,
            limit=query["limit"] + 1,
            before=before,
            order_id=str(of) if of else None,
        )
    found = page(rows, query["limit"], lambda row: [row.payment.id])
    return json_answer({**found, "items": [shown(row) for row in found["items"]]})


@blp.post("/api/payments")
@or_guest
@blp.arguments(PayOrderSchema)
@blp.response(202, accepted_with(payment=PaymentSchema))
@blp.idempotent
def pay_order(wish: dict[str, Any]) -> Response:
    """Pay for an order.

    Pay with another method for an order that waits for its money. One payment at a time (409).
    """

    def work(session: Session) -> Answer:
        order = orders.lock(session, their_order(session, wish["order_id"]).id)
        _check_nobody_else_pays(session, order.id)
        row = replacement.begin(session, order.id, wish["method"], wish.get("token"))
        about, inputs = ("order", order.id), {"payment": row.id}
        run = engine.start(session, pay_order_workflow, key=new_id(), subject=about, input=inputs, by=starter())
        return accepted(session, run.id, payment=shown(payment_queries.get(session, row.id)))

    return run_command(work, guest=guest_token())


def _check_nobody_else_pays(session: Session, order: str) -> None:
    """Raise IllegalMove while a `pay_order` run of this order is under way. The caller must have locked the order."""
    if any(job.workflow == pay_order_workflow.name and not job.final for job in jobs.about(session, ("order", order))):
        raise IllegalMove("The order is being paid for.")


@blp.get("/api/payments/methods")
@or_guest
@blp.arguments(MethodsQuery, location="query")
@blp.response(200, page_of(MethodSchema))
def list_payment_methods(query: dict[str, Any]) -> dict[str, Any]:
    """List payment methods.

    How an order or a cart can be paid, and why not. Without either: all methods of the shop.
    """
    with db.reading() as session:
        buyer = _buyer(session, query["order"], query["cart"])
        return {"items": list(payment_methods.ways(buyer)), "next": None}


def _buyer(session: Session, order: UUID | None, cart: str | None) -> Buyer:
    if order:
        return replacement.buyer_of(session, their_order(session, order))
    if cart is None:
        who = visitor()
        return Buyer(who.id if who else None)
    total = priced_cart.look(session, cart_owner.to_read(session, cart)).quote.total
    customer = cart_owner.customer_of(cart)
    credit = wallets.balance(session, customer, total.currency) if customer else 0
    return Buyer(customer, total.amount, credit)


@blp.get("/api/payments/<uuid:id>")
@or_guest
@blp.response(200, PaymentSchema)
def get_payment(id: UUID) -> Response:
    """Get a payment."""
    with db.reading() as session:
        found = payment_queries.get(session, str(id))
    check_owner(found, "payment")
    return json_answer(shown(found))


def _whose(session: Session, order: UUID | None) -> str | None:
    """Return the customer whose payments to list.

    None means all: for staff, or for a guest, whose own order then narrows the list. Raises NotFound for the order of
    another customer or guest, Unauthenticated for a caller with neither session nor token.
    """
    if order and guest_token() and visitor() is None:
        their_order(session, order)
        return None
    return None if is_staff() else caller().id
