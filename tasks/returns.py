"""Steps of returns. The run is about the order, its input names the return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from engine import Result, Run, local_step, on_failed
from engine.outcomes import Refused
from shop.fulfilment import returns
from shop.fulfilment.returns import Status
from shop.payments import refund_rows
from shop.stock import reservations


@local_step("returns.accept")
def accept(session: Session, runs: Sequence[Run]) -> None:
    """Pass the pivot: from here the shop receives or rejects the return. Before, it can be withdrawn."""


@on_failed("returns.withdraw")
def withdraw(session: Session, runs: Sequence[Run]) -> None:
    """Withdraw the returns of cancelled jobs. What the shop has decided in the meantime stays."""
    for id in _named(runs):
        returns.decide(session, id, Status.WITHDRAWN)


@local_step("returns.reject")
def reject(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Reject the returns. Refused where the return was received or decided in the meantime."""
    late = [
        run for run in runs if not returns.decide(session, run.input["return"], Status.REJECTED, run.input["answer"])
    ]
    return {run.id: Refused("illegal_state", "the return is not only requested any more") for run in late}


@local_step("returns.restock")
def restock(session: Session, runs: Sequence[Run]) -> None:
    """Restock what can be sold again."""
    reservations.restock(session, returns.resellable(session, _named(runs)))


@local_step("returns.close")
def close(session: Session, runs: Sequence[Run]) -> None:
    """Close the returns, whose share of the money is refunded."""
    returns.close(session, {run.input["return"]: refund_rows.given_by(session, run.id) for run in runs})


@on_failed("returns.reopen")
def reopen(session: Session, runs: Sequence[Run]) -> None:
    """Reopen the returns: nothing was restocked yet, so they can be received again."""
    returns.reopen(session, _named(runs))


def _named(runs: Sequence[Run]) -> list[str]:
    return sorted(run.input["return"] for run in runs)
