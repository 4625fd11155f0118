"""The shop behind its doors: each command as its endpoint gives it, and workers that work when they are told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

import db
import engine
from api.jobs.operators import GIVING_BACK
from db.schema import new_id
from engine import FINAL, Hold, NotPossible, State
from engine.tables import RunRow
from shop.accounts import users
from shop.accounts.users import UserRow
from shop.carts import carts
from shop.catalogue import upsert as catalogue_upsert
from shop.checkout import placement
from shop.checkout.placement import PlaceOrder
from shop.fulfilment import cancellation, capture_on_shipment, parcels, returns
from shop.fulfilment.returns import Arrived, Status
from shop.kernel.errors import Refusal
from shop.orders import orders
from shop.payments import refund_rows, replacement
from shop.payments import staff_actions as payment_actions
from shop.payments.payments import PaymentRow
from shop.pricing.offers import OfferRow
from shop.privacy import personal_data
from shop.refunds import staff_actions as refund_actions
from shop.stock import adjustments
from shop.wallets import wallets
from tests.api.inline_worker import drive
from workflows import (
    ask_return,
    capture_payment,
    pay_order,
    place_order,
    refund_payment,
    reject_return,
    return_order,
    verify_payment,
    void_payment,
)
from workflows.permissions import SKIP
from workflows.permissions import STAFF as STAFF_TOO

STAFF = new_id()
ADDRESS = {"name": "Ada", "line1": "Main Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
GOODS = {"CHAIR": 10_000, "LAMP": 333}
ON_HAND = 10
NO: tuple[type[Exception], ...] = (Refusal, NotPossible)

Work = Callable[[Session], Any]


def told(work: Work) -> Any:
    """As a request: in one transaction, repeated when it clashes. What the shop refuses is nobody's fault."""
    try:
        return db.in_transaction(work)
    except NO as no:
        return no


def stock_up(prefix: str) -> dict[str, str]:
    """Goods of a story's own, by what they are called in it."""
    names = {name: f"{prefix}-{name}" for name in GOODS}

    def work(session: Session) -> None:
        catalogue_upsert.import_rows(session, [_variant(sku, GOODS[name]) for name, sku in names.items()])
        for sku in names.values():
            adjustments.receive(session, sku, ON_HAND, "a story")

    db.in_transaction(work)
    return names


def _variant(sku: str, price: int) -> dict[str, Any]:
    named = {"slug": sku.lower(), "name": sku, "sku": sku, "variant_name": "Plain", "description": ""}
    return {**named, "category": "goods", "image_url": "", "options": {}, "price_cents": price, "currency": "EUR"}


def register(name: str) -> str:
    address = {"email": f"{name}@example.com", "name": "Ada", "password_hash": "x"}
    id: str = db.in_transaction(lambda session: users.register(session, **address).id)
    return id


def grant(customer: str, amount: int) -> Any:
    moved = {"kind": "grant", "key": new_id(), "note": "sorry", "by": STAFF}
    return told(lambda session: wallets.move(session, customer, amount, "EUR", **moved))


OFFERS: dict[str, dict[str, Any]] = {
    "a tenth off": {"kind": "percentage", "percent": 1000},
    "ten off from a hundred and fifty": {"kind": "fixed", "amount": 1000, "minimum": 15_000},
    "of three the cheapest is free": {"kind": "buy_x_get_y", "buy": 2, "free": 1},
    "free shipping from two hundred": {"kind": "free_shipping", "minimum": 20_000},
}


def coupon(code: str, offer: str) -> str:
    """Returns its code. One use for everybody together."""
    fixed = {"name": offer, "stackable": True, "currency": "EUR", "per_customer": 1, "total_limit": 1, "uses": 0}
    values = {"code": code, "minimum": 0, "priority": 0, **fixed, **OFFERS[offer]}
    db.in_transaction(lambda session: session.add(OfferRow(id=new_id(), **values)))
    return code


def leave(customer: str) -> Any:
    def work(session: Session) -> None:
        users.get(session, customer)
        users.hold(session, customer)
        wallets.forfeit(session, customer)
        personal_data.forget(session, customer)

    return told(work)


def place(
    customer: str | None, name: str, lines: dict[str, int], method: str, token: str | None, code: str | None
) -> Any:
    """Returns the order's id, or the refusal."""

    def work(session: Session) -> str:
        cart = carts.of_customer(session, customer) if customer else carts.open_guest(session)
        for sku, quantity in lines.items():
            carts.add(session, cart, sku, quantity)
        cart.coupon_code = code
        command = PlaceOrder(customer, f"{name}@example.com", ADDRESS, "standard", method, token)
        order: str = placement.place(session, cart, command).id
        engine.start(session, place_order, key=order, subject=("order", order))
        return order

    return told(work)


def call_off(order: str) -> Any:
    return told(lambda session: cancellation.call_off(session, orders.get(session, order), by=STAFF))


def pay_again(order: str, method: str, token: str | None) -> Any:
    def work(session: Session) -> str:
        orders.lock(session, order)
        if engine.live_runs(session, ("order", order), pay_order.name):
            raise Refusal("it is being paid for")
        row = replacement.begin(session, order, method, token)
        return engine.start(session, pay_order, key=new_id(), subject=("order", order), input={"payment": row.id}).id

    return told(work)


# --- the payment desk ---------------------------------------------------------------------------------


def payment_of(order: str) -> PaymentRow:
    with db.reading() as session:
        return session.scalars(select(PaymentRow).where(PaymentRow.order_id == order, ~PaymentRow.spare)).one()


def capture(order: str, amount: int | None) -> Any:
    def work(session: Session) -> str:
        capture_on_shipment.check_none_under_way(session, order)
        row, taken = payment_actions.begin_capture(session, payment_of(order).id, amount)
        return _start(session, capture_payment, row, amount=taken)

    return told(work)


def void(order: str) -> Any:
    def work(session: Session) -> str:
        capture_on_shipment.check_none_under_way(session, order)
        return _start(session, void_payment, payment_actions.begin_void(session, payment_of(order).id))

    return told(work)


def refund(order: str, amount: int | None, to: str) -> Any:
    def work(session: Session) -> str:
        row = payment_actions.get(session, payment_of(order).id)
        run = _start(session, refund_payment, row, amount=None)
        how = {"reason": "a story", "destination": to, "by": STAFF}
        refund_actions.request_refund(session, f"{run}:refund_payment", row.id, amount, **how)
        return run

    return told(work)


def verify(order: str) -> Any:
    return told(lambda session: _start(session, verify_payment, payment_actions.get(session, payment_of(order).id)))


def left_of(order: str) -> int:
    """What the bank's desk may give back of an order that stands, and we would not be asked for twice."""
    row = payment_of(order)
    with db.reading() as session:
        stands = orders.get(session, order).status == "confirmed" and row.method == "card"
        return refund_rows.left(session, row) if stands and not needing_a_person(order) else 0


def _start(session: Session, workflow: engine.Workflow, row: PaymentRow, **more: Any) -> str:
    about = {"subject": ("order", row.order_id), "input": {"payment": row.id, **more}}
    return engine.start(session, workflow, key=new_id(), **about).id


# --- goods --------------------------------------------------------------------------------------------


def ship(order: str, lines: dict[str, int] | None) -> Any:
    def work(session: Session) -> str:
        labels: dict[str, Any] = {"carrier": None, "tracking": None, "by": STAFF}
        parcel = parcels.add(session, order, lines, status="shipped", **labels)
        capture_on_shipment.check_rest_stays(session, order)
        capture_on_shipment.capture_if_sent(session, order, parcel, by=STAFF)
        return parcel.id

    return told(work)


def ask_to_return(order: str, lines: dict[str, int]) -> Any:
    def work(session: Session) -> str:
        row = returns.ask(session, order, lines, "too soft")
        engine.start(session, ask_return, key=row.id, subject=("order", order), input={"return": row.id})
        return row.id

    return told(work)


def reject(order: str, id: str) -> Any:
    def work(session: Session) -> str:
        orders.lock(session, order)
        row = returns.requested(session, order, id)
        about = {"return": row.id, "answer": "no"}
        return engine.start(session, reject_return, key=new_id(), subject=("order", order), input=about).id

    return told(work)


def receive(order: str, id: str, arrived: dict[str, tuple[int, int]] | None) -> Any:
    def work(session: Session) -> str:
        row = returns.receive(session, order, id, Arrived(arrived) if arrived is not None else None, by=STAFF)
        about = {"return": row.id, "amount": row.due}
        return engine.start(session, return_order, key=new_id(), subject=("order", order), input=about).id

    return told(work)


def open_returns(order: str) -> Sequence[returns.ReturnRow]:
    with db.reading() as session:
        return [row for row in returns.of_order(session, order) if row.status == Status.REQUESTED]


# --- workers and operators ----------------------------------------------------------------------------


def runs(order: str, *states: State) -> list[RunRow]:
    """Oldest first; of these states, or all that have not ended."""
    row = RunRow
    mine = select(row).where(row.subject_type == "order", row.subject_id == order).order_by(row.id)
    with db.reading() as session:
        found = session.scalars(mine.where(row.state.in_(states) if states else row.state.not_in(FINAL))).all()
        return [run for run in found if states or run.state not in FINAL]


def let_time_pass(order: str) -> None:
    """Whatever pauses is tried again."""
    pausing = update(RunRow).where(RunRow.subject_id == order, RunRow.hold == Hold.BACKOFF)
    db.in_transaction(lambda session: session.execute(pausing.values(hold=Hold.NONE)))


def turn_back(run: str) -> Any:
    return told(lambda session: engine.cancel(session, run))


def retry(run: str) -> Any:
    return told(lambda session: engine.retry(session, run, by=STAFF))


def skip(run: str, workflow: str) -> Any:
    def work(session: Session) -> None:
        engine.skip(session, run, by=STAFF, note="a story")
        refund_actions.cancel_request(session, [run], "skipped")
        about = engine.input_of(session, run)
        if workflow in (capture_payment.name, void_payment.name):
            payment_actions.resume(session, [about["payment"]])

    return told(work)


def settle(run: str, order: str, step: str) -> Any:
    def work(session: Session) -> None:
        if step not in GIVING_BACK:
            raise Refusal("no money there")
        engine.skip(session, run, by=STAFF, note="settled by hand: a story")
        refund_actions.settle_by_hand(session, run, order, most=engine.input_of(session, run).get("amount"))

    return told(work)


def needing_a_person(order: str) -> list[RunRow]:
    return runs(order, State.NEEDS_ATTENTION)


def act(run: RunRow, what: str, story: Any) -> bool:
    """Returns whether it could be done. What is skipped where money goes back is given up knowingly."""
    step = (run.error or {}).get("step", "")
    if what == "retry":
        return not isinstance(retry(run.id), Exception)
    if what == "settle":
        look_at_the_bank(run.subject_id)
        return not isinstance(settle(run.id, run.subject_id, step), Exception)
    if not SKIP.get((run.workflow, step), STAFF_TOO) and (run.error or {}).get("direction") == "do":
        return False
    if not isinstance(skip(run.id, run.workflow), Exception):
        story.given_up.add(run.id)
        return True
    return False


def look_at_the_bank(order: str) -> None:
    """Whoever says that money was given back by hand has seen first what the bank gave back."""
    looking = verify(order)
    if isinstance(looking, str):
        drive(looking)


def is_there(session: Session, customer: str) -> bool:
    return session.get_one(UserRow, customer).deleted_at is None
