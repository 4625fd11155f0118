"""The address book of the caller's account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

import db
from api.accounts.profile import BookedAddressSchema
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, page_of
from api.http.security import caller, signed_in
from shop.accounts import addresses

blp = Blueprint("addresses", __name__, description="The address book")


@blp.get("/api/users/me/addresses")
@signed_in
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(BookedAddressSchema))
def list_addresses(query: dict[str, Any]) -> dict[str, Any]:
    """List addresses."""
    after = start(query["cursor"], an_id)
    limit = query["limit"]
    with db.reading() as session:
        rows = addresses.of(session, caller().id, limit=limit + 1, after=after)
    return page(rows, limit, lambda row: [row.id])


@blp.post("/api/users/me/addresses")
@signed_in
@blp.arguments(BookedAddressSchema)
@blp.response(201, BookedAddressSchema)
@blp.idempotent
def add_address(wish: dict[str, Any]) -> Response:
    """Add an address.

    The first one becomes the default for shipping and billing.
    """

    def work(session: Session) -> Answer:
        row = addresses.add(session, caller().id, wish)
        return BookedAddressSchema().dump(row), 201, {"Location": f"/api/users/me/addresses/{row.id}"}

    return run_command(work)


@blp.get("/api/users/me/addresses/<uuid:id>")
@signed_in
@blp.response(200, BookedAddressSchema)
def get_address(id: UUID) -> addresses.AddressRow:
    """Get an address."""
    with db.reading() as session:
        return addresses.get(session, caller().id, str(id))


@blp.put("/api/users/me/addresses/<uuid:id>")
@signed_in
@blp.arguments(BookedAddressSchema)
@blp.response(200, BookedAddressSchema)
def replace_address(wish: dict[str, Any], id: UUID) -> addresses.AddressRow:
    """Replace an address."""
    with db.transaction() as session:
        return addresses.replace(session, caller().id, str(id), wish)


@blp.delete("/api/users/me/addresses/<uuid:id>")
@signed_in
@blp.response(204)
def delete_address(id: UUID) -> Response:
    """Delete an address."""
    with db.transaction() as session:
        addresses.remove(session, caller().id, str(id))
    return Response(status=204)
