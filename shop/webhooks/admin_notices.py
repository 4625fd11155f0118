"""Messages to administrators about the shop itself."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema import new_id
from shop.accounts import users
from shop.accounts.users import Role, UserRow
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRequest, NotificationRow, enqueue
from shop.webhooks.endpoints import EndpointRow

WEBHOOK_DISABLED = "webhook_disabled"


def tell_of_disabled(session: Session, endpoint_id: str) -> None:
    """Enqueue a mail to each administrator: this endpoint was disabled."""
    admins = select(UserRow).where(UserRow.role == Role.ADMIN, UserRow.deleted_at.is_(None)).order_by(UserRow.id)
    turn = new_id()
    for admin in session.scalars(admins).all():
        enqueue(
            session, NotificationRequest(WEBHOOK_DISABLED, admin.id, admin.email or "", turn=turn, about=endpoint_id)
        )


def of_row(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row.

    None: the endpoint is enabled again or gone, or the recipient is no administrator any more.
    """
    admin, endpoint = users.find_active(session, row.subject_id), session.get(EndpointRow, row.about)
    if admin is None or admin.role != Role.ADMIN or endpoint is None or endpoint.disabled_at is None:
        return None
    said = {"name": admin.name, "url": endpoint.url, "why": endpoint.disabled_why}
    return Notice(row.id, WEBHOOK_DISABLED, admin.email or "", admin.language, said, unasked=True)
