"""Periodic tasks of maintenance. Each is safe to run twice, at the same time or late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

import engine
import gateways.payments as provider
from celery_app import app
from config import settings
from db import in_transaction
from db.schema import new_id
from engine import slots
from engine.poking import poked
from engine.prune import prune_finished
from shop.accounts import sessions
from shop.campaigns import cart_reminders, retention, scheduler
from shop.carts import carts
from shop.consent import mail_limits
from shop.import_export import imports
from shop.invoicing import credit_notes
from shop.kernel import idempotency
from shop.notifications import outbox
from shop.payments import provider_events
from shop.payments import staff_actions as payment_actions
from shop.pricing import promotion_events
from shop.privacy import order_anonymisation
from shop.reconciliation import reports
from shop.stock import reservations
from shop.webhooks import events
from tasks.periodic import periodic

RECONCILE, VOID = engine.Named("reconcile_payments"), engine.Named("void_payment")
VERIFY = engine.Named("verify_payment")
RECEIVE_TRANSFERS, REMIND = engine.Named("receive_transfers"), engine.Named("remind_of_cart")


def _until_none(batch: Callable[[Session], int]) -> None:
    """Run batches until one does nothing, each in a transaction of its own, so that locks are short."""
    while in_transaction(batch):
        pass


@periodic
def release_expired_reservations() -> None:
    _until_none(reservations.release_expired)


@periodic
def prune_finished_runs() -> None:
    prune_finished(settings().keep_finished_days)


@periodic
def reconcile_payments() -> None:
    """Start the reconciliation of yesterday, once, however often this is called."""
    if settings().payment_provider != "instant":  # which keeps no ledger
        in_transaction(_reconcile_yesterday)


def _reconcile_yesterday(session: Session) -> None:
    id = reports.open_yesterday(session, settings().payment_provider)
    if id:
        engine.start(session, RECONCILE, key=id, subject=("reconciliation", id))


@periodic
def prune_clock() -> None:
    """Delete old slots and the runs they began, of which there is one a minute."""
    _until_none(slots.prune)
    prune_finished(slots.KEEP_DAYS, "run_periodic_task")


@periodic
def look_at_payments() -> None:
    """Start voids of authorisations that were not captured in time; wake orders of early provider events.

    Early: the event came before its order was there.
    """
    in_transaction(_let_go)
    in_transaction(_wake_the_found)


@periodic
def ask_for_transfers() -> None:
    """Start a look for bank transfers since the last one, so that a lost webhook loses none. One look at a time."""
    if provider.payments().transfers:
        in_transaction(_ask_for_transfers)


def _ask_for_transfers(session: Session) -> None:
    workflow, about = RECEIVE_TRANSFERS, ("transfers", settings().payment_provider)
    if not engine.live_runs(session, about):
        engine.start(session, workflow, key=new_id(), subject=about)


def _let_go(session: Session) -> None:
    for row in payment_actions.expiring(session, settings().authorisation_days):
        order = ("order", row.order_id)
        if not engine.live_runs(session, order, "capture_payment"):  # a parcel that has left would not be paid for
            payment_actions.begin_void(session, row.id)
            about: dict[str, Any] = {"subject": order, "input": {"payment": row.id}}
            engine.start(session, VOID, key=f"expired:{row.id}", **about)


def _wake_the_found(session: Session) -> None:
    """Whatever such an event said, of money that came too late or went back, the provider tells when it is asked."""
    for event in provider_events.found_again(session):
        order = ("order", event.order_id)
        engine.wake_about(session, order)
        engine.start(session, VERIFY, key=event.key, subject=order, input={"payment": event.payment_id})


@periodic
def prune_commands() -> None:
    _until_none(idempotency.prune_commands)


@periodic
def prune_imports() -> None:
    days = settings().keep_finished_days
    _until_none(lambda session: imports.prune(session, days))


@periodic
def prune_notifications() -> None:
    """Delete old notifications, but not before the runs that would send them again."""
    days = max(outbox.KEEP_DAYS, settings().keep_finished_days + 1)
    _until_none(lambda session: outbox.prune(session, days))
    in_transaction(mail_limits.prune)


@periodic
def prune_sessions() -> None:
    _until_none(sessions.prune_sessions)


@periodic
def forget_customers() -> None:
    """Anonymise orders that are over and whose customers have deleted their accounts."""
    _until_none(_forget_a_batch)


def _forget_a_batch(session: Session) -> int:
    due = order_anonymisation.due(session)
    order_anonymisation.forget(session, due)
    return len(due)


@periodic
def issue_credit_notes() -> None:
    """Issue the credit notes that are due and that no request has issued yet."""
    _until_none(credit_notes.issue_due)


@periodic
def expire_carts() -> None:
    _until_none(carts.prune)


@app.task(name="maintenance.start_due_campaigns")
def start_due_campaigns(**_: Any) -> None:
    """Start due campaigns. Beat sends this as well: a campaign's row for each due time is its slot."""
    look_for_campaigns()


@poked
def look_for_campaigns() -> None:
    _until_none(scheduler.start_due)


@periodic
def remind_of_carts() -> None:
    _until_none(_remind)


def _remind(session: Session) -> int:
    hours, most = settings().cart_reminder_hours, settings().cart_reminders_a_month
    ids = cart_reminders.note_due(session, hours, most) if hours else []
    wishes = [engine.RunRequest(id, ("cart_reminder", id)) for id in ids]
    if wishes:
        engine.start_all(session, REMIND, wishes)
    return len(ids)


@periodic
def prune_recipients() -> None:
    days = settings().keep_finished_days
    _until_none(lambda session: retention.prune(session, days))


@periodic
def prune_happenings() -> None:
    """Delete old domain events and the log of their deliveries."""
    _until_none(events.prune)


@periodic
def announce_promotions() -> None:
    """Publish starts and ends of promotions. Prices do not depend on it: they use the database's clock."""
    in_transaction(promotion_events.announce)
