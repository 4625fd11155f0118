"""The doctor finds what is broken: each invariant is broken by hand, and must be named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text

import db
import doctor.__main__  # noqa: F401 - registers every check
import engine
import gateways.mail
import gateways.payments
from api.orders import timeline
from db.schema import new_id
from doctor import sandbox_ledger
from doctor.checks import examine
from doctor.repairs import stock as stock_repair
from shop.carts import carts, coupons
from shop.checkout import placement
from shop.fulfilment import parcels, returns
from shop.orders import history as order_history
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.states import Status
from shop.reconciliation import reports
from shop.stock import adjustments, locations
from tests.api.catalogue_data import ADDRESS, put_on_shelf
from tests.api.inline_worker import drive
from tests.api.offers import coupon
from tests.fixtures import Configure, Database
from tests.sandboxes import free_port
from workflows import cancel_order, place_order


@pytest.fixture(autouse=True)
def _an_order_is_through(database: Database, configure: Configure) -> Iterator[None]:
    """One confirmed order, and everything about it in order."""
    configure(PAYMENT_PROVIDER="instant", SMTP_URL="discard:")
    _forget()
    put_on_shelf("CHAIR", on_hand=5, price=1000)
    assert drive(_accepted()) == "succeeded"
    yield
    _forget()


def _forget() -> None:
    gateways.payments.payments.cache_clear()
    gateways.mail.mailer.cache_clear()


def _accepted(code: str = "", token: str = "tok_ok") -> str:
    with db.transaction() as session:
        cart = carts.open_guest(session)
        carts.add(session, cart, "CHAIR", 2)
        if code:
            coupons.put_in(session, cart, code)
        command = placement.PlaceOrder(None, "a@example.com", ADDRESS, "standard", "card", token)
        order = placement.place(session, cart, command).id
        return engine.start(session, place_order, key=order, subject=("order", order)).id


def _the_order() -> str:
    with db.reading() as session:
        return session.scalars(select(OrderRow.id)).one()


def _called_off() -> str:
    order = _the_order()
    with db.transaction() as session:
        orders.move(session, [order], Status.CANCELLING)
        return engine.start(session, cancel_order, key=order, subject=("order", order)).id


def _sent_and_asked_back() -> None:
    order = _the_order()
    with db.transaction() as session:
        parcels.add(session, order, None, carrier=None, tracking=None, status="shipped", by=new_id())
        returns.ask(session, order, {"CHAIR": 2}, "")


def _change(statement: str, **values: object) -> None:
    with db.transaction() as session:
        session.execute(text(statement), values)


def _broken() -> dict[str, list[str]]:
    with db.reading() as session:
        findings = list(examine(session))
    broken: dict[str, list[str]] = {}
    for finding in findings:
        if not finding.well:
            broken.setdefault(finding.check.number, []).extend(finding.breaches or [str(finding.unknown)])
    return broken


def test_nothing_is_wrong_with_an_order_that_is_through() -> None:
    assert _broken() == {}


def test_nothing_is_wrong_with_an_order_under_way() -> None:
    drive(_accepted(), steps=2)
    assert _broken() == {}


def test_i1_an_accepted_command_without_its_run_is_lost() -> None:
    _change(
        "INSERT INTO commands (scope, key, fingerprint, status, body, created_at)"
        " VALUES ('u', 'k', 'f', 202, :body, CURRENT_TIMESTAMP)",
        body=f'{{"job": {{"id": "{new_id()}"}}}}',
    )
    [breach] = _broken()["I1"]
    assert "accepted under the key 'k', does not exist" in breach


def test_i2_a_run_that_nobody_will_look_at_again() -> None:
    run = _accepted()
    _change("UPDATE runs SET due_at = NULL WHERE id = :id", id=run)
    [breach] = _broken()["I2"]
    assert run in breach


def test_i2_a_run_before_a_task_that_no_worker_knows() -> None:
    _change("UPDATE runs SET task = 'stock.weigh' WHERE id = :id", id=_accepted())
    assert _broken() == {"I2": ["runs stand before stock.weigh, which no worker knows"]}


def test_i2_times_from_before_the_clock_was_set_back() -> None:
    run = _accepted()
    ahead = "2999-01-01 00:00:00.000000+00:00"
    _change("UPDATE runs SET sent_at = :at WHERE id = :id", id=run, at=ahead)
    assert "at a time that has not come" in _broken()["I2"][0]


def test_i2_a_run_given_up_that_no_worker_had() -> None:
    run = _accepted()
    _change(
        "UPDATE runs SET state = 'needs_attention', hold = 'end', due_at = NULL, error = :error WHERE id = :id",
        id=run,
        error='{"code": "worker_lost"}',
    )
    assert any(run in breach and "none had it" in breach for breach in _broken()["I2"])


def test_i2_an_undo_that_its_workers_die_of() -> None:
    run = _accepted()
    _change("UPDATE runs SET direction = 'undo', claims = 20 WHERE id = :id", id=run)
    assert any(run in breach and "20 workers" in breach for breach in _broken()["I2"])


def test_i4_money_held_for_an_order_that_is_not_owed() -> None:
    _change("UPDATE orders SET total = total - 1")
    assert "2490 held, 2489 owed" in _broken()["I4"][0]


def test_i3_captures_are_those_we_know_of(monkeypatch: pytest.MonkeyPatch) -> None:
    order = _the_order()
    book = [{"kind": "capture", "reference": order, "amount": amount} for amount in (1245, 1245)]
    monkeypatch.setattr(sandbox_ledger, "books", lambda: {"entries": book, "transfers": []})
    assert _broken() == {"I3": [f"order {order} was captured 2 times"]}
    _change("UPDATE payment_transactions SET amount = 1245")
    _change(
        "INSERT INTO payment_transactions (id, payment_id, kind, amount, currency, provider_id, key, at)"
        " SELECT :id, payment_id, kind, amount, currency, 'cp_1', 'again', at FROM payment_transactions",
        id=new_id(),
    )
    assert _broken() == {}
    book.append({"kind": "capture", "reference": order, "amount": 1})
    assert _broken() == {
        "I3": [f"order {order} was captured 3 times", f"order {order}: 2491 captured, 2490 owed at most"]
    }


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch, configure: Configure) -> list[dict[str, object]]:
    """The sandbox bank's, which agrees with ours."""
    configure(PAYMENT_PROVIDER="sandbox")
    _change("UPDATE payments SET provider = 'sandbox'")
    entries: list[dict[str, object]] = [_entry(_the_order(), 2490)]
    monkeypatch.setattr(sandbox_ledger, "books", lambda: {"entries": entries, "transfers": []})
    return entries


def _entry(order: str, amount: int, kind: str = "capture", at: str = "2026-11-29T10:00:00Z") -> dict[str, object]:
    return {"kind": kind, "reference": order, "amount": amount, "at": at}


def test_i4_orders_that_only_the_bank_knows_are_one_finding_that_says_what_to_do(book: list[dict[str, object]]) -> None:
    assert _broken() == {}
    lost = sorted(new_id() for _ in range(7))
    book += [_entry(order, 100, at=f"2026-11-29T1{at}:00:00Z") for at, order in enumerate(lost)]
    [breach] = _broken()["I4"]
    assert breach == (
        "7 orders are unknown here of which the bank holds 700 (moved from 2026-11-29T10:00:00Z to"
        " 2026-11-29T16:00:00Z): was a backup restored? docs/reconciliation.md#a-restored-backup;"
        f" {', '.join(lost[:5])} ..."
    )
    assert _broken().keys() == {"I4"}
    book += [_entry(order, 100, "refund") for order in lost]
    assert _broken() == {}, "nothing of them is held any more"


def test_i4_orders_unknown_here_that_somebody_has_settled_are_quiet(
    book: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = new_id()
    book.append(_entry(lost, 100))
    assert lost in _broken()["I4"][0]
    monkeypatch.setattr(reports, "orders_looked_into", lambda session: {lost})
    assert _broken() == {}


def test_i4_an_order_that_the_bank_has_never_heard_of(book: list[dict[str, object]]) -> None:
    book.clear()
    assert _broken()["I4"] == [
        "1 orders are unknown at the bank of which we hold 2490: is it another account, or was its ledger restored?"
        f" docs/reconciliation.md#a-restored-backup; {_the_order()}"
    ]


def test_i4_what_the_bank_holds_of_something_that_is_no_order_of_ours(book: list[dict[str, object]]) -> None:
    book.append(_entry("a phone call", 5))
    assert _broken() == {"I4": ["'a phone call': 5 at the bank, of nothing that we know"]}


def test_i4_an_order_of_which_the_two_ledgers_say_different_things(book: list[dict[str, object]]) -> None:
    book.append(_entry(_the_order(), 90, "refund"))
    assert _broken() == {"I4": [f"order {_the_order()}: 2490 here, 2400 at the bank"]}


def test_i9_a_part_that_is_captured_and_still_authorised() -> None:
    _change("UPDATE payments SET authorised = 100")
    assert "2590 are authorised or captured, of 2490" in _broken()["I9"][0]


def test_i3_a_bank_that_can_not_be_asked_is_not_a_clean_bill(configure: Configure) -> None:
    configure(PAYMENT_PROVIDER="sandbox", BANK_URL=f"http://127.0.0.1:{free_port()}")
    assert "can not be read" in _broken()["I3"][0]


def test_i5_stock_that_its_movements_do_not_explain() -> None:
    _change("UPDATE stock SET on_hand = on_hand + 1")
    assert _broken() == {"I5": ["CHAIR: 4 on hand, but its movements sum to 3"]}


def test_i5_goods_that_lie_where_no_movement_has_put_them() -> None:
    with db.transaction() as session:
        locations.add(session, {"code": "berlin", "name": "Berlin"})
        adjustments.transfer(session, "CHAIR", 2, "", None, location="main", to="berlin")
    assert _broken() == {}
    _change("UPDATE stock_levels SET on_hand = 1")
    away = "CHAIR: 2 elsewhere, but locations other than main have 1"
    assert _broken() == {"I5": [away, "CHAIR: 1 in berlin, but its movements there sum to 2"]}
    _change("UPDATE stock_movements SET quantity = 1 WHERE quantity = 2")
    assert "CHAIR: its transfers sum to -1" in _broken()["I5"]


def test_i6_stock_that_stays_reserved() -> None:
    _change("UPDATE stock SET reserved = 1")
    assert _broken() == {"I6": ["CHAIR: 1 reserved, but live reservations sum to 0"]}


def test_i6_a_closed_order_that_still_holds_goods() -> None:
    _change("UPDATE reservations SET state = 'held'")
    _change("UPDATE stock SET reserved = 2")
    assert "is confirmed and still holds CHAIR" in _broken()["I6"][0]
    _change("UPDATE stock SET reserved = 0")  # the repair releases it whatever the figures say
    with db.transaction() as session:
        assert stock_repair.put_right(session)[0] == [_the_order()]
    assert "I6" not in _broken()


def test_i6_an_order_that_is_called_off_and_still_waits_until_the_repair() -> None:
    _change("UPDATE orders SET status = 'cancelled'")
    _change("UPDATE reservations SET backordered = 1")
    _change("UPDATE stock SET backordered = 1")
    assert _broken()["I6"] == [f"order {_the_order()} is closed and still waits for CHAIR"]
    with db.transaction() as session:
        assert stock_repair.put_right(session) == ([_the_order()], [])
    assert "I6" not in _broken()


def test_i7_a_confirmed_order_whose_customer_was_not_told() -> None:
    _change("DELETE FROM notifications")
    assert "its customer was not told" in _broken()["I7"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("orders SET subtotal = subtotal + 1", "its lines come to 2000, its subtotal is 2001"),
        ("orders SET discount = 1", "0 off its lines, 1 off the order"),
        ("orders SET tax = 1", "0 + 0 tax on its parts, 1 on the order"),
        ("orders SET shipping = shipping + 1", "its parts come to 2491, its total is 2490"),
        ("orders SET breakdown = '[]'", "its breakdown does not come to 2490"),
        ("order_lines SET discount = total + 1", "a discount is larger than its line"),
        ("order_lines SET discount = -1", "an amount is negative"),
    ],
)
def test_i4_an_order_that_does_not_add_up(change: str, said: str) -> None:
    _change(f"UPDATE {change}")
    assert any(said in breach for breach in _broken()["I4"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE offers SET uses = uses - 1", "coupon SPRING says 0 uses, 1 orders hold one"),
        ("UPDATE offers SET per_customer = 0", "a@example.com holds 1 uses of 0"),
        ("UPDATE orders SET status = 'failed'", "is failed and still holds its coupon"),
    ],
)
def test_i8_a_coupon_used_too_often_or_kept(change: str, said: str) -> None:
    coupon(total_limit=1)
    assert drive(_accepted("SPRING")) == "succeeded"
    assert _broken() == {}
    _change(change)
    assert any(said in breach for breach in _broken()["I8"])


def test_i8_what_failed_has_given_its_coupon_back() -> None:
    coupon(total_limit=1)
    assert drive(_accepted("SPRING", "tok_declined")) == "failed"
    assert _broken() == {}


def test_i9_a_payment_that_its_transactions_do_not_explain() -> None:
    _change("DELETE FROM payment_transactions")
    assert "its transactions say 0 - 0" in _broken()["I9"][0]


def test_i9_a_success_with_an_open_step() -> None:
    _change("UPDATE journal SET state = 'begun' WHERE name = 'charge_payment'")
    assert "its step charge_payment is not done" in _broken()["I9"][0]


def test_i10_a_history_that_is_no_path() -> None:
    _change("UPDATE orders SET status = 'pending'")
    assert "its history ends at confirmed, it is pending" in _broken()["I10"][0]


def test_i10_a_history_is_read_as_it_happened_whatever_any_clock_said() -> None:
    """The clock was set back ten minutes between two moves, and ids are made by processes whose clocks differ."""
    _change("UPDATE order_events SET at = '2999-01-01 00:00:00' WHERE to_status = 'pending'")
    _change("UPDATE order_events SET id = 'ffffffff-ffff-7fff-bfff-ffffffffffff' WHERE to_status = 'pending'")
    with db.reading() as session:
        [order] = session.scalars(select(OrderRow.id))
        history = [(event.position, event.to_status) for event in order_history.of(session, order)]
        told = [moment["status"] for moment in timeline.of(session, order) if moment["kind"] == "status"]
    assert history == [(1, "pending"), (2, "confirmed")]
    assert told == ["pending", "confirmed"]
    assert _broken() == {}


def test_i4_a_refund_that_its_transaction_does_not_explain() -> None:
    drive(_called_off())
    assert _broken() == {}
    _change("UPDATE refunds SET amount = amount - 1")
    assert "its transaction says" in _broken()["I4"][0]


def test_i4_more_is_promised_back_than_is_left() -> None:
    drive(_called_off())
    _change("UPDATE refunds SET status = 'asked'")
    assert "are being given back of 0 that are left" in _broken()["I4"][0]


def test_i7_a_cancelled_order_whose_customer_was_not_told() -> None:
    drive(_called_off())
    _change("DELETE FROM notifications WHERE event = 'order_cancelled'")
    assert "is cancelled and its customer was not told" in _broken()["I7"][0]


def test_i10_more_is_sent_than_was_ordered() -> None:
    _sent_and_asked_back()
    assert _broken() == {}
    _change("UPDATE fulfilment_lines SET quantity = 3")
    told = _broken()["I10"]
    assert "3 of CHAIR sent, 2 ordered" in told[0]


def test_i10_more_comes_back_than_was_shipped() -> None:
    _sent_and_asked_back()
    _change("UPDATE returns SET status = 'received'")
    _change("UPDATE return_lines SET quantity = 3, received = 3")
    assert "3 of CHAIR came back, 2 shipped" in _broken()["I10"][0]


def test_i10_an_order_that_says_otherwise_than_its_parcels() -> None:
    _sent_and_asked_back()
    _change("UPDATE orders SET fulfilment_status = 'partial'")
    assert "says partial, its parcels fulfilled" in _broken()["I10"][0]


def test_i10_more_is_restocked_than_was_sold() -> None:
    _change("UPDATE stock_movements SET kind = 'return', quantity = 2 WHERE kind = 'sale'")
    assert "2 of CHAIR restocked, 0 sold" in _broken()["I10"][0]


def test_i12_a_run_that_was_accepted_and_never_sent() -> None:
    run = _accepted()
    long_ago = "'2020-01-01 00:00:00.000000'"
    _change(
        f"UPDATE runs SET sent_at = {long_ago}, due_at = {long_ago}, created_at = {long_ago} WHERE id = :id", id=run
    )
    broken = _broken()
    assert f"run {run} was accepted" in broken["I12"][0]
    assert set(broken) == {"I2", "I12"}
