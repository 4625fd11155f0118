"""A coupon is used no more often than it may be, whoever claims it when, and given back once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

import db
from db.functions import in_seconds
from db.schema import new_id
from shop.accounts import users
from shop.kernel.errors import Invalid
from shop.pricing import coupon_redemptions, offer_admin, same_person
from shop.pricing.coupon_redemptions import CouponRedemptionRow, Redemption
from shop.pricing.offers import OfferRow
from tests.api.offers import coupon, uses

pytestmark = pytest.mark.usefixtures("database")


def _claim(id: str, *people: str) -> list[bool]:
    """In one wave. Whether each of these e-mail addresses got it."""
    claims = [Redemption(new_id(), id, None, email) for email in people]
    won = db.in_transaction(lambda session: coupon_redemptions.redeem(session, claims))
    return [claim.order_id in won for claim in claims]


def _orders(id: str) -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(CouponRedemptionRow.order_id).where(CouponRedemptionRow.coupon_id == id)))


def _give_back(*orders: str) -> None:
    db.in_transaction(lambda session: coupon_redemptions.release(session, orders))


def test_a_wave_is_served_first_come_first_served_to_the_limit() -> None:
    id = coupon(total_limit=3)
    assert _claim(id, "a", "b") == [True, True]
    assert _claim(id, "c", "d", "e") == [True, False, False]
    assert uses() == (3, 3)


def test_whoever_may_not_leaves_their_place_to_the_next() -> None:
    id = coupon(total_limit=2, per_customer=1)
    assert _claim(id, "a", "A ", "b", "c") == [True, False, True, False]
    assert uses() == (2, 2)


def test_a_guest_is_known_by_the_address_whatever_its_case() -> None:
    id = coupon(per_customer=1)
    assert _claim(id, "Straße@example.com") == [True]
    assert _claim(id, "STRASSE@Example.com", "other@example.com") == [False, True]
    assert uses() == (2, 2)


def test_a_customer_is_known_by_account_and_by_address() -> None:
    id, ada = coupon(per_customer=1), new_id()
    won = []
    for customer, email in ((ada, "a@x.com"), (ada, "b@x.com"), (None, "A@x.com"), (new_id(), "c@x.com")):
        claim = Redemption(new_id(), id, customer, email)
        with db.transaction() as session:
            won.append(bool(coupon_redemptions.redeem(session, [claim])))
    assert won == [True, False, False, True]


def test_coupons_of_one_wave_do_not_take_from_each_other() -> None:
    first, second = coupon("FIRST", total_limit=1), coupon("SECOND", total_limit=1)
    claims = [Redemption(new_id(), id, None, f"{number}") for number, id in enumerate([first, second, first, second])]
    with db.transaction() as session:
        won = coupon_redemptions.redeem(session, claims)
    assert [claim.order_id in won for claim in claims] == [True, True, False, False]


@pytest.mark.parametrize("change", [{"ends_at": in_seconds(-0.001)}, {"starts_at": in_seconds(60.0)}])
def test_what_has_ended_or_not_begun_can_not_be_claimed(change: dict[str, object]) -> None:
    id = coupon()
    with db.transaction() as session:
        session.execute(update(OfferRow).where(OfferRow.id == id).values(change))
    assert _claim(id, "a") == [False]
    assert uses() == (0, 0)


def test_a_use_is_given_back_once_and_can_be_had_again() -> None:
    id = coupon(total_limit=1, per_customer=1)
    assert _claim(id, "a") == [True]
    for _ in range(3):
        _give_back(*_orders(id), new_id())
    assert uses() == (0, 0)
    assert _claim(id, "a", "a") == [True, False]
    assert uses() == (1, 1)


def test_given_back_by_many_at_once_it_is_given_back_once() -> None:
    id = coupon()
    _claim(id, *"abcdefgh")
    orders = _orders(id)
    with ThreadPoolExecutor(8) as hands:
        list(hands.map(lambda turn: _give_back(*orders[turn % 4 : 8 - turn % 3]), range(16)))
    given = len({order for turn in range(16) for order in orders[turn % 4 : 8 - turn % 3]})
    assert uses() == (8 - given, 8 - given)


def test_fifty_at_once_for_ten() -> None:
    id = coupon(total_limit=10)
    with ThreadPoolExecutor(16) as buyers:
        won = list(buyers.map(lambda number: _claim(id, f"{number}")[0], range(50)))
    assert won.count(True) == 10
    assert uses() == (10, 10)


def test_fifty_at_once_of_one_person_for_two() -> None:
    id = coupon(per_customer=2, total_limit=30)
    with ThreadPoolExecutor(16) as tabs:
        won = list(tabs.map(lambda number: _claim(id, "A@x.com" if number % 2 else "a@X.com")[0], range(50)))
    assert won.count(True) == 2
    assert uses() == (2, 2)


def test_waves_of_two_coupons_in_any_order_do_not_wait_in_a_ring() -> None:
    ids = [coupon("FIRST", total_limit=20), coupon("SECOND", total_limit=20)]

    def wave(number: int) -> int:
        both = ids if number % 2 else ids[::-1]
        claims = [Redemption(new_id(), id, None, new_id()) for id in both for _ in range(2)]
        with db.transaction() as session:  # no second try: a deadlock would be seen
            return len(coupon_redemptions.redeem(session, claims))

    with ThreadPoolExecutor(8) as waves:
        assert sum(waves.map(wave, range(24))) == 40
    assert (uses("FIRST")[0], uses("SECOND")[0]) == (20, 20)


@pytest.mark.parametrize("limit", ["total_limit", "per_customer"])
def test_a_limit_can_not_go_below_what_is_used(limit: str) -> None:
    id = coupon()
    _claim(id, "a", "a")
    with pytest.raises(Invalid) as refused, db.transaction() as session:
        offer_admin.change(session, offer_admin.coupon(session, "spring", lock=True), {limit: 1})
    assert list(refused.value.more["errors"]) == [limit]
    with db.reading() as session:
        assert getattr(session.get_one(OfferRow, id), limit) is None


def test_a_coupon_that_is_taken_away_takes_its_uses_with_it() -> None:
    id = coupon()
    _claim(id, "a")
    orders = _orders(id)
    with db.transaction() as session:
        offer_admin.remove(session, offer_admin.coupon(session, "SPRING"))
    _give_back(*orders)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(CouponRedemptionRow)) == 0


def test_who_leaves_is_forgotten_and_the_use_is_not() -> None:
    id = coupon(per_customer=1)
    with db.transaction() as session:
        ada = users.register(session, email="ada@x.com", name="Ada", password_hash="x").id
        coupon_redemptions.redeem(session, [Redemption(new_id(), id, ada, "Other@x.com")])
        coupon_redemptions.erase(session, ada)
    with db.reading() as session:
        [kept] = session.execute(select(CouponRedemptionRow.email, CouponRedemptionRow.account_email)).all()
    assert tuple(kept) == (same_person.mark("other@x.com"), same_person.mark("ada@x.com"))
    assert (_claim(id, "ADA@x.com", "OTHER@x.com", "third@x.com"), uses()) == ([False, False, True], (2, 2))
