"""Who has used a coupon: claimed with the order, given back once when it comes to nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, String, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from rows import Many, number
from shop.offers import OfferRow, is_live
from shop.pages import Page, Place, behind, page
from sql import INSERT, At, Base, Id, among, bare, clock, direct


class CouponUseRow(Base):
    """An order's use of a coupon; it counts until it is given back. `email` is folded: case makes no new guest."""

    __tablename__ = "coupon_uses"
    __table_args__ = (
        Index("ix_coupon_uses_coupon_id_email", "coupon_id", "email"),
        Index("ix_coupon_uses_coupon_id_customer_id", "coupon_id", "customer_id"),
    )

    order_id: Mapped[Id] = mapped_column(primary_key=True)
    coupon_id: Mapped[Id] = mapped_column(ForeignKey("offers.id", ondelete="CASCADE"))
    customer_id: Mapped[Id | None] = mapped_column(index=True)
    email: Mapped[str] = mapped_column(String(254))
    claimed_at: Mapped[At] = mapped_column(default=clock())
    given_back_at: Mapped[At | None]


class Claim(NamedTuple):
    """An order's wish for a coupon."""

    order_id: str
    coupon_id: str
    customer_id: str | None
    email: str


def claim(session: Session, claims: Sequence[Claim]) -> set[str]:
    """First come first served. Returns the orders that have their coupon now; the others must not be written.

    The coupons are locked first, in key order, so that the statement that claims sees what others have committed.
    """
    _lock(session, {claim.coupon_id for claim in claims})
    won = list(_CLAIM(session, _numbered(claims)))
    _count(session, Counter(row.coupon_id for row in won))
    return {row.order_id for row in won}


def give_back(session: Session, orders: Sequence[str]) -> None:
    """What these orders hold can be used again. Safe to repeat: a use is given back once."""
    freed = Counter(direct(session, _GIVE_BACK, {"orders": list(orders)}).scalars())
    if freed:
        _lock(session, set(freed))
        _count(session, {coupon: -uses for coupon, uses in freed.items()})


def by_customer(session: Session, coupon_id: str, customer_id: str) -> int:
    """How often this customer has used it."""
    of = (CouponUseRow.coupon_id == coupon_id, CouponUseRow.customer_id == customer_id)
    return session.scalar(select(func.count()).where(*of, CouponUseRow.given_back_at.is_(None))) or 0


def most_by_one(session: Session, coupon_id: str) -> int:
    """How often whoever used it most has used it."""
    live = (CouponUseRow.coupon_id == coupon_id, CouponUseRow.given_back_at.is_(None))
    most = 0
    for who in (CouponUseRow.email, CouponUseRow.customer_id):
        counts = select(func.count().label("uses")).where(*live, who.is_not(None)).group_by(who).subquery()
        most = max(most, session.scalar(select(func.max(counts.c.uses))) or 0)
    return most


def told(session: Session, customer_id: str, after: Place | None) -> Page:
    """For the export: which coupons this customer has used, oldest first."""
    use = CouponUseRow
    query = select(OfferRow.code, use.order_id, use.email, use.claimed_at, use.given_back_at)
    mine = query.join(OfferRow, OfferRow.id == use.coupon_id).where(use.customer_id == customer_id)
    rows = session.execute(behind(mine, (use.claimed_at, use.order_id), after)).all()
    last = (rows[-1].claimed_at, rows[-1].order_id) if rows else None
    return page([dict(row._mapping) for row in rows], last)


def erase(session: Session, customer_id: str) -> None:
    """The uses stay, without the address."""
    session.execute(update(CouponUseRow).where(CouponUseRow.customer_id == customer_id).values(email=customer_id))


_LOCK = select(OfferRow.id).where(among(OfferRow.id, "coupons")).order_by(OfferRow.id).with_for_update(key_share=True)
_GIVE_BACK = (
    update(bare(CouponUseRow))
    .where(among(CouponUseRow.order_id, "orders"), CouponUseRow.given_back_at.is_(None))
    .values(given_back_at=clock())
    .returning(CouponUseRow.coupon_id)
)


def _lock(session: Session, coupons: set[str]) -> None:
    direct(session, _LOCK, {"coupons": sorted(coupons)})


def _numbered(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """With the place of each in this wave, and how many of the same person stand before it."""
    before: Counter[tuple[str, str]] = Counter()
    rows = []
    for place, claim in enumerate(claims):
        email = claim.email.strip().casefold()
        rows.append({**claim._asdict(), "email": email, "place": place, "ahead": before[claim.coupon_id, email]})
        before[claim.coupon_id, email] += 1
    return rows


def _claiming(kind: str, given: Any) -> Any:
    uses, offers = bare(CouponUseRow), bare(OfferRow)
    theirs = or_(uses.c.customer_id == given.customer_id, uses.c.email == given.email)
    counted = (uses.c.coupon_id == given.coupon_id, uses.c.given_back_at.is_(None), theirs)
    mine = select(func.count()).select_from(uses).where(*counted).scalar_subquery()
    names = ("order_id", "coupon_id", "customer_id", "email")
    nth = func.row_number().over(partition_by=given.coupon_id, order_by=given.place)
    within_theirs = or_(offers.c.per_customer.is_(None), mine + given.ahead < offers.c.per_customer)
    allowed = (
        select(*(getattr(given, name).label(name) for name in names), nth.label("nth"))
        .add_columns(offers.c.uses, offers.c.total_limit)
        .where(offers.c.id == given.coupon_id, is_live(), within_theirs)
        .subquery("allowed")
    )
    within = or_(allowed.c.total_limit.is_(None), allowed.c.uses + allowed.c.nth <= allowed.c.total_limit)
    chosen = select(*(allowed.c[name] for name in names), clock()).where(within)
    insert = INSERT[kind](uses).from_select([*names, "claimed_at"], chosen)
    return insert.returning(uses.c.order_id, uses.c.coupon_id)


_USES = bare(CouponUseRow).c
_CLAIM = Many(
    _claiming, _USES.order_id, _USES.coupon_id, _USES.customer_id, _USES.email, number("place"), number("ahead")
)


def _counting(_: str, given: Any) -> Any:
    offers = bare(OfferRow)
    return update(offers).where(offers.c.id == given.id).values(uses=offers.c.uses + given.more)


_COUNT = Many(_counting, bare(OfferRow).c.id, number("more"))


def _count(session: Session, more: Mapping[str, int]) -> None:
    if more:
        _COUNT(session, [{"id": coupon, "more": uses} for coupon, uses in sorted(more.items())])
