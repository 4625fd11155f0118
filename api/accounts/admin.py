"""Roles and tags of accounts, for admins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marshmallow import fields, validate
from sqlalchemy.orm import Session

import db
from api.accounts.profile import AdministeredSchema, AdministerSchema
from api.http.blueprint import Blueprint
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, page_of
from api.http.security import roles
from shop.accounts import tags as user_tags
from shop.accounts import users
from shop.accounts.users import Role

blp = Blueprint("accounts", __name__, description="Accounts, for admins")


class UsersQuery(PageQuery):
    role = fields.String(load_default=None, validate=validate.OneOf([str(role) for role in Role]))


@blp.get("/api/users")
@roles("admin")
@blp.arguments(UsersQuery, location="query")
@blp.response(200, page_of(AdministeredSchema))
def list_accounts(query: dict[str, Any]) -> dict[str, Any]:
    """List accounts.

    Newest first.
    """
    before = start(query["cursor"], an_id)
    limit = query["limit"]
    with db.reading() as session:
        rows = users.newest(session, limit=limit + 1, before=before, role=query["role"])
        return page(_tagged(session, rows), limit, lambda row: [row.id])


@blp.patch("/api/users/<uuid:id>")
@roles("admin")
@blp.arguments(AdministerSchema)
@blp.response(200, AdministeredSchema)
def administer_account(wish: dict[str, Any], id: UUID) -> users.UserRow:
    """Change an account's role or tags.

    A role counts from the next request on, whatever access tokens are in use.
    """
    with db.transaction() as session:
        row = users.get(session, str(id))
        if "role" in wish:
            users.change_role(session, row.id, wish["role"])
        if "tags" in wish:
            user_tags.pin(session, row.id, wish["tags"])
        return _tagged(session, [row])[0]


def _tagged(session: Session, rows: list[users.UserRow]) -> list[users.UserRow]:
    found = user_tags.of(session, [row.id for row in rows])
    for row in rows:
        row.tags = found[row.id]  # type: ignore[attr-defined]
    return rows
