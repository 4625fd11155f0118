"""Coupons in carts: put in, taken out, and why a coupon takes no effect."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.functions import in_list
from db.statements import execute_core, table_of
from shop.carts import carts
from shop.carts.carts import CartRow
from shop.kernel.errors import NotFound
from shop.pricing import coupon_redemptions, offer_admin, offers
from shop.pricing.offers import Offer
from shop.pricing.quotes import Quote
from shop.pricing.refusals import CouponNotUsable

Hindrance = tuple[str, str]  # code, detail

EXPIRED = ("coupon_expired", "This coupon is not valid at this moment.")
USED_UP = ("coupon_used_up", "This coupon has been used as often as it may be.")


def put_in(session: Session, cart: CartRow, code: str) -> None:
    """Lock the cart and put the coupon in, in the place of another.

    Raises NotFound for an unknown code, CouponNotUsable for a coupon that is expired, used up or of another currency.
    What it needs of the goods may still come: the cart shows that as a problem.
    """
    carts.lock(session, cart)
    code = offer_admin.fold(code)
    found = find(offers.in_force(session, [code]), code)
    if found is None:
        raise NotFound("There is no such coupon.")
    hindrance = _for_anybody(found) or _in(cart.currency, found) or _for(session, cart, found)
    if hindrance:
        raise CouponNotUsable(hindrance[1], reason=hindrance[0])
    cart.coupon_code = code
    session.flush()


def take_out(session: Session, cart: CartRow, code: str) -> None:
    """Lock the cart and remove its coupon. Raises NotFound when its coupon is not this one."""
    carts.lock(session, cart)
    if not cart.coupon_code or cart.coupon_code != offer_admin.fold(code):
        raise NotFound("This coupon is not in the cart.")
    cart.coupon_code = None
    session.flush()


def find(known: Sequence[Offer], code: str | None) -> Offer | None:
    return next((offer for offer in known if code and offer.code == code), None)


def usable(offer: Offer, code: str | None) -> bool:
    """Return whether the offer counts for a cart with this coupon: promotions do, coupons by their code while valid."""
    return offer.code is None or (offer.code == code and _for_anybody(offer) is None)


def hindrance(code: str, known: Sequence[Offer], quoted: Quote) -> Hindrance | None:
    """Return why this coupon takes no effect in a cart with this quote; None: it does."""
    offer = find(known, code)
    if offer is None:
        return "coupon_unknown", "There is no such coupon any more."
    if offer.id in quoted.applied:
        return None
    elsewhere = _in(quoted.total.currency, offer)
    if elsewhere:
        return elsewhere
    if quoted.subtotal.amount < offer.minimum:
        return "coupon_minimum", f"This coupon needs goods for {offer.minimum} minor units."
    return _for_anybody(offer) or ("coupon_no_effect", "There is nothing in the cart that it could make cheaper.")


def spend(session: Session, carts: Sequence[CartRow]) -> None:
    """Remove the coupons from carts that became orders; the caller has locked them."""
    execute_core(session, _SPEND, {"carts": [cart.id for cart in carts]})


_SPEND = update(table_of(CartRow)).where(in_list(CartRow.id, "carts")).values(coupon_code=None)


def _for_anybody(offer: Offer) -> Hindrance | None:
    if not offer.live:
        return EXPIRED
    return USED_UP if offer.used_up else None


def _in(currency: str, offer: Offer) -> Hindrance | None:
    if offer.is_for(currency):
        return None
    return "coupon_other_currency", f"This coupon is for carts in {offer.currency}; this one is in {currency}."


def _for(session: Session, cart: CartRow, offer: Offer) -> Hindrance | None:
    """Return USED_UP if the customer has redeemed the coupon as often as they may. Only checkout's word is binding."""
    if cart.owner_id is None or offer.per_customer is None:
        return None
    return USED_UP if coupon_redemptions.by_customer(session, offer.id, cart.owner_id) >= offer.per_customer else None
