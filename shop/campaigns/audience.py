"""The audience of a run: recorded once, page by page, when it starts. Accounts created later are not among it."""

from __future__ import annotations

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session

from db.bulk import inserting
from db.functions import statement_time
from db.statements import for_update, table_of
from shop.accounts.users import UserRow
from shop.campaigns import segments
from shop.campaigns.tables import CampaignRow, CampaignRunRow, RecipientRow, RecipientStatus, Stage
from shop.consent import eligibility

PAGE = 1000


def meant(campaign: CampaignRow) -> Select[str]:
    """Select the ids of users in the segment who may be sent the topic, in order: one SELECT, whatever the segment.

    Raises Invalid.
    """
    condition = segments.compiled(campaign.segment)
    return select(UserRow.id).where(eligibility.reachable(campaign.topic), condition).order_by(UserRow.id)


def count(session: Session, campaign: CampaignRow) -> int:
    """Count the audience as it is at this moment."""
    return session.scalar(select(func.count()).select_from(meant(campaign).order_by(None).subquery())) or 0


def first(session: Session, campaign: CampaignRow) -> str | None:
    """Return the first user of the audience, None when it is empty."""
    return session.scalar(meant(campaign).limit(1))


def freeze_a_page(session: Session, run_id: str) -> bool:
    """Record the next page of a run's audience. Returns whether there may be more. Locks the run: of two concurrent
    calls the second takes the next page.

    The last page moves the run on to SENDING.
    """
    run = session.scalars(for_update(select(CampaignRunRow).where(CampaignRunRow.id == run_id))).one()
    if run.stage != Stage.FREEZING:
        return False
    campaign = session.get_one(CampaignRow, run.campaign_id)
    here = meant(campaign).where(UserRow.created_at <= run.started_at).limit(PAGE)
    ids = session.scalars(here.where(UserRow.id > run.frozen_to) if run.frozen_to else here).all()
    if ids:
        _WRITE(session, [{"run_id": run.id, "user_id": id} for id in ids])
        run.audience, run.frozen_to = run.audience + len(ids), ids[-1]
    if len(ids) < PAGE:
        run.stage, run.frozen_at = Stage.SENDING, statement_time()
    session.flush()
    return len(ids) == PAGE


_WRITE = inserting(
    table_of(RecipientRow),
    *("run_id", "user_id"),
    then=lambda insert: insert.on_conflict_do_nothing(index_elements=["run_id", "user_id"]),
    state=literal(RecipientStatus.WAITING),
    attempts=literal(0),
    updated_at=statement_time(),
)
