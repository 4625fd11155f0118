"""Redemptions of coupons: a coupon is redeemed with the order, and released once when the order comes to nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from sqlalchemy import Column, ForeignKey, Index, String, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import Many, number
from db.functions import in_list, statement_time
from db.schema import At, Base, Id
from db.statements import INSERT, execute_core, table_of
from shop.kernel.batches import Page, Place, behind, page
from shop.pricing import same_person
from shop.pricing.offers import OfferRow, is_live
from shop.pricing.same_person import Person


class CouponRedemptionRow(Base):
    """An order's redemption of a coupon; it counts until `given_back_at` is set.

    `email` is the order's and `account_email` its customer's, as `same_person` spells them; marks once the account is
    erased.
    """

    __tablename__ = "coupon_uses"
    __table_args__ = (
        Index("ix_coupon_uses_coupon_id_email", "coupon_id", "email"),
        Index("ix_coupon_uses_coupon_id_account_email", "coupon_id", "account_email"),
        Index("ix_coupon_uses_coupon_id_customer_id", "coupon_id", "customer_id"),
    )

    order_id: Mapped[Id] = mapped_column(primary_key=True)
    coupon_id: Mapped[Id] = mapped_column(ForeignKey("offers.id", ondelete="CASCADE"))
    customer_id: Mapped[Id | None] = mapped_column(index=True)
    email: Mapped[str] = mapped_column(String(320))
    account_email: Mapped[str | None] = mapped_column(String(320))
    claimed_at: Mapped[At] = mapped_column(default=statement_time())
    given_back_at: Mapped[At | None]


class Redemption(NamedTuple):
    """An order's request to redeem a coupon."""

    order_id: str
    coupon_id: str
    customer_id: str | None
    email: str


def redeem(session: Session, claims: Sequence[Redemption]) -> set[str]:
    """Redeem coupons, first come first served. Returns the orders that have theirs; the others must not be written.

    Locks the coupons first, in key order, so that the statement that redeems sees what other transactions have
    committed.
    """
    _lock(session, {redeem.coupon_id for redeem in claims})
    people = same_person.known(session, [(redeem.customer_id, redeem.email) for redeem in claims])
    won = list(_CLAIM(session, _numbered(claims, people)))
    _count(session, Counter(row.coupon_id for row in won))
    return {row.order_id for row in won}


def release(session: Session, orders: Sequence[str]) -> None:
    """Release the redemptions of these orders, so that they count no more. Safe to repeat."""
    freed = Counter(execute_core(session, _GIVE_BACK, {"orders": list(orders)}).scalars())
    if freed:
        _lock(session, set(freed))
        _count(session, {coupon: -uses for coupon, uses in freed.items()})


def by_customer(session: Session, coupon_id: str, customer_id: str) -> int:
    """Count this customer's redemptions of the coupon, those as a guest included. Raises NotFound."""
    use, who = CouponRedemptionRow, same_person.account(session, customer_id)
    names = (who.email, *same_person.aliases(who.email))
    theirs = or_(use.customer_id == customer_id, use.email.in_(names), use.account_email.in_(names))
    of = (use.coupon_id == coupon_id, theirs, use.given_back_at.is_(None))
    return session.scalar(select(func.count()).where(*of)) or 0


def most_by_one(session: Session, coupon_id: str) -> int:
    """Count the redemptions by the customer, or address, that has most of them."""
    live = (CouponRedemptionRow.coupon_id == coupon_id, CouponRedemptionRow.given_back_at.is_(None))
    most = 0
    for who in (CouponRedemptionRow.email, CouponRedemptionRow.account_email, CouponRedemptionRow.customer_id):
        counts = select(func.count().label("uses")).where(*live, who.is_not(None)).group_by(who).subquery()
        most = max(most, session.scalar(select(func.max(counts.c.uses))) or 0)
    return most


def export_for(session: Session, customer_id: str, after: Place | None) -> Page:
    """Export one page of the customer's redemptions, oldest first."""
    use = CouponRedemptionRow
    query = select(OfferRow.code, use.order_id, use.email, use.claimed_at, use.given_back_at)
    mine = query.join(OfferRow, OfferRow.id == use.coupon_id).where(use.customer_id == customer_id)
    rows = session.execute(behind(mine, (use.claimed_at, use.order_id), after)).all()
    last = (rows[-1].claimed_at, rows[-1].order_id) if rows else None
    return page([dict(row._mapping) for row in rows], last)


def erase(session: Session, customer_id: str) -> None:
    """Replace the addresses of the customer's redemptions by marks: a new account does not make a new person.

    Call it before the account is erased. Raises NotFound.
    """
    who = same_person.account(session, customer_id)
    for use in session.scalars(select(CouponRedemptionRow).where(CouponRedemptionRow.customer_id == customer_id)):
        use.email = same_person.mark(use.email) or ""
        use.account_email = same_person.mark(who.account_email)
    session.flush()


def adopt(session: Session, orders: Sequence[str], customer_id: str) -> None:
    """Assign the redemptions of a guest's orders to this customer. Raises NotFound."""
    who = same_person.account(session, customer_id)
    theirs = update(CouponRedemptionRow).where(CouponRedemptionRow.order_id.in_(orders))
    session.execute(theirs.values(customer_id=customer_id, account_email=who.account_email))


def keep(session: Session, customer_id: str, address: str) -> None:
    """Assign guests' redemptions under `address` to its customer, before the customer changes to another address."""
    use = CouponRedemptionRow
    guests = update(use).where(use.customer_id.is_(None), use.email.in_(same_person.spellings(address)))
    session.execute(guests.values(customer_id=customer_id))


_ALIASES = [f"alias_{number}" for number in range(10)]
"""Columns for the aliases of two addresses: a spelling, and marks under two secrets, derived and underived."""

_LOCK = select(OfferRow.id).where(in_list(OfferRow.id, "coupons")).order_by(OfferRow.id).with_for_update(key_share=True)
_GIVE_BACK = (
    update(table_of(CouponRedemptionRow))
    .where(in_list(CouponRedemptionRow.order_id, "orders"), CouponRedemptionRow.given_back_at.is_(None))
    .values(given_back_at=statement_time())
    .returning(CouponRedemptionRow.coupon_id)
)


def _lock(session: Session, coupons: set[str]) -> None:
    execute_core(session, _LOCK, {"coupons": sorted(coupons)})


def _numbered(claims: Sequence[Redemption], people: Sequence[Person]) -> list[dict[str, Any]]:
    """Number the requests, and count for each those of the same person and coupon before it in this wave."""
    before: dict[tuple[str, str], set[int]] = defaultdict(set)
    rows = []
    for place, (redeem, who) in enumerate(zip(claims, people, strict=True)):
        signs = [(redeem.coupon_id, sign) for sign in who.signs]
        ahead = set[int]().union(*(before[sign] for sign in signs))
        rows.append({**redeem._asdict(), **_signs(who), "place": place, "ahead": len(ahead)})
        for sign in signs:
            before[sign].add(place)
    return rows


def _signs(who: Person) -> dict[str, str | None]:
    aliases = same_person.aliases(who.email) + same_person.aliases(who.account_email)
    known_by = dict(zip_longest(_ALIASES, aliases))
    return {"email": who.email, "account_email": who.account_email, "holder_id": who.holder_id, **known_by}


def _claiming(kind: str, given: Any) -> Any:
    uses, offers = table_of(CouponRedemptionRow), table_of(OfferRow)
    names = (given.email, given.account_email, *(getattr(given, name) for name in _ALIASES))
    by_address = or_(uses.c.email.in_(names), uses.c.account_email.in_(names))
    theirs = or_(uses.c.customer_id.in_((given.customer_id, given.holder_id)), by_address)
    counted = (uses.c.coupon_id == given.coupon_id, uses.c.given_back_at.is_(None), theirs)
    mine = select(func.count()).select_from(uses).where(*counted).scalar_subquery()
    kept = ("order_id", "coupon_id", "customer_id", "email", "account_email")
    nth = func.row_number().over(partition_by=given.coupon_id, order_by=given.place)
    within_theirs = or_(offers.c.per_customer.is_(None), mine + given.ahead < offers.c.per_customer)
    allowed = (
        select(*(getattr(given, name).label(name) for name in kept), nth.label("nth"))
        .add_columns(offers.c.uses, offers.c.total_limit)
        .where(offers.c.id == given.coupon_id, is_live(), within_theirs)
        .subquery("allowed")
    )
    within = or_(allowed.c.total_limit.is_(None), allowed.c.uses + allowed.c.nth <= allowed.c.total_limit)
    chosen = select(*(allowed.c[name] for name in kept), statement_time()).where(within)
    insert = INSERT[kind](uses).from_select([*kept, "claimed_at"], chosen)
    return insert.returning(uses.c.order_id, uses.c.coupon_id)


_USES = table_of(CouponRedemptionRow).c
_CLAIM = Many(
    _claiming,
    *(_USES.order_id, _USES.coupon_id, _USES.customer_id, _USES.email, _USES.account_email),
    *(Column("holder_id", _USES.customer_id.type), *(Column(name, String(320)) for name in _ALIASES)),
    *(number("place"), number("ahead")),
)


def _counting(_: str, given: Any) -> Any:
    offers = table_of(OfferRow)
    return update(offers).where(offers.c.id == given.id).values(uses=offers.c.uses + given.more)


_COUNT = Many(_counting, table_of(OfferRow).c.id, number("more"))


def _count(session: Session, more: Mapping[str, int]) -> None:
    if more:
        _COUNT(session, [{"id": coupon, "more": uses} for coupon, uses in sorted(more.items())])
