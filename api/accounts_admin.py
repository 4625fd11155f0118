"""Who is staff: for admins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

import db
from api.accounts import RoleSchema, UserSchema
from api.blueprint import Blueprint
from api.paging import an_id, page, start
from api.schemas import PageQuery, page_of
from api.security import roles
from shop import users
from shop.users import Role

blp = Blueprint("accounts", __name__, description="Accounts, for admins")


class UsersQuery(PageQuery):
    role = fields.String(load_default=None, validate=validate.OneOf([str(role) for role in Role]))


@blp.get("/api/users")
@roles("admin")
@blp.arguments(UsersQuery, location="query")
@blp.response(200, page_of(UserSchema))
def all_of_them(query: dict[str, Any]) -> dict[str, Any]:
    """Newest first."""
    before = start(query["cursor"], an_id)
    limit = query["limit"]
    with db.reading() as session:
        rows = users.newest(session, limit=limit + 1, before=before, role=query["role"])
    return page(rows, limit, lambda row: [row.id])


@blp.patch("/api/users/<uuid:id>")
@roles("admin")
@blp.arguments(RoleSchema)
@blp.response(200, UserSchema)
def change_role(wish: dict[str, Any], id: UUID) -> users.UserRow:
    """It counts from the next request on, whatever tokens are about."""
    with db.transaction() as session:
        return users.change_role(session, str(id), wish["role"])
