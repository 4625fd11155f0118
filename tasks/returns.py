"""What customers have sent back. The run is about the order, its input names the return."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine import Run, local_step, on_failed
from shop import reservations, returns
from shop.returns import Status


@local_step("returns.restock")
def restock(session: Session, runs: Sequence[Run]) -> None:
    """What can be sold again goes back to the shelf."""
    reservations.take_back(session, returns.resellable(session, _named(runs)))


@local_step("returns.close")
def close(session: Session, runs: Sequence[Run]) -> None:
    """Its share of the money is back."""
    returns.move(session, _named(runs), Status.REFUNDED)


@on_failed("returns.reopen")
def reopen(session: Session, runs: Sequence[Run]) -> None:
    """Nothing had been restocked yet: it can be received again."""
    returns.reopen(session, _named(runs))


def _named(runs: Sequence[Run]) -> list[str]:
    return sorted(run.input["return"] for run in runs)
