"""What a card is paid with reaches the bank, and no run, message, answer or log."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from kombu.messaging import Producer

from engine.dispatch import flusher
from shop.orders.orders import OrderRow
from tests.api.bank import Bank
from tests.api.catalogue_data import count, order, put_on_shelf, wish
from tests.api.clients import Person, problem
from tests.api.http.test_foreign_ids import everything
from tests.api.inline_worker import drive

TOKEN = "tok_of_ada"
CARDS = ("4242424242424242", "4242 4242-4242 4242", "378282246310005", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢")
NO_CARDS = ("4242424242424241", "42424242424", "tok_4242424242424242")

pytestmark = [
    pytest.mark.usefixtures("sent"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),  # of the process, not of the database
]


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that goes to the broker: bodies, and headers with what Flower shows of them."""
    published: list[str] = []
    real = Producer.publish

    def publish(self: Producer, *args: Any, **kwargs: Any) -> Any:
        published.append(repr((args, kwargs)))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Producer, "publish", publish)
    return published


def test_a_token_reaches_the_bank_and_no_run_message_or_log(
    ada: Person, bank: Bank, logged: StringIO, messages: list[str]
) -> None:
    put_on_shelf("CHAIR")
    placed = order(ada, token=TOKEN)
    job, id = placed["job"]["id"], placed["order"]["id"]
    assert flusher().wait_until_sent(10)
    assert {table for table, rows in everything().items() if TOKEN in repr(rows)} == {"payments"}
    assert drive(job) == "succeeded"
    assert [intent.token for intent in bank.intents] == [TOKEN]
    assert bank.taken(id) == placed["order"]["total"]["amount"]
    assert TOKEN not in repr(everything()), "it has served"
    for told in ("".join(messages), logged.getvalue()):
        assert TOKEN not in told
    assert any(job in message for message in messages)
    assert "orders.place_order" in logged.getvalue()


def test_a_cards_number_is_refused_and_kept_nowhere(ada: Person, bank: Bank, logged: StringIO) -> None:
    put_on_shelf("CHAIR")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    for number in CARDS:
        answer = ada.post("/api/orders", wish(token=number), **{"Idempotency-Key": "k"})
        assert problem(answer) == (422, "validation_failed")
        assert list(answer.json["errors"]) == ["payment.token"]
        assert number not in answer.text + logged.getvalue() + repr(everything())
    assert (count(OrderRow), bank.intents) == (0, [])


def test_what_only_looks_like_one_is_a_token(ada: Person, bank: Bank) -> None:
    put_on_shelf("CHAIR")
    for token in NO_CARDS:
        assert drive(order(ada, token=token)["job"]["id"]) == "succeeded"
    assert [intent.token for intent in bank.intents] == list(NO_CARDS)
