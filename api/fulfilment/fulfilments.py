"""Parcels of an order: staff pack and ship them, the customer sees their status."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, validate
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Few, Integer, Line, Moment
from api.http.schemas import Schema, page_of
from api.http.security import STAFF, caller, roles, starter
from api.orders.guests import or_guest, their_order
from shop.carts.carts import MOST_LINES, MOST_OF_ONE
from shop.fulfilment import parcels
from shop.fulfilment.capture_on_shipment import capture_if_sent, check_rest_stays
from shop.fulfilment.parcels import Status
from shop.kernel.skus import SKU_LENGTH
from shop.orders.quantities import quantities
from shop.stock.locations import CODE_LENGTH

blp = Blueprint("fulfilments", __name__, description="Fulfilments: what of an order was sent")


class OrderGoodsSchema(Schema):
    """A quantity of one SKU of an order."""

    sku = Line(required=True, most=SKU_LENGTH)
    quantity = Integer(required=True, least=1, most=MOST_OF_ONE)


def some_lines(**kwargs: Any) -> Few:
    return Few(fields.Nested(OrderGoodsSchema), least=1, most=MOST_LINES, **kwargs)


class FulfilmentSchema(Schema):
    """`pending`: packed and not yet shipped."""

    id = fields.String()
    order_id = fields.String()
    status = fields.String(metadata={"enum": [*Status]})
    carrier = fields.String(allow_none=True)
    tracking = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(OrderGoodsSchema))
    created_at = Moment()
    updated_at = Moment()
    shipped_at = Moment(allow_none=True)
    delivered_at = Moment(allow_none=True)
    location = fields.String(allow_none=True, metadata={"description": "that it leaves, if one was named"})


class FulfilSchema(Schema):
    lines = some_lines(load_default=None, metadata={"description": "default: all that is left"})
    carrier = Line(most=80, load_default=None)
    tracking = Line(most=120, load_default=None)
    status = fields.String(load_default=Status.PENDING, validate=validate.OneOf([Status.PENDING, Status.SHIPPED]))
    location = Line(
        most=CODE_LENGTH,
        load_default=None,
        metadata={"description": "that it leaves; default: where its goods were sold from"},
    )


class ChangeFulfilmentSchema(Schema):
    """Fields that are not named stay as they are."""

    status = fields.String(validate=validate.OneOf([*Status]))
    carrier = Line(most=80, allow_none=True)
    tracking = Line(most=120, allow_none=True)


FULFILMENT = FulfilmentSchema()


@blp.get("/api/orders/<uuid:id>/fulfilments")
@or_guest
@blp.response(200, page_of(FulfilmentSchema))
def list_fulfilments(id: UUID) -> dict[str, Any]:
    """List an order's parcels.

    All of them, oldest first.
    """
    with db.reading() as session:
        return {"items": parcels.of_order(session, their_order(session, id).id), "next": None}


@blp.post("/api/orders/<uuid:id>/fulfilments")
@roles(*STAFF)
@blp.arguments(FulfilSchema, required=False)
@blp.response(201, FulfilmentSchema)
@blp.idempotent
def create_fulfilment(wish: dict[str, Any], id: UUID) -> Response:
    """Pack a parcel.

    Pack a parcel of a paid order, whole or in part, never more than was ordered or is paid for (409). Staff only.
    """
    lines = wish.pop("lines")
    wanted = None if lines is None else quantities(lines)

    def work(session: Session) -> Answer:
        parcel = parcels.add(session, str(id), wanted, by=caller().id, **wish)
        if parcel.status == Status.SHIPPED:
            check_rest_stays(session, str(id))
        capture_if_sent(session, str(id), parcel, by=starter())
        return FULFILMENT.dump(parcel), 201, {}

    return run_command(work)


@blp.patch("/api/orders/<uuid:id>/fulfilments/<uuid:fid>")
@roles(*STAFF)
@blp.arguments(ChangeFulfilmentSchema)
@blp.response(200, FulfilmentSchema)
@blp.idempotent
def update_fulfilment(wish: dict[str, Any], id: UUID, fid: UUID) -> Response:
    """Update a parcel.

    Mark it as shipped (409 if its share of the money was voided) or delivered, or correct its carrier and tracking.
    Staff only.
    """

    def work(session: Session) -> Answer:
        parcel = parcels.change(session, str(id), str(fid), **wish)
        if wish.get("status") == Status.SHIPPED:
            check_rest_stays(session, str(id))
        capture_if_sent(session, str(id), parcel, by=starter())
        return FULFILMENT.dump(parcel), 200, {}

    return run_command(work)
