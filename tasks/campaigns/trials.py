"""A trial of a campaign: one mail, to the account that asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from engine import Run, remote_step
from engine.outcomes import Outcome, Refused
from gateways.mail import MAIL_SERVER
from shop.campaigns import rendering
from shop.campaigns.rendering import Content
from shop.campaigns.tables import CampaignRow
from shop.campaigns.templates import TemplateFailed
from shop.consent import eligibility
from shop.consent.eligibility import Recipient
from shop.consent.topics import Topic
from shop.kernel import keys
from tasks.campaigns.sending import send


@dataclass(frozen=True)
class Trial:
    id: str
    said: Content
    who: Recipient
    coupon: str | None


def _trials(session: Session, runs: Sequence[Run]) -> Mapping[str, Trial | Outcome]:
    """Build the trials, to the account that asked for each; Refused where the campaign was deleted meanwhile.

    Left out: accounts that are gone.
    """
    people = eligibility.recipients(session, [run.input["user"] for run in runs], Topic.ACCOUNT)
    return {run.id: _trial(session, run, who) for run in runs if (who := people.get(run.input["user"]))}


def _trial(session: Session, run: Run, who: Recipient) -> Trial | Outcome:
    row = session.get(CampaignRow, run.subject_id)
    if row is None:
        return Refused("campaign_deleted", "the campaign was deleted meanwhile")
    return Trial(run.id, rendering.content(row), who, row.coupon_code)


@remote_step("campaigns.send_trial", fetch=_trials, gateway=MAIL_SERVER)
def send_trial(trial: Trial, key: str) -> None:
    """Send one mail of the campaign to the staff user who asked for it. Raises Refused when a template fails."""
    try:
        letter = rendering.written(trial.said, trial.who, trial.coupon)
    except TemplateFailed as failed:
        raise Refused("template_failed", str(failed)) from failed
    send(letter, keys.message("campaign_trial", trial.id, trial.who.id))
