"""A blueprint that does as little as a blueprint can: what the frame is tried with."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields
from psycopg.errors import DeadlockDetected
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Boolean, Integer, Line
from api.http.schemas import AddressSchema, MoneySchema, Schema
from api.http.security import maybe_signed_in, roles, visitor
from engine import NotPossible
from shop.accounts.users import UserRow
from shop.checkout.refusals import OutOfStock
from shop.kernel.money import Money

blp = Blueprint("probe", __name__)
done: list[Any] = []
meeting = threading.Barrier(2)
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


@blp.post("/probe/both/<first>/<second>")
@blp.response(200)
def change_both(first: str, second: str) -> dict[str, int]:
    """Two at once that name them in another order wait for each other, until the database ends one."""
    with db.transaction() as session:
        for email in (first, second):
            session.execute(update(UserRow).where(UserRow.email == email).values(name=UserRow.name + "!"))
            done.append(email)
            if len(done) <= 2:
                meeting.wait(10)
    return {"changed": 2}


@blp.post("/probe/clash/<when>")
@blp.response(200)
def clash(when: str) -> dict[str, int]:
    done.append(when)
    if when == "after-a-commit":
        with db.transaction():
            pass
    raise OperationalError("UPDATE users", {}, DeadlockDetected("deadlock detected"))


@blp.post("/probe/sleep")
@blp.response(200)
def sleep() -> dict[str, int]:
    """The first time longer than the server waits for whoever has a transaction open."""
    done.append("sleep")
    with db.transaction() as session:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        time.sleep(0.2 if done == ["sleep"] else 0)
        session.execute(text("SELECT 1"))
    return {}


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
