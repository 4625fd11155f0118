"""The bodies that are answered most often, built by hand: dumping them with a schema takes ten times as long.

The schemas document the same shapes; `tests/api/http/test_bodies.py` holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.http.money import taxes_of
from api.http.schemas import AddressSchema
from engine.jobs import Job, JobStep
from shop.accounts import email_addresses
from shop.kernel.times import rfc3339
from shop.orders.orders import OrderLineRow, OrderRow, Placed

Body = dict[str, Any]

ADDRESS = tuple(AddressSchema().fields)


def job_body(job: Job) -> Body:
    """Return the job as JobSchema dumps it."""
    return {
        "id": job.id,
        "workflow": job.workflow,
        "status": job.status,
        "subject": job.subject,
        "created_at": rfc3339(job.created_at),
        "updated_at": rfc3339(job.updated_at),
        "finished_at": _moment(job.finished_at),
        "cancel_requested": job.cancel_requested,
        "waiting_for": _waiting_for(job.waiting_for),
        "error": _error(job.error),
        "result": job.result,
        "steps": [_step(step) for step in job.steps],
    }


def order_body(order: OrderRow | Placed, job: Body | None, *, refunded: int = 0) -> Body:
    """Return the order as OrderSchema dumps it.

    job: the body of its job, None where the answer shows none.
    refunded: minor units paid back so far (`payments.queries.refunded`).
    """
    currency = order.currency
    return {
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "payment_status": order.payment_status,
        "fulfilment_status": order.fulfilment_status,
        "customer_id": order.customer_id,
        "email": email_addresses.shown(order.email),
        "currency": currency,
        "lines": [_line(line, currency) for line in order.lines],
        "subtotal": money(order.subtotal, currency),
        "discount": money(order.discount, currency),
        "shipping": money(order.shipping, currency),
        "tax": money(order.tax, currency),
        "tax_included": order.tax_included,
        "taxes": taxes_of(order.taxes or (), currency),
        "total": money(order.total, currency),
        "refunded": money(refunded, currency),
        "coupon_code": order.coupon_code,
        "breakdown": [
            {"label": part["label"], "amount": money(part["amount"], currency)} for part in order.breakdown or ()
        ],
        "shipping_method": order.shipping_method,
        "shipping_address": _address(order.shipping_address),
        "billing_address": _address(order.billing_address or order.shipping_address),
        "vat_id": order.vat_id,
        "job": job,
        "created_at": rfc3339(order.created_at),
        "updated_at": rfc3339(order.updated_at),
    }


def money(amount: int, currency: str) -> Body:
    return {"amount": amount, "currency": currency}


def _address(kept: Mapping[str, Any]) -> Body:
    return {name: kept[name] for name in ADDRESS if name in kept}


def _line(line: OrderLineRow, currency: str) -> Body:
    return {
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": money(line.unit_price, currency),
        "total": money(line.total, currency),
        "discount": money(line.discount, currency),
        "tax": money(line.tax, currency),
        "backordered": line.backordered,
    }


def _step(step: JobStep) -> Body:
    return {
        "name": step.name,
        "direction": step.direction,
        "status": step.status,
        "attempts": step.attempts,
        "started_at": _moment(step.started_at),
        "finished_at": _moment(step.finished_at),
        "next_attempt_at": _moment(step.next_attempt_at),
        "error": _error(step.error),
    }


def _error(error: Mapping[str, Any] | None) -> Body | None:
    return None if error is None else {name: error[name] for name in ("code", "detail") if name in error}


def _waiting_for(waits: Mapping[str, Any] | None) -> Body | None:
    if not waits:
        return None
    return {"what": waits["what"], "since": rfc3339(waits["since"]), "detail": waits["detail"]}


def _moment(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
