"""Place orders: from a cart at the server's prices to an order's snapshot, and the payment it will be charged to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from db.schema import new_id
from shop.carts import carts, coupons, priced_cart
from shop.carts.carts import CartRow
from shop.carts.priced_cart import Goods
from shop.checkout.refusals import EmptyCart, OutOfStock, TotalChanged
from shop.kernel.errors import Invalid, Refusal
from shop.kernel.languages import LANGUAGES
from shop.kernel.money import Money
from shop.orders import numbers as order_numbers
from shop.orders import orders
from shop.orders.orders import Placed
from shop.payments import methods as payment_methods
from shop.payments import payments
from shop.pricing import coupon_redemptions
from shop.pricing.coupon_redemptions import Redemption
from shop.pricing.offers import Offer
from shop.pricing.priced_line import PricedLine
from shop.pricing.quotes import Quote, Terms, quote
from shop.pricing.refusals import CouponNotUsable, NoPrice


@dataclass(frozen=True)
class PlaceOrder:
    """The command to place an order. The token stands for a card; it goes into the payment's row and nowhere else."""

    customer_id: str | None
    email: str
    shipping_address: dict[str, Any]
    shipping_method: str
    payment_method: str
    payment_token: str | None = field(repr=False)
    language: str = LANGUAGES[0]
    billing_address: dict[str, Any] | None = None  # None: the shipping address
    vat_id: str | None = None
    expected_total: Money | None = None  # the total that the customer has seen; None: any will do
    accept_problems: bool = False  # place the order although the cart says that goods are out of stock


@dataclass(frozen=True)
class Draft:
    """An order as it will be written. `claim`: the redemption of its coupon, if it has one."""

    order: dict[str, Any]
    lines: list[dict[str, Any]]
    payment: dict[str, Any]
    claim: Redemption | None = None

    def lost(self, won: set[str]) -> bool:
        """Return whether the coupon could not be redeemed; `won`: the ids of orders whose coupon was."""
        return self.claim is not None and self.claim.order_id not in won


Wanted = tuple[CartRow, PlaceOrder]


def place(session: Session, cart: CartRow, command: PlaceOrder) -> Placed:
    """Write the order and empty the cart, which the caller has locked. Nothing is reserved or charged yet.

    Raises the Refusal that stands against the order.
    """
    [placed] = place_all(session, [(cart, command)])
    if isinstance(placed, Refusal):
        raise placed
    return placed


def place_all(session: Session, wanted: Sequence[Wanted]) -> list[Placed | Refusal]:
    """Do as `place` for many at once: read for all, decide for each, write for all. No cart may be among them twice.

    A command that is refused gets its Refusal in the place of an order, and its cart stays as it was.
    """
    goods = priced_cart.goods(session, [cart for cart, _ in wanted])
    where = [(cart, command.shipping_address.get("country")) for cart, command in wanted]
    terms, known = priced_cart.in_force(session, where)
    read = zip(wanted, goods, terms, strict=True)
    drafts = _claim_coupons(session, [_draft_or_refusal(*want, inside, term, known) for want, inside, term in read])
    good = [draft for draft in drafts if isinstance(draft, Draft)]
    written = iter(_write(session, good)) if good else iter(())
    _empty(session, [cart for (cart, _), draft in zip(wanted, drafts, strict=True) if isinstance(draft, Draft)])
    return [next(written) if isinstance(draft, Draft) else draft for draft in drafts]


def _claim_coupons(session: Session, drafts: Sequence[Draft | Refusal]) -> list[Draft | Refusal]:
    """Redeem the coupons of the drafts; a draft whose coupon was used up first by another order is refused."""
    claims = [draft.claim for draft in drafts if isinstance(draft, Draft) and draft.claim]
    won = coupon_redemptions.redeem(session, claims) if claims else set()
    return [_lost() if isinstance(draft, Draft) and draft.lost(won) else draft for draft in drafts]


def _lost() -> Refusal:
    code, detail = coupons.USED_UP
    return CouponNotUsable(detail, reason=code)


def _empty(session: Session, emptied: Sequence[CartRow]) -> None:
    carts.empty(session, *emptied)
    spent = [cart for cart in emptied if cart.coupon_code]
    if spent:
        coupons.spend(session, spent)


def _write(session: Session, drafts: Sequence[Draft]) -> list[Placed]:
    placed = orders.insert_all(session, [(draft.order, draft.lines) for draft in drafts])
    payments.write(session, [draft.payment for draft in drafts])
    return placed


def _draft_or_refusal(
    cart: CartRow, command: PlaceOrder, inside: Goods, terms: Terms, known: Sequence[Offer]
) -> Draft | Refusal:
    try:
        return _draft(cart, command, inside, terms, known)
    except Refusal as refusal:
        return refusal


def _draft(cart: CartRow, command: PlaceOrder, inside: Goods, terms: Terms, known: Sequence[Offer]) -> Draft:
    """Return what this command comes to, without a query: all that it needs has been read. Raises Refusal."""
    _check_payment(command)
    _refuse_what_can_not_be_sold(inside)
    if not command.accept_problems:
        _refuse_what_is_sold_out(inside)
    quoted = quote(inside.lines, terms, command.shipping_method)
    order = _order(cart, command, quoted)
    claim = _claim(cart, order, quoted, known)
    _check_total(command.expected_total, quoted.total)
    return Draft(order, _lines(order["id"], quoted.lines), _payment(order, command), claim)


def _check_payment(command: PlaceOrder) -> None:
    method = command.payment_method
    payment_methods.check(method, command.payment_token)
    why = payment_methods.hindrance(method, payment_methods.Buyer(command.customer_id))
    if why:
        raise Invalid({"payment.method": [f"It can not be used: {why.replace('_', ' ')}."]})


def _claim(cart: CartRow, order: dict[str, Any], quoted: Quote, known: Sequence[Offer]) -> Redemption | None:
    """Return the redemption of the cart's coupon; None: it has none. Raises CouponNotUsable when it takes no effect."""
    offer = coupons.find(known, cart.coupon_code)
    hindrance = coupons.hindrance(cart.coupon_code, known, quoted) if cart.coupon_code else None
    if hindrance:
        raise CouponNotUsable(hindrance[1], reason=hindrance[0])
    return Redemption(order["id"], offer.id, order["customer_id"], order["email"]) if offer else None


def _check_total(expected: Money | None, total: Money) -> None:
    """Raise TotalChanged unless the total is what the customer has seen: prices, offers and taxes change meanwhile."""
    if expected not in (None, total):
        raise TotalChanged(f"It comes to {total} now.", total={"amount": total.amount, "currency": total.currency})


def _refuse_what_can_not_be_sold(inside: Goods) -> None:
    archived = [str(problem.sku) for problem in inside.problems if problem.code == "archived"]
    if archived:
        raise Invalid({"cart": [f"No longer sold: {', '.join(archived)}."]})
    unpriced = [problem for problem in inside.problems if problem.code == NoPrice.code]
    if unpriced:
        raise NoPrice(unpriced[0].detail, sku=unpriced[0].sku)
    if not inside.lines:
        raise EmptyCart("There is nothing in the cart.")


def _refuse_what_is_sold_out(inside: Goods) -> None:
    """Raise OutOfStock for what the cart shows as sold out: no run is needed to find out."""
    lacking = [problem for problem in inside.problems if problem.code == OutOfStock.code]
    if lacking:
        detail = "; ".join(f"{problem.sku}: {problem.detail}" for problem in lacking)
        raise OutOfStock(detail, problems=[asdict(problem) for problem in lacking])


def _order(cart: CartRow, command: PlaceOrder, quoted: Quote) -> dict[str, Any]:
    return {
        "id": new_id(),
        "number": order_numbers.new(),
        "customer_id": command.customer_id,
        "cart_id": cart.id,
        "email": command.email,
        "currency": quoted.total.currency,
        "subtotal": quoted.subtotal.amount,
        "discount": quoted.discount.amount,
        "shipping": quoted.shipping.amount,
        "tax": quoted.tax.amount,
        "shipping_tax": quoted.shipping_tax.amount,
        "tax_included": quoted.tax_included,
        "total": quoted.total.amount,
        "coupon_code": cart.coupon_code,
        "language": command.language,
        "breakdown": [{"label": label, "amount": amount.amount} for label, amount in quoted.breakdown],
        "taxes": list(quoted.taxes),
        "conditions": list(quoted.conditions),
        "shipping_method": command.shipping_method,
        "shipping_address": command.shipping_address,
        "billing_address": command.billing_address,
        "vat_id": command.vat_id,
    }


def _lines(order_id: str, lines: Sequence[PricedLine]) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order_id,
            "sku": line.sku,
            "position": position,
            "name": line.name,
            "quantity": line.quantity,
            "unit_price": line.unit_price.amount,
            "total": line.total.amount,
            "discount": line.discount.amount,
            "tax": line.tax.amount,
            "tax_rate": line.tax_rate,
        }
        for position, line in enumerate(lines)
    ]


def _payment(order: dict[str, Any], command: PlaceOrder) -> dict[str, Any]:
    return payments.new(
        order["id"],
        method=command.payment_method,
        provider=payment_methods.provider_of(command.payment_method),
        amount=order["total"],
        currency=order["currency"],
        token=command.payment_token,
        delayed=payment_methods.is_captured_later(command.payment_method),
    )
