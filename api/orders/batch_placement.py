"""Orders of many shoppers, placed in one transaction: every question is asked once, for all of them.

What one of them is refused is theirs alone; the others go on without them.
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
    """A wish to order, with all of its request that matters."""

    wish: dict[str, Any]
    owner: Owner
    claim: Claim | None
    asked: Asked | None
    language: str = LANGUAGES[0]

    @property
    def marks(self) -> frozenset[str]:
        """One order of a cart at a time, and one command of whoever repeats commands."""
        return frozenset({f"cart:{self.owner.id}", *([self.asked.scope] if self.asked else [])})


@dataclass(eq=False)
class Case:
    """A placing on its way. It is closed once it has an answer."""

    placing: Placing
    holder: Holder | None = None
    billing: dict[str, Any] | None = None  # where the holder's invoices go
    cart: CartRow | None = None
    key: Asked | None = None  # the one that this case has taken
    answer: Answered | Refusal | None = None

    def attempt(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What `work` returns; None when it refuses, which closes the case."""
        try:
            return work(*arguments)
        except Refusal as refusal:
            self.answer = refusal
            return None


def place_all(session: Session, placings: Sequence[Placing]) -> list[Answered | Refusal]:
    """The answers to these, in their order. No two of them share a mark."""
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
    """Until the orders are written: of two orders of one cart the second finds it empty."""
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
    """A bank transfer takes days."""
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
    """For who repeats a command. What was refused is not kept: it may go well another time."""
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
    """What the wish says, or else the address book; None is where it is sent to."""
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
    """Of guests in one spelling: it is what they find their order by."""
    if who:
        return wish.get("email") or who.email
    return users.normal(wish.get("email") or _missing("email", "A guest's order needs one."))


def _missing(name: str, why: str = "Missing data for required field.") -> NoReturn:
    raise Invalid({name: [why]})
