"""Invariants of outgoing webhooks: every pending delivery has a run, and every other has none."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from doctor.checks import invariant
from engine.states import ENDED
from engine.tables import RunRow
from shop.webhooks.events import DeliveryRow, DeliveryState

PENDING = DeliveryRow.state == DeliveryState.PENDING


@invariant("I12", "every delivery of a webhook that has no end is carried by a run, and the others by none")
def deliveries_are_carried(session: Session) -> Iterator[str]:
    runs = (RunRow.subject_type == "delivery") & (RunRow.subject_id == cast(DeliveryRow.id, String))
    live = select(RunRow.id).where(runs, RunRow.state.not_in(ENDED)).exists()
    for id in session.scalars(select(DeliveryRow.id).where(PENDING, ~live)):
        yield f"delivery {id} is pending, and nothing carries it"
    for id in session.scalars(select(DeliveryRow.id).where(~PENDING, live)):
        yield f"delivery {id} has ended, and is still carried"
