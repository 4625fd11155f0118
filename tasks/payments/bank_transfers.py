"""Fetching bank transfers to the shop's account from the provider, and matching them with orders."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

import engine
import gateways.payments as provider
from config import settings
from db import in_transaction
from engine import DAYS, Run, remote_step
from engine.outcomes import Refused
from gateways.payments import PAYMENT_PROVIDER, IncomingTransfers, Transfer
from shop.bank_transfers import matching as transfer_matching
from shop.bank_transfers import transfers
from shop.bank_transfers.transfers import AHEAD, BankTransferRow, Came

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What to fetch: the transfer `id` that a provider event named or, without one, all that came `since`."""

    provider: str
    id: str | None
    since: datetime
    now: datetime


def _wanted(session: Session, runs: Sequence[Run]) -> Mapping[str, Wanted]:
    name = settings().payment_provider
    window = transfers.window(session, name)
    return {run.id: Wanted(name, run.input.get("transfer"), *window) for run in runs}


@remote_step("payments.receive_transfers", fetch=_wanted, retry=DAYS, gateway=PAYMENT_PROVIDER)
def receive(wanted: Wanted, key: str) -> dict[str, int]:
    """Fetch and match transfers, each page in a transaction of its own. Safe to repeat: known transfers are skipped.

    Refused when the provider does not report transfers.
    """
    desk = provider.payments().transfers
    if desk is None:
        raise Refused("provider_tells_of_no_transfers")
    came = sum(in_transaction(partial(_take, wanted.provider, page)) for page in _pages(desk, wanted))
    again = sum(in_transaction(partial(_look_again, id)) for id in in_transaction(transfers.under_way))
    if wanted.id is None:
        in_transaction(lambda session: transfers.looked(session, wanted.provider, wanted.now))
    return {"came": came, "matched_later": again}


def _pages(desk: IncomingTransfers, wanted: Wanted) -> Iterator[Sequence[Transfer]]:
    if wanted.id is not None:
        yield [desk.fetch(wanted.id)]
        return
    page = desk.came(wanted.since, wanted.now + AHEAD)
    yield page.transfers
    while page.next:
        page = desk.came(wanted.since, wanted.now + AHEAD, page.next)
        yield page.transfers


def _take(name: str, page: Sequence[Transfer], session: Session) -> int:
    """Store and match a page of transfers. Returns how many of them are new."""
    told = [Came(one.id, one.amount, one.currency, one.reference, one.at) for one in page]
    fresh = [row for one in told if (row := transfers.write(session, name, one))]
    for row in fresh:
        _match(session, row)
    return len(fresh)


def _look_again(id: str, session: Session) -> bool:
    row = transfers.hold(session, id)
    return row.closed_at is None and _match(session, row)


def _match(session: Session, row: BankTransferRow) -> bool:
    """Match a transfer with the order that it pays, and wake the order's runs. Returns whether there is one."""
    order = transfer_matching.match(session, row, lambda order: engine.turning_back(session, ("order", order)))
    if order is None:
        log.warning("transfer %s of %s %s pays for nothing: %s", row.id, row.amount, row.currency, row.problem)
        return False
    engine.wake_about(session, ("order", order))
    return True
