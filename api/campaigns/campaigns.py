"""Create, read, update and delete campaigns. Staff only; docs/campaigns.md is the guide for marketers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

import db
from api.campaigns.schemas import CampaignChangeSchema, CampaignSchema, NewCampaignSchema, campaign_of, values_of
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, page_of
from api.http.security import STAFF, caller, roles
from db.functions import read_clock
from shop.campaigns import editing, progress
from shop.campaigns.tables import CampaignRow

blp = Blueprint("campaigns", __name__, description="Campaigns. Staff only")

CAMPAIGN = CampaignSchema()
RUNS_SHOWN = 5


def shown(session: Session, row: CampaignRow, runs: int = RUNS_SHOWN) -> dict[str, Any]:
    return campaign_of(row, read_clock(session), progress.latest(session, row.id, runs))


@blp.get("/api/campaigns")
@roles(*STAFF)
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(CampaignSchema))
def list_campaigns(query: dict[str, Any]) -> dict[str, Any]:
    """List campaigns.

    Newest first, each with its last run.
    """
    before, limit = start(query["cursor"], an_id), query["limit"]
    with db.reading() as session:
        rows = editing.listed(session, limit=limit + 1, before=before)
        found = page(rows, limit, lambda row: [row.id])
        return {**found, "items": [shown(session, row, runs=1) for row in found["items"]]}


@blp.post("/api/campaigns")
@roles(*STAFF)
@blp.arguments(NewCampaignSchema)
@blp.response(201, CampaignSchema)
@blp.idempotent
def create_campaign(wish: dict[str, Any]) -> Response:
    """Create a campaign.

    A draft. Its templates and its segment are checked at once; errors name the line.
    """

    def work(session: Session) -> Answer:
        row = editing.make(session, values_of(wish), caller().id)
        return CAMPAIGN.dump(shown(session, row)), 201, {"Location": f"/api/campaigns/{row.id}"}

    return run_command(work)


@blp.get("/api/campaigns/<uuid:id>")
@roles(*STAFF)
@blp.response(200, CampaignSchema)
def get_campaign(id: UUID) -> Any:
    """Get a campaign.

    With the progress of its newest runs.
    """
    with db.reading() as session:
        return shown(session, editing.get(session, str(id)))


@blp.patch("/api/campaigns/<uuid:id>")
@roles(*STAFF)
@blp.arguments(CampaignChangeSchema)
@blp.response(200, CampaignSchema)
def update_campaign(wish: dict[str, Any], id: UUID) -> Any:
    """Update a campaign.

    While it is being sent only its name, throttle and quiet hours can be changed.
    """
    with db.transaction() as session:
        return shown(session, editing.change(session, str(id), values_of(wish)))


@blp.delete("/api/campaigns/<uuid:id>")
@roles(*STAFF)
@blp.response(204)
def delete_campaign(id: UUID) -> Response:
    """Delete a campaign.

    Only one that has never run.
    """
    with db.transaction() as session:
        editing.remove(session, str(id))
    return Response(status=204)
