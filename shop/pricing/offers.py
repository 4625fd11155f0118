"""Offers: discounts and free shipping.

Without a code an offer is a promotion and applies by itself; with one it is a coupon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, String, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import in_list, statement_time, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import execute_core
from shop.kernel.currencies import OURS
from shop.pricing.priced_line import PricedLine

CODE_LENGTH = 40


class Kind(StrEnum):
    PERCENTAGE = "percentage"  # `percent` off
    FIXED = "fixed"  # `amount` off, once
    BUY_X_GET_Y = "buy_x_get_y"  # of every `buy + free` the cheapest `free` at `percent` off
    FREE_SHIPPING = "free_shipping"


class OfferRow(Base):
    """One offer. Amounts in minor units of `currency`, `percent` in hundredths of a per cent: 1250 is 12.5 %.

    `uses` counts the orders that hold this coupon; the CHECK constraint enforces its limit.
    """

    __tablename__ = "offers"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 1 AND 10000", name="percent_in_bounds"),
        CheckConstraint("amount > 0 AND minimum >= 0", name="amounts_positive"),
        CheckConstraint("uses >= 0 AND (total_limit IS NULL OR uses <= total_limit)", name="uses_within_limit"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str | None] = mapped_column(String(CODE_LENGTH), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20))
    percent: Mapped[int | None]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    buy: Mapped[int | None]
    free: Mapped[int | None]
    category: Mapped[str | None] = mapped_column(String(255))
    product_id: Mapped[Id | None]
    minimum: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(String(3), default=OURS, server_default=OURS)
    priority: Mapped[int] = mapped_column(default=0)
    stackable: Mapped[bool] = mapped_column(default=True)
    starts_at: Mapped[At | None]
    ends_at: Mapped[At | None]
    total_limit: Mapped[int | None]
    per_customer: Mapped[int | None]
    uses: Mapped[int] = mapped_column(default=0)
    started_told_at: Mapped[At | None]
    ended_told_at: Mapped[At | None]
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


@dataclass(frozen=True)
class Offer:
    """An offer as read for pricing; `live`: in force at that moment, by the database's clock. Units as in the row."""

    id: str
    kind: str
    name: str = ""
    code: str | None = None
    percent: int | None = None
    amount: int | None = None
    buy: int | None = None
    free: int | None = None
    category: str | None = None
    product_id: str | None = None
    minimum: int = 0
    currency: str = OURS
    priority: int = 0
    stackable: bool = True
    total_limit: int | None = None
    per_customer: int | None = None
    uses: int = 0
    live: bool = True

    @property
    def used_up(self) -> bool:
        return self.total_limit is not None and self.uses >= self.total_limit

    def is_for(self, currency: str) -> bool:
        """Tell whether the offer applies in `currency`: one with an amount or a minimum only in its own."""
        return self.currency == currency or not (self.amount or self.minimum)

    def covers(self, line: PricedLine) -> bool:
        """Tell whether the offer covers the line. A category covers everything below it."""
        if self.product_id is not None and line.product_id != self.product_id:
            return False
        return self.category is None or f"{line.category or ''}/".startswith(f"{self.category}/")


def is_live() -> Any:
    """Return the condition that an offer is in force: from `starts_at` on, until right before `ends_at`."""
    begun = or_(OfferRow.starts_at.is_(None), OfferRow.starts_at <= statement_time())
    return and_(begun, or_(OfferRow.ends_at.is_(None), OfferRow.ends_at > statement_time()))


_COLUMNS = [getattr(OfferRow, name) for name in Offer.__dataclass_fields__ if name != "live"]
_IN_FORCE = (
    select(*_COLUMNS, is_live().label("live"))
    .where(or_(and_(OfferRow.code.is_(None), is_live()), in_list(OfferRow.code, "codes")))
    .order_by(OfferRow.priority.desc(), OfferRow.id)
)


def in_force(session: Session, codes: Sequence[str]) -> list[Offer]:
    """Load all promotions in force, and the coupons with these codes, in force or not."""
    rows = execute_core(session, _IN_FORCE, {"codes": list(codes)})
    return [Offer(**{**row._mapping, "live": bool(row.live)}) for row in rows]


def rename_category(session: Session, old: str, new: str) -> None:
    """Move offers on a category, or on one below it, to its new path."""
    below = func.substr(OfferRow.category, 1, len(old) + 1) == f"{old}/"
    these = or_(OfferRow.category == old, below)
    session.execute(select(OfferRow.id).where(these).order_by(OfferRow.id).with_for_update(key_share=True)).all()
    moved: Any = new + func.substr(OfferRow.category, len(old) + 1)
    session.execute(update(OfferRow).where(these).values(category=moved))


def is_over(starts: datetime | None, ends: datetime | None) -> bool:
    """Tell whether no moment lies between the two."""
    return starts is not None and ends is not None and ends <= starts
