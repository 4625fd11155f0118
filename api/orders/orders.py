"""Orders: place, list, read and cancel them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, respond, run_command
from api.http.fast_bodies import job_body, order_body
from api.http.json_answers import json_answer
from api.http.paging import an_id, page, start
from api.http.schemas import accepted_with, page_of
from api.http.security import caller, is_staff, maybe_claimed, signed_in, starter
from api.orders import timeline
from api.orders.guests import guest_token, or_guest, their_order
from api.orders.placement import place
from api.orders.schemas import MomentSchema, OrderSchema, OrdersQuery, PlacedSchema, PlaceOrderSchema
from engine import jobs
from shop.fulfilment.cancellation import call_off
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.search import Search
from shop.payments import queries as payment_queries

blp = Blueprint("orders", __name__, description="Orders")


@blp.post("/api/orders")
@maybe_claimed
@blp.arguments(PlaceOrderSchema)
@blp.response(202, PlacedSchema)
@blp.idempotent
def place_order(wish: dict[str, Any]) -> Response:
    """Place an order.

    Order what is in the cart, at the server's prices. Guests name their cart's token and an e-mail address.
    """
    return respond(place(wish))


@blp.get("/api/orders")
@signed_in
@blp.arguments(OrdersQuery, location="query")
@blp.response(200, page_of(OrderSchema))
def list_orders(query: dict[str, Any]) -> Response:
    """List orders.

    Your own, newest first; staff see all. Filters are combined with AND.
    """
    customer = query.pop("customer")
    named = str(customer) if customer else None
    own = caller().id
    if named not in (None, own) and not is_staff():
        return json_answer({"items": [], "next": None})
    return json_answer(_page(named if is_staff() else own, **query))


@blp.get("/api/orders/<uuid:id>")
@or_guest
@blp.response(200, OrderSchema)
def get_order(id: UUID) -> Response:
    """Get an order."""
    with db.reading() as session:
        found = their_order(session, id)
        return json_answer(_bodies(session, [found])[0])


@blp.get("/api/orders/<uuid:id>/timeline")
@or_guest
@blp.response(200, page_of(MomentSchema))
def get_order_timeline(id: UUID) -> dict[str, Any]:
    """Get an order's timeline.

    Everything that happened to the order, in its jobs and to its parcels, oldest first.
    """
    with db.reading() as session:
        return {"items": timeline.of(session, their_order(session, id).id), "next": None}


@blp.post("/api/orders/<uuid:id>/cancel")
@or_guest
@blp.response(202, accepted_with(order=OrderSchema))
@blp.idempotent
def cancel_order(id: UUID) -> Response:
    """Cancel an order.

    Cancel the order until any of it is fulfilled (then 409): what was done for it is undone, what was paid is
    refunded.
    """

    def work(session: Session) -> Answer:
        found = their_order(session, id)
        run = call_off(session, found, by=starter())
        session.expire_all()
        body, status, headers = accepted(session, run)
        refunded = payment_queries.refunded(session, [found]).get(found.id, 0)
        return {**body, "order": order_body(found, body["job"], refunded=refunded)}, status, headers

    return run_command(work, guest=guest_token())


def _bodies(session: Session, found: Sequence[OrderRow]) -> list[dict[str, Any]]:
    newest = jobs.latest(session, "order", [order.id for order in found])
    told = {id: job_body(job) for id, job in newest.items()}
    refunded = payment_queries.refunded(session, found)
    return [order_body(order, told.get(order.id), refunded=refunded.get(order.id, 0)) for order in found]


def _page(whose: str | None, *, limit: int, cursor: str | None, **search: Any) -> dict[str, Any]:
    before, where = start(cursor, an_id), Search(**search).conditions()
    with db.reading() as session:
        rows = orders.of_customer(session, whose, limit=limit + 1, before=before, where=where)
        found = page(rows, limit, lambda row: [row.id])
        return {**found, "items": _bodies(session, found["items"])}
