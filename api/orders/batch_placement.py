"""Place the orders of several requests in one transaction: every query is made once for all of them.

A refusal concerns only its own request; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy.orm import Session

import engine
from api.carts.owner import Owner
from api.http import access_tokens
from api.http.commands import answered, replayed
from api.http.fast_bodies import job_body, order_body
from api.http.security import GUEST
from engine import RunRequest, Started, jobs
from shop.accounts import addresses, users
from shop.accounts.addresses import AddressRow
from shop.accounts.sessions import Claim, Holder
from shop.carts import carts
from shop.carts.carts import CartRow
from shop.checkout import buyers, placement
from shop.checkout.placement import PlaceOrder
from shop.checkout.refusals import EmptyCart
from shop.kernel import idempotency
from shop.kernel.errors import Invalid, NotFound, Refusal, Unauthenticated
from shop.kernel.idempotency import Answered, Asked
from shop.kernel.languages import LANGUAGES
from shop.kernel.money import Money
from shop.orders import guest_tokens
from shop.orders.orders import Placed
from shop.payments.offline import transfer_seconds
from workflows import place_order


@dataclass(frozen=True)
class Placing:
    """A request to place an order: its body and what else of the request matters."""

    wish: dict[str, Any]
    owner: Owner
    claim: Claim | None
    asked: Asked | None
    language: str = LANGUAGES[0]

    @property
    def marks(self) -> frozenset[str]:
        """The keys that keep two requests out of one wave: the same cart, or the same scope of idempotency keys."""
        return frozenset({f"cart:{self.owner.id}", *([self.asked.scope] if self.asked else [])})


@dataclass(eq=False)
class Case:
    """The state of one request while its wave is worked on. It is closed once it has an answer."""

    placing: Placing
    holder: Holder | None = None
    billing: dict[str, Any] | None = None  # where the holder's invoices go
    cart: CartRow | None = None
    key: Asked | None = None  # the idempotency key, if this case has acquired it
    answer: Answered | Refusal | None = None

    def attempt(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Return what `work` returns; on a Refusal keep it as the answer, which closes the case, and return None."""
        try:
            return work(*arguments)
        except Refusal as refusal:
            self.answer = refusal
            return None


def place_all(session: Session, placings: Sequence[Placing]) -> list[Answered | Refusal]:
    """Place the orders and return an answer for each, in their order: what is sent, or the Refusal to raise.

    No two of `placings` may share a mark.
    """
    cases = [Case(placing) for placing in placings]
    for step in (_sign_in, _take_keys, _hold_carts, _order):
        still_open = [case for case in cases if case.answer is None]
        if still_open:
            step(session, still_open)
    _keep_answers(session, [case for case in cases if case.key])
    return [case.answer for case in cases if case.answer]


def _sign_in(session: Session, cases: Sequence[Case]) -> None:
    claimed = [(case, case.placing.claim) for case in cases if case.placing.claim]
    if claimed:
        found = buyers.holders(session, [claim for _, claim in claimed])
        for (case, _), (holder, billing) in zip(claimed, found, strict=True):
            case.holder, case.billing = case.attempt(access_tokens.alive, holder), billing


def _take_keys(session: Session, cases: Sequence[Case]) -> None:
    keyed = [(case, case.placing.asked) for case in cases if case.placing.asked]
    mine = idempotency.acquire_keys(session, [asked for _, asked in keyed]) if keyed else set()
    for case, asked in keyed:
        if asked in mine:
            case.key = asked
        else:
            case.answer = case.attempt(_replay, session, asked) or case.answer


def _replay(session: Session, asked: Asked) -> Answered:
    return replayed(idempotency.earlier(session, asked))


def _hold_carts(session: Session, cases: Sequence[Case]) -> None:
    """Lock the carts until the orders are committed: of two orders of one cart the second finds it empty."""
    owners = [case.placing.owner for case in cases]
    customers, guests = ([owner.id for owner in owners if owner.is_guest is guest] for guest in (False, True))
    held = carts.lock_all(session, customers=customers, guests=guests)
    for case in cases:
        case.cart = held.get(case.placing.owner.id)
        if case.cart is None:
            case.answer = _no_cart(case.placing.owner)


def _no_cart(owner: Owner) -> Refusal:
    return NotFound("There is no such cart.") if owner.is_guest else EmptyCart("There is nothing in the cart.")


def _order(session: Session, cases: Sequence[Case]) -> None:
    carts_of = [(case, case.cart) for case in cases if case.cart]
    asked = [(case, cart, case.attempt(_command, session, case, cart)) for case, cart in carts_of]
    wanted = [(case, cart, command) for case, cart, command in asked if command]
    placed = placement.place_all(session, [(cart, command) for _, cart, command in wanted])
    _start(session, [(case, placed) for (case, *_), placed in zip(wanted, placed, strict=True)])


def _start(session: Session, cases: Sequence[tuple[Case, Placed | Refusal]]) -> None:
    for case, placed in cases:
        if isinstance(placed, Refusal):
            case.answer = placed
    fresh = [(case, order) for case, order in cases if isinstance(order, Placed)]
    wishes = [_wish(case, order) for case, order in fresh]
    runs = engine.start_all(session, place_order, wishes)
    for (case, order), run in zip(fresh, runs, strict=True):
        case.answer = _accepted(order, run)


def _wish(case: Case, order: Placed) -> RunRequest:
    by = case.holder.id if case.holder else GUEST
    return RunRequest(order.id, ("order", order.id), deadline=_deadline(case), by=by)


def _deadline(case: Case) -> float | None:
    """Return the deadline of the run in seconds: longer for a bank transfer, which takes days; None is the default."""
    method = case.placing.wish["payment"]["method"]
    return transfer_seconds() + 3600.0 if method == "bank_transfer" else None


def _accepted(order: Placed, run: Started) -> Answered:
    assert run.at, "the order is new, so its run is"
    job = job_body(jobs.begun(run.id, place_order.plan, ("order", order.id), run.at))
    headers = {"Location": f"/api/jobs/{run.id}", "Retry-After": "1"}
    token = guest_tokens.for_guest(order)
    shown = {"order_token": token} if token else {}
    return answered({"job": job, "order": order_body(order, job), **shown}, 202, headers)


def _keep_answers(session: Session, cases: Sequence[Case]) -> None:
    """Store the answers under their idempotency keys; release those of refused requests, which may succeed later."""
    kept = {case.key: case.answer for case in cases if case.key and isinstance(case.answer, Answered)}
    refused = [case.key for case in cases if case.key and case.key not in kept]
    if kept:
        idempotency.remember(session, kept)
    if refused:
        idempotency.release_keys(session, refused)


def _command(session: Session, case: Case, cart: CartRow) -> PlaceOrder:
    wish, who = case.placing.wish, case.holder
    return PlaceOrder(
        customer_id=who.id if who else None,
        email=_email(wish, who),
        shipping_address=_address(session, case),
        billing_address=_billing(session, case),
        vat_id=wish.get("vat_id"),
        shipping_method=wish.get("shipping_method") or cart.shipping_method or _missing("shipping_method"),
        payment_method=wish["payment"]["method"],
        payment_token=wish["payment"].get("token"),
        language=case.placing.language,
        accept_problems=wish.get("accept_problems", False),
        expected_total=Money(**wish["expected_total"]) if "expected_total" in wish else None,
    )


def _address(session: Session, case: Case) -> dict[str, Any]:
    wish, who = case.placing.wish, case.holder
    if "shipping_address" in wish:
        return dict(wish["shipping_address"])
    if "shipping_address_id" not in wish:
        return addresses.postal(_default_address(session, who))
    return _booked(session, who, wish["shipping_address_id"])


def _billing(session: Session, case: Case) -> dict[str, Any] | None:
    """Return the billing address of the request, or else of the address book; None means the shipping address."""
    wish = case.placing.wish
    if "billing_address" in wish:
        return dict(wish["billing_address"])
    if "billing_address_id" in wish:
        return _booked(session, case.holder, wish["billing_address_id"])
    return case.billing


def _booked(session: Session, who: Holder | None, id: UUID) -> dict[str, Any]:
    if who is None:
        raise Unauthenticated("Sign in first.")
    return addresses.postal(addresses.get(session, who.id, str(id)))


def _default_address(session: Session, who: Holder | None) -> AddressRow:
    found = addresses.default_shipping(session, who.id) if who else None
    return found or _missing("shipping_address", "Say where it goes, or keep a default address for shipping.")


def _email(wish: dict[str, Any], who: Holder | None) -> str:
    """Return the e-mail address of the order; a guest's in its normal form, by which the guest finds the order."""
    if who:
        return wish.get("email") or who.email
    return users.normal(wish.get("email") or _missing("email", "A guest's order needs one."))


def _missing(name: str, why: str = "Missing data for required field.") -> NoReturn:
    raise Invalid({name: [why]})
