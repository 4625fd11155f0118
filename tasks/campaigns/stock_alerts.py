"""Stock alerts: customers waiting for a SKU are released a page at a time, and each mail has a run of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

import letters
from engine import DAYS, Answer, Named, Result, Run, RunRequest, local_step, on_failed, remote_step, start_all
from engine.outcomes import More, Refused
from gateways.mail import MAIL_SERVER, Mail, mailer, message_id
from shop.accounts import email_addresses
from shop.consent import suppressions, unsubscribe_links
from shop.consent.suppressions import Reason
from shop.consent.topics import Topic
from shop.kernel import keys, links
from shop.kernel.links import Place
from shop.stock import alerts as stock_alerts
from shop.stock.alerts import Alert

SEND_ALERT = Named("send_stock_alert")


@local_step("campaigns.let_alerts_go")
def let_go(session: Session, runs: Sequence[Run]) -> Mapping[str, Result]:
    """Release a page of alerts a turn, each as a run of its own, until none is left."""
    return {run.id: More() for run in runs if _a_page(session, run)}


def _a_page(session: Session, run: Run) -> bool:
    ids = stock_alerts.release(session, run.input["sku"])
    wishes = [RunRequest(f"{run.subject_id}:{id}", ("stock_alert", id)) for id in ids]
    if wishes:
        start_all(session, SEND_ALERT, wishes)
    return bool(wishes)


def _alerts(session: Session, runs: Sequence[Run]) -> Mapping[str, Alert]:
    """Load the alerts that still hold: after an unsubscribe, or when the SKU is sold out again, they are left out."""
    taken = stock_alerts.take(session, [run.subject_id for run in runs])
    return {run.id: taken[run.subject_id] for run in runs if run.subject_id in taken}


def _remember(session: Session, answers: Sequence[Answer]) -> None:
    ended = [answer for answer in answers if answer.output]
    stock_alerts.use_up(session, [answer.request.id for answer in ended])
    gone = [answer.request.who.email for answer in ended if answer.output and answer.output["bounced"]]
    suppressions.add(session, [email_addresses.hashed(email) for email in gone], Reason.BOUNCE)


@remote_step("campaigns.stock_alert", fetch=_alerts, remember=_remember, retry=DAYS, gateway=MAIL_SERVER)
def send(alert: Alert, key: str) -> dict[str, Any]:
    """Send the alert. An address that refuses it has used it up as well."""
    try:
        mailer().send(compose(alert))
    except Refused as no:
        return {"sent": False, "detail": no.detail, "bounced": no.code == "mail_refused"}
    return {"sent": True, "bounced": False}


@on_failed("campaigns.wait_again")
def wait_again(session: Session, runs: Sequence[Run]) -> None:
    """Keep the alerts for the next time: the mail server was away for a day."""
    stock_alerts.wait_again(session, [run.subject_id for run in runs])


def compose(alert: Alert) -> Mail:
    who = alert.who
    out = unsubscribe_links.way_out(who.id, who.email, Topic.BACK_IN_STOCK)
    link = links.link(Place.PRODUCT, slug=alert.slug)
    said = {"name": who.name, "article": alert.goods, "link": link, "unsubscribe": out.page}
    letter = letters.write("back_in_stock", said, who.language)
    id, headers = message_id(keys.message("stock_alert", alert.id, who.id)), unsubscribe_links.headers(out.url)
    return Mail(who.email, letter.subject, letter.text, letter.html, message_id=id, headers=headers)
