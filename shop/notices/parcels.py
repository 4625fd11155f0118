"""Messages about parcels that have left."""

from __future__ import annotations

from sqlalchemy.orm import Session

from shop.fulfilment import parcels
from shop.fulfilment.parcels import FulfilmentRow
from shop.notices import orders as order_notices
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRow


def of_row(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row. None: the parcel has not left, or the order is anonymised."""
    parcel = session.get(FulfilmentRow, row.about)
    order = order_notices.known(session, [row.subject_id]).get(row.subject_id)
    if parcel is None or order is None or parcel.status not in parcels.GONE:
        return None
    goods = order_notices.goods(session, order.id, {line.sku: line.quantity for line in parcel.lines})
    labels = {"carrier": parcel.carrier, "tracking": parcel.tracking, "shipped": parcel.shipped_at}
    return order_notices.notice(row.id, row.kind, order, goods=goods, **labels)
