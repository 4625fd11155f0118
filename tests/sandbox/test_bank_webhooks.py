from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.receiver import Receiver, receiver
from tests.sandbox.shopping import act, charge
from tests.sandboxes import Bank, free_port, request, start_bank, wait_until


@pytest.fixture
def door() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def telling_bank(door: Receiver, tmp_path: Path) -> Iterator[Bank]:
    bank = start_bank(tmp_path, webhook_url=door.url, webhook_backoff=0.05)
    yield bank
    bank.stop()


def test_an_approval_is_told_and_signed(telling_bank: Bank, door: Receiver) -> None:
    asked = charge(telling_bank, "order-1", "tok_3ds").body["id"]
    assert door.came == []
    telling_bank.complete_3ds(asked)
    wait_until(lambda: door.came)
    headers, body = door.came[0]
    event = json.loads(body)
    assert event["type"] == "charge.succeeded"
    assert event["data"]["charge"]["id"] == asked
    assert event["data"]["charge"]["reference"] == "order-1"
    at, given = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Bank-Signature"]).groups()  # type: ignore[union-attr]
    expected = hmac.new(telling_bank.webhook_secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    assert given == expected.hexdigest()
    assert abs(time.time() - int(at)) < 10


def test_a_refusal_is_told(telling_bank: Bank, door: Receiver) -> None:
    telling_bank.complete_3ds(charge(telling_bank, "order-1", "tok_3ds").body["id"], "refuse")
    wait_until(lambda: door.came)
    assert json.loads(door.came[0][1])["type"] == "charge.failed"


def test_an_event_is_told_again_until_it_is_taken(telling_bank: Bank, door: Receiver) -> None:
    door.statuses = [500, 302, 404]
    telling_bank.complete_3ds(charge(telling_bank, "order-1", "tok_3ds").body["id"])
    wait_until(lambda: len(door.came) == 4)
    assert len({json.loads(body)["id"] for _, body in door.came}) == 1
    time.sleep(0.5)
    assert len(door.came) == 4


def test_events_wait_while_nobody_listens(tmp_path: Path) -> None:
    bank = start_bank(tmp_path, webhook_url=f"http://127.0.0.1:{free_port()}/", webhook_backoff=0.05)
    bank.complete_3ds(charge(bank, "order-1", "tok_3ds").body["id"])
    bank.kill()
    with receiver() as door:
        told = start_bank(tmp_path, webhook_url=door.url, webhook_backoff=0.05)
        wait_until(lambda: door.came)
        told.stop()
    assert json.loads(door.came[0][1])["data"]["charge"]["reference"] == "order-1"


def test_a_transfer_is_told_unless_it_is_to_be_lost(telling_bank: Bank, door: Receiver) -> None:
    telling_bank.transfer(5, "lost", told=False)
    sent = telling_bank.transfer(7, "told")
    wait_until(lambda: door.came)
    told = json.loads(door.came[0][1])
    assert (told["type"], told["data"]["transfer"]) == ("transfer.received", sent)
    assert [(row["amount"], row["reference"]) for row in telling_bank.ledger()["transfers"]] == [
        (5, "lost"),
        (7, "told"),
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 0}, "invalid_amount"),
        ({"currency": "XXX"}, "invalid_currency"),
        ({"reference": "a\nb"}, "invalid_reference"),
        ({"told": 1}, "invalid_told"),
        ({"to": "me"}, "unknown_parameter"),
    ],
)
def test_a_transfer_that_makes_no_sense_is_not_booked(bank: Bank, change: dict[str, object], code: str) -> None:
    before = len(bank.ledger()["transfers"])
    answer = request("POST", f"{bank.url}/transfers", {"amount": 5, "currency": "EUR", "reference": "x"} | change)
    assert (answer.status, answer.body["error"]["code"]) == (422, code)
    assert len(bank.ledger()["transfers"]) == before


def test_everything_is_told_when_asked_to(telling_bank: Bank, door: Receiver) -> None:
    telling_bank.control(webhooks="all")
    held = charge(telling_bank, "order-1", capture=False).body["id"]
    act(telling_bank, held, "capture", "c")
    act(telling_bank, held, "refunds", "r", amount=1)
    other = charge(telling_bank, "order-2", capture=False).body["id"]
    act(telling_bank, other, "void", "v")
    wait_until(lambda: len(door.came) == 5)
    assert sorted(json.loads(body)["type"] for _, body in door.came) == [
        "charge.authorized",
        "charge.authorized",
        "charge.captured",
        "charge.refunded",
        "charge.voided",
    ]
