"""Reports of campaigns: a preview of audience and mail, and the state of each recipient. Staff only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marshmallow import fields, validate
from sqlalchemy.orm import Session

import db
from api.campaigns.schemas import CampaignPreviewSchema, CampaignRecipientSchema
from api.http.blueprint import Blueprint
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import STAFF, roles
from shop.campaigns import audience, editing, progress, rendering
from shop.campaigns.tables import CampaignRow, RecipientStatus
from shop.campaigns.templates import TemplateFailed
from shop.consent import eligibility
from shop.kernel.errors import Invalid, NotFound

blp = Blueprint("campaign_views", __name__, description="Campaigns. Staff only")


class PreviewQuery(Schema):
    recipient = fields.UUID(load_default=None, metadata={"description": "a user; else the first"})


class RecipientsQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([*RecipientStatus]))
    run = fields.UUID(load_default=None, metadata={"description": "the newest if not said"})


@blp.get("/api/campaigns/<uuid:id>/preview")
@roles(*STAFF)
@blp.arguments(PreviewQuery, location="query")
@blp.response(200, CampaignPreviewSchema)
def preview_campaign(query: dict[str, Any], id: UUID) -> dict[str, Any]:
    """Preview a campaign.

    How many recipients it would have now, and the mail as one of them would get it.
    """
    with db.reading() as session:
        row = editing.get(session, str(id))
        who = str(query["recipient"]) if query["recipient"] else audience.first(session, row)
        return {"audience": audience.count(session, row), "sample": _sample(session, row, who) if who else None}


@blp.get("/api/campaigns/<uuid:id>/recipients")
@roles(*STAFF)
@blp.arguments(RecipientsQuery, location="query")
@blp.response(200, page_of(CampaignRecipientSchema))
def list_campaign_recipients(query: dict[str, Any], id: UUID) -> dict[str, Any]:
    """List a campaign's recipients."""
    after, limit, run = start(query["cursor"], an_id), query["limit"], query["run"]
    with db.reading() as session:
        editing.get(session, str(id))
        wanted = {"run_id": str(run) if run else None, "state": query["status"]}
        rows = progress.recipients(session, str(id), **wanted, limit=limit + 1, after=after)
    return page(rows, limit, lambda row: [row.user_id])


def _sample(session: Session, row: CampaignRow, user: str) -> rendering.Letter:
    who = eligibility.recipients(session, [user], row.topic).get(user)
    if who is None:
        raise NotFound("There is no such recipient, or they have not asked for this topic.")
    coupon = f"{row.coupon_code}-SAMPLE" if row.coupon_personal else row.coupon_code
    try:
        # With a dummy link: a click in the preview must not unsubscribe the recipient.
        return rendering.written(rendering.content(row), who, coupon, out=rendering.NOBODYS)
    except TemplateFailed as failed:
        raise Invalid({"text": [str(failed)]}) from failed
