"""Orders of guests: mail the link again, or claim the orders for an account with the same verified address."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
import engine
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fast_bodies import order_body
from api.http.fields import Email, Few, Line
from api.http.rate_limits import limit_attempts, limit_mail
from api.http.schemas import ACCEPTED, AcceptedSchema, Schema
from api.http.security import caller, signed_in
from api.orders.schemas import OrderSchema
from db.schema import new_id
from shop.orders import guest_claims
from shop.payments import queries as payment_queries
from workflows import send_order_link

MOST_AT_ONCE = 20

blp = Blueprint("order links", __name__, description="Orders of guests")


class LookupSchema(Schema):
    number = Line(required=True, most=20)
    email = Email(required=True)


class ClaimSchema(Schema):
    numbers = Few(
        Line(most=20),
        most=MOST_AT_ONCE,
        load_default=[],
        metadata={"description": "of orders from before the address was verified"},
    )


class ClaimedSchema(Schema):
    items = fields.List(fields.Nested(OrderSchema), required=True)


@blp.post("/api/orders/lookup")
@blp.arguments(LookupSchema)
@blp.response(202, AcceptedSchema)
@limit_mail
def request_order_link(wish: dict[str, Any]) -> dict[str, str]:
    """Request the link to a guest's order.

    Mails the guest's link to the order once more. The same answer, after the same work, whether or not there is
    such an order; for that reason it shows no job.
    """
    with db.reading() as session:
        order = guest_claims.find(session, wish["number"], wish["email"])
    with db.transaction() as session:
        subject = ("order_link", order.id if order else new_id())
        engine.start(session, send_order_link, key=new_id(), subject=subject)
    return ACCEPTED


@blp.post("/api/orders/claim")
@signed_in
@blp.arguments(ClaimSchema, required=False)
@blp.response(200, ClaimedSchema)
@blp.idempotent
@limit_attempts
def claim_orders(wish: dict[str, Any]) -> Response:
    """Claim a guest's orders.

    Guests' orders that name the address which you have verified become yours: those placed since then, and those
    whose numbers you know. Their tokens are refused from then on.
    """
    id = caller().id

    def work(session: Session) -> Answer:
        found = guest_claims.adopt_guest_orders(session, id, wish["numbers"])
        back = payment_queries.refunded(session, found)
        return {"items": [order_body(order, None, refunded=back.get(order.id, 0)) for order in found]}, 200, {}

    return run_command(work)
