"""However much the shop knows of somebody, it is told a page at a time, and nobody waits for a slow reader."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

import db
from db.schema import new_id
from shop.kernel import batches
from shop.orders.orders import OrderLineRow, OrderRow
from shop.payments.payments import PaymentRow, TransactionRow
from shop.privacy import personal_data
from shop.wallets.wallets import WalletEntryRow
from tests.api.bank import Bank
from tests.api.catalogue_data import paid, put_on_shelf
from tests.api.clients import Person

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


def copies(session: Session, row: Any, key: Any, id: str, changes: Iterable[dict[str, Any]]) -> None:
    """More rows like the one with this id."""
    kept = session.execute(select(*row.__table__.c).where(key == id)).mappings().one()
    session.execute(insert(row), [{**kept, **change} for change in changes])


def like(order: str, count: int) -> list[str]:
    """So many more orders as this one, paid as it was. Returns their ids."""
    ids = [new_id() for _ in range(count)]
    payments = [new_id() for _ in ids]
    with db.transaction() as session:
        payment = session.scalars(select(PaymentRow.id).where(PaymentRow.order_id == order)).one()
        numbers = [{"id": id, "number": f"W-COPY-{at}"} for at, id in enumerate(ids)]
        copies(session, OrderRow, OrderRow.id, order, numbers)
        copies(session, OrderLineRow, OrderLineRow.order_id, order, [{"order_id": id} for id in ids])
        pairs = zip(payments, ids, strict=True)
        copies(session, PaymentRow, PaymentRow.id, payment, [{"id": one, "order_id": id} for one, id in pairs])
        done = [{"id": new_id(), "payment_id": one, "key": one, "provider_id": one} for one in payments]
        copies(session, TransactionRow, TransactionRow.payment_id, payment, done)
    return ids


def credited(person: Person, count: int) -> None:
    """At one moment, so that the order of two entries is that of their ids."""
    with db.transaction() as session:
        row = {"customer_id": person.id, "currency": "EUR", "amount": 1, "kind": "grant", "at": db_time(session)}
        rows = [{**row, "id": new_id(), "key": f"k{at}", "note": str(at)} for at in range(count)]
        session.execute(insert(WalletEntryRow), rows)


def db_time(session: Session) -> Any:
    return session.scalar(select(OrderRow.created_at).limit(1))


@pytest.mark.parametrize("page", [1, 2, 7, 500])
def test_all_of_it_is_told_once_however_it_falls_on_pages(
    ada: Person, sam: Person, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(batches, "PAGE", page)
    order = paid(ada)
    like(order, 6)
    credited(ada, 7)
    paid(sam)
    answer = ada.get("/api/users/me/export")
    told: dict[str, Any] = answer.json
    assert answer.mimetype == "application/json"
    first = ada.get(f"/api/orders/{order}").json["number"]
    assert sorted(one["number"] for one in told["orders"]) == sorted([first, *(f"W-COPY-{at}" for at in range(6))])
    assert all([line["sku"] for line in one["lines"]] == ["CHAIR"] for one in told["orders"])
    assert [[done["kind"] for done in one["transactions"]] for one in told["payments"]] == [["capture"]] * 7
    assert sorted(entry["note"] for entry in told["wallet"]) == list("0123456")
    assert told["coupon_uses"] == []
    assert told["profile"]["email"] == ada.email


def test_a_reader_who_stops_holds_no_connection_to_the_database(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PAGE", 1)
    like(paid(ada), 4)
    with ada.app.test_client() as client:
        answer = client.get("/api/users/me/export", headers=ada.headers, buffered=False)
        parts = []
        for part in answer.iter_encoded():
            parts.append(part)
            assert db.engine().pool.checkedout() == 0  # type: ignore[attr-defined]
        answer.close()
    assert len(parts) > 10
    assert len(json.loads(b"".join(parts))["orders"]) == 5


def test_what_fails_at_once_is_a_problem_document(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setitem(personal_data.TOLD, "profile", broken)
    answer = ada.get("/api/users/me/export")
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
