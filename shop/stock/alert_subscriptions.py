"""Subscriptions to a SKU's return to stock, for customers only: a guest has verified no address."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.accounts import users
from shop.catalogue.tables import ProductRow, VariantRow
from shop.kernel.errors import NotFound, Refusal
from shop.stock import adjustments
from shop.stock.alerts import State, StockAlertRow
from shop.stock.tables import StockRow

MOST = 100


class InStock(Refusal):
    """The SKU is in stock, so there is nothing to wait for."""

    code, title = "in_stock", "It is in stock"


class TooManyAlerts(Refusal):
    """The customer has MOST alerts already."""

    code, title = "too_many_stock_alerts", "Too many stock alerts"


def subscribe(session: Session, user_id: str, sku: str) -> tuple[StockAlertRow, bool]:
    """Lock the account and return its alert for the SKU, and whether it is a new one.

    Raises NotFound for a SKU that is not sold, InStock, TooManyAlerts.
    """
    users.hold(session, user_id)
    _check_sold(session, sku)
    if found := _find(session, user_id, sku):
        return found, False
    _check_gone(session, sku)
    number = select(func.count()).select_from(StockAlertRow).where(StockAlertRow.user_id == user_id)
    if session.scalars(number).one() >= MOST:
        raise TooManyAlerts(f"You wait for {MOST} things already. Take one off the list first.")
    row = StockAlertRow(user_id=user_id, sku=sku, state=State.WAITING)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row, True


def of(session: Session, user_id: str, *, limit: int, before: str | None = None) -> Sequence[StockAlertRow]:
    """List the customer's alerts, newest first, from below the id `before`."""
    row = StockAlertRow
    query = select(row).where(row.user_id == user_id).order_by(row.id.desc()).limit(limit)
    return session.scalars(query.where(row.id < before) if before else query).all()


def unsubscribe(session: Session, user_id: str, sku: str) -> None:
    """Delete the customer's alert for the SKU. Raises NotFound if there is none."""
    row = _find(session, user_id, sku)
    if row is None:
        raise NotFound("You do not wait for this SKU.")
    session.delete(row)


def _find(session: Session, user_id: str, sku: str) -> StockAlertRow | None:
    row = StockAlertRow
    return session.scalars(select(row).where(row.user_id == user_id, row.sku == sku)).first()


def _check_sold(session: Session, sku: str) -> None:
    product = select(ProductRow.status).join(VariantRow, VariantRow.product_id == ProductRow.id)
    if session.scalar(product.where(VariantRow.sku == sku)) != "active":
        raise NotFound("There is no such SKU.")


def _check_gone(session: Session, sku: str) -> None:
    """Raise InStock if some can be had. Read again under the lock, so that a new alert misses nothing coming in."""
    there = select(StockRow.on_hand > StockRow.reserved).where(StockRow.sku == sku)
    level = None if session.scalar(there) else adjustments.lock(session, sku)
    if level is None or level.on_hand > level.reserved:
        raise InStock("It can be ordered now.")
