"""Schedule, pause, resume, cancel and test campaigns. Staff only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

import engine
from api.campaigns.campaigns import shown
from api.campaigns.schemas import CampaignSchema, CampaignWhenSchema
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.schemas import accepted_with
from api.http.security import STAFF, caller, roles
from db.schema import new_id
from shop.campaigns import editing, transitions
from shop.campaigns.tables import CampaignRow
from workflows import send_campaign_trial

blp = Blueprint("campaign_moves", __name__, description="Campaigns. Staff only")

CAMPAIGN = CampaignSchema()
Move = Callable[[Session, str], CampaignRow]


@blp.post("/api/campaigns/<uuid:id>/schedule")
@roles(*STAFF)
@blp.arguments(CampaignWhenSchema)
@blp.response(200, CampaignSchema)
@blp.idempotent
def schedule_campaign(wish: dict[str, Any], id: UUID) -> Response:
    """Schedule or start a campaign.

    From now on the clock starts it; with `now` it starts at once. The `job_id` of its run can be watched.
    """
    return _moved(id, _send_now if wish["now"] else transitions.schedule)


@blp.post("/api/campaigns/<uuid:id>/pause")
@roles(*STAFF)
@blp.response(200, CampaignSchema)
@blp.idempotent
def pause_campaign(id: UUID) -> Response:
    """Pause a campaign.

    Within seconds no mail leaves any more; the remaining recipients wait.
    """
    return _moved(id, transitions.pause)


@blp.post("/api/campaigns/<uuid:id>/resume")
@roles(*STAFF)
@blp.response(200, CampaignSchema)
@blp.idempotent
def resume_campaign(id: UUID) -> Response:
    """Resume a campaign.

    It goes on with the remaining recipients.
    """
    return _moved(id, transitions.resume)


@blp.post("/api/campaigns/<uuid:id>/cancel")
@roles(*STAFF)
@blp.response(200, CampaignSchema)
@blp.idempotent
def cancel_campaign(id: UUID) -> Response:
    """Cancel a campaign.

    For good: the remaining recipients get no mail.
    """
    return _moved(id, transitions.cancel)


@blp.post("/api/campaigns/<uuid:id>/test")
@roles(*STAFF)
@blp.response(202, accepted_with(campaign=CampaignSchema))
@blp.idempotent
def test_campaign(id: UUID) -> Response:
    """Send a campaign to yourself.

    One mail, to the address of the caller.
    """

    def work(session: Session) -> Answer:
        row = editing.get(session, str(id))
        about, inputs = ("campaign", row.id), {"user": caller().id}
        run = engine.start(session, send_campaign_trial, key=new_id(), subject=about, input=inputs, by=caller().id)
        return accepted(session, run.id, campaign=CAMPAIGN.dump(shown(session, row)))

    return run_command(work)


def _moved(id: UUID, move: Move) -> Response:
    def work(session: Session) -> Answer:
        return CAMPAIGN.dump(shown(session, move(session, str(id)))), 200, {}

    return run_command(work)


def _send_now(session: Session, id: str) -> CampaignRow:
    return transitions.send_now(session, id, caller().id)
