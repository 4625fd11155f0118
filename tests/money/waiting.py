"""What an order waits for: its shopper's answer to the bank, money that is sent, another try after a no, or time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

import db
import engine
from api.payments import provider_events
from config import settings
from db.functions import in_seconds
from db.schema import new_id
from engine import Hold
from engine.tables import RunRow
from shop.bank_transfers import matching, transfers
from shop.bank_transfers.transfers import BankTransferRow, Came
from shop.orders import orders
from shop.payments.provider_events import Told
from tests.money.shop import STAFF, payment_of, told


def give_second_chances(yes: bool) -> None:
    """Whether an order whose card was declined can be paid with something else."""
    os.environ["PAYMENT_RETRY_MINUTES"] = "30" if yes else "0"
    settings.cache_clear()


def bank_tells(order: str, charge: str, status: str, amount: int) -> Any:
    """Its webhook, which wakes whoever waits."""
    event = Told("sandbox", new_id(), f"charge.{status}", charge, order, status, amount, "EUR")
    return told(lambda session: provider_events._take(session, event, {}))


def time_is_over(order: str) -> None:
    """For whatever waits: the shopper has not answered, the money has not come."""
    waiting = update(RunRow).where(RunRow.subject_id == order, RunRow.hold == Hold.WAIT)
    db.in_transaction(lambda session: session.execute(waiting.values(hold=Hold.NONE, wait_until=in_seconds(-1.0))))


def money_comes(order: str, more: int) -> Any:
    """A transfer with the order's number: of what it costs, or of so much more or less."""

    def work(session: Session) -> str | None:
        row = orders.get(session, order)
        came = Came(new_id(), max(1, row.total + more), "EUR", row.number, datetime.now(UTC))
        written = transfers.write(session, "sandbox", came)
        assert written is not None
        return _matched(session, written)

    return told(work)


def look_again(order: str) -> None:
    """As the clock does, for what came while the order was on the move."""

    def work(session: Session) -> None:
        for id in transfers.under_way(session):
            row = transfers.hold(session, id)
            if row.order_id == order:
                _matched(session, row)

    told(work)


def match_by_hand(order: str, transfer: str) -> Any:
    """What is too much goes back outside."""

    def work(session: Session) -> None:
        payment, turning = payment_of(order).id, lambda about: engine.turning_back(session, ("order", about))
        matching.match_by_hand(session, transfer, payment, turning, by=STAFF, note="the rest goes back")
        engine.wake_about(session, ("order", order))

    return told(work)


def settle(transfer: str) -> Any:
    return told(lambda session: transfers.settle(session, transfer, by=STAFF, note="was sent back"))


def held(order: str) -> Sequence[str]:
    """Transfers that have paid for nothing yet."""
    row = BankTransferRow
    with db.reading() as session:
        mine = select(row.id).where(row.order_id == order, row.closed_at.is_(None)).order_by(row.id)
        return session.scalars(mine).all()


def _matched(session: Session, row: BankTransferRow) -> str | None:
    paid = matching.match(session, row, lambda about: engine.turning_back(session, ("order", about)))
    if paid:
        engine.wake_about(session, ("order", paid))
    return paid
