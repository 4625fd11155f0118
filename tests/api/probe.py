"""A blueprint that does as little as a blueprint can: what the frame is tried with."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.commands import Answer, run_command
from api.fields import Boolean, Integer, Line
from api.schemas import AddressSchema, MoneySchema, Schema
from api.security import maybe_signed_in, roles, visitor
from engine import NotPossible
from shop.errors import OutOfStock
from shop.money import Money

blp = Blueprint("probe", __name__)
done: list[Any] = []
counting = threading.Lock()


class WishSchema(Schema):
    quantity = Integer(least=1, most=100)
    note = Line(most=20)
    gift = Boolean()
    price = fields.Nested(MoneySchema)
    address = fields.Nested(AddressSchema)
    options = fields.Dict()


@blp.post("/probe")
@maybe_signed_in
@blp.arguments(WishSchema)
@blp.response(201, WishSchema)
@blp.idempotent
def make(wish: dict[str, Any]) -> Response:
    def work(session: Session) -> Answer:
        with counting:
            done.append(wish)
        if wish.get("quantity") == 99:
            raise OutOfStock("There are no 99 of them.", available=3)
        return {"number": len(done)}, 201, {"Location": f"/probe/{len(done)}"}

    return run_command(work, guest=None)


@blp.get("/probe/<uuid:id>")
@blp.response(200)
def look(id: UUID) -> dict[str, str]:
    return {"id": str(id)}


@blp.get("/probe/who")
@maybe_signed_in
@blp.response(200)
def who() -> dict[str, str | None]:
    holder = visitor()
    return {"id": holder.id if holder else None}


@blp.get("/probe/staff")
@roles("staff", "admin")
@blp.response(200)
def staff_only() -> dict[str, str]:
    return {"secret": "of the staff"}


@blp.get("/probe/fail/<how>")
def fail(how: str) -> Any:
    raise {
        "job": NotPossible("too_late_to_cancel", "the job is done"),
        "nojob": NotPossible("not_found", "there is no such job"),
        "database": OperationalError("SELECT 1", {"password": "hunter2-in-parameters"}, Exception("server closed")),
        "pool": PoolTimeout("QueuePool limit of size 10"),
        "bug": RuntimeError("the secret is hunter2"),
    }.get(how) or _too_much()


def _too_much() -> Exception:
    try:
        Money(10**20, "EUR")
    except ValueError as error:
        return error
    raise AssertionError("unreachable")
