from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.shopping import act, charge
from tests.sandboxes import Answer, Bank, start_bank, wait_until


@pytest.mark.slow
def test_kill_9_in_a_storm_loses_no_answer_and_doubles_no_charge(tmp_path: Path) -> None:
    bank = start_bank(tmp_path)
    names = [f"order-{number}" for number in range(400)]
    with ThreadPoolExecutor(16) as pool:
        storm = [pool.submit(_try_to_charge, bank, name) for name in names]
        wait_until(lambda: sum(future.done() for future in storm) > 100)
        bank.kill()
        before = {name: future.result() for name, future in zip(names, storm, strict=True)}
    assert any(answer is None for answer in before.values()), "the kill came too late to hit anything"
    bank.start()
    after = {name: charge(bank, name) for name in names}
    bank.stop()
    assert all(answer.status == 201 for answer in after.values())
    assert all(answer.body == after[name].body for name, answer in before.items() if answer)
    assert _count(tmp_path, "select count(*), count(distinct reference) from charges") == (400, 400)
    assert _count(tmp_path, "select count(*), count(distinct reference) from entries") == (400, 400)
    assert _count(tmp_path, "select count(*) from requests") == (400,)


@pytest.mark.slow
def test_a_request_in_flight_when_the_bank_dies_never_happened(tmp_path: Path) -> None:
    bank = start_bank(tmp_path, slow_seconds=5)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(_try_to_charge, bank, "order-1", "tok_slow")
        wait_until(lambda: bank.call("GET", "/v1/requests/order-1:charge").status == 200)
        bank.kill()
        assert slow.result() is None
    bank.start()
    assert bank.call("GET", "/v1/requests/order-1:charge").status == 404
    assert bank.ledger("order-1")["charges"] == []
    bank.stop()


@pytest.mark.slow
def test_a_stopped_bank_remembers_everything(tmp_path: Path) -> None:
    bank = start_bank(tmp_path)
    bought = charge(bank, "order-1").body
    refund = act(bank, bought["id"], "refunds", "order-1:refund", amount=400).body
    bank.stop()
    bank.start()
    assert charge(bank, "order-1").body == bought
    assert act(bank, bought["id"], "refunds", "order-1:refund", amount=400).body == refund
    assert bank.ledger()["totals"] == {"USD": {"charges": 1, "captured": 1000, "refunded": 400, "net": 600}}
    bank.stop()


def _try_to_charge(bank: Bank, name: str, token: str = "tok_ok") -> Answer | None:
    try:
        return charge(bank, name, token)
    except OSError:
        return None


def _count(tmp_path: Path, query: str) -> tuple[int, ...]:
    db = sqlite3.connect(tmp_path / "bank.db")
    try:
        return tuple(db.execute(query).fetchone())
    finally:
        db.close()
