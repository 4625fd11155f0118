"""What every payment provider must do; the same tests over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from engine.outcomes import Refused
from gateways.payments import Entry, Intent, PaymentGateway, Receipt
from gateways.payments.instant import InstantPayments
from gateways.payments.sandbox import SandboxPayments
from tests.peers.stripe import StripePeer
from tests.sandboxes import Bank


@pytest.fixture
def sandbox(bank: Bank) -> PaymentGateway:
    return SandboxPayments(bank.url, bank.api_key, bank.webhook_secret)


@pytest.fixture
def instant() -> PaymentGateway:
    return InstantPayments()


@pytest.fixture
def stripe(stripe_peer: StripePeer) -> PaymentGateway:
    """Over localstripe, with Stripe's test cards for the bank's tokens."""
    return stripe_peer.gateway()


@pytest.fixture(params=["sandbox", "instant", "stripe"])
def gateway(request: pytest.FixtureRequest) -> Iterator[PaymentGateway]:
    made = request.getfixturevalue(request.param)
    yield made
    made.close()


def intent(reference: str, token: str = "tok_ok", *, capture: bool = True) -> Intent:
    return Intent(1000, "USD", token, reference, capture)


def refusal(call: object, *args: object, **more: object) -> str:
    with pytest.raises(Refused) as no:
        call(*args, **more)  # type: ignore[operator]
    return no.value.code


def test_a_charge_is_captured(gateway: PaymentGateway, reference: str) -> None:
    receipt = gateway.charge(intent(reference), key=reference)
    assert receipt == Receipt(receipt.provider_id, "captured", 1000, "USD", None)
    assert gateway.fetch(receipt.provider_id) == receipt


def test_a_repeated_key_is_the_same_charge(gateway: PaymentGateway, reference: str) -> None:
    assert gateway.charge(intent(reference), key=reference) == gateway.charge(intent(reference), key=reference)


def test_a_declined_card_is_refused(gateway: PaymentGateway, reference: str) -> None:
    assert refusal(gateway.charge, intent(reference, "tok_declined"), key=reference) == "card_declined"


def test_an_authorisation_is_captured_later_in_part(gateway: PaymentGateway, reference: str) -> None:
    held = gateway.charge(intent(reference, capture=False), key=f"{reference}:a")
    assert held.status == "authorised"
    assert refusal(gateway.capture, held.provider_id, 1001, key=f"{reference}:b") == "capture_exceeds_authorization"
    taken = gateway.capture(held.provider_id, 400, key=f"{reference}:c")
    assert (taken.provider_id, taken.status, taken.amount) == (held.provider_id, "captured", 400)
    assert gateway.capture(held.provider_id, 400, key=f"{reference}:c") == taken
    assert refusal(gateway.capture, held.provider_id, key=f"{reference}:d") == "charge_already_captured"


@pytest.fixture(params=["sandbox", "instant"])
def by_parts(request: pytest.FixtureRequest) -> Iterator[PaymentGateway]:
    made = request.getfixturevalue(request.param)
    yield made
    made.close()


def test_a_receipt_says_whether_an_authorisation_is_captured_in_parts(
    by_parts: PaymentGateway, stripe: PaymentGateway, reference: str
) -> None:
    asked = intent(reference, capture=False)
    assert [one.charge(asked, key=reference).in_parts for one in (by_parts, stripe)] == [True, False]


def test_parts_stop_at_what_was_authorised_and_the_last_closes_it(by_parts: PaymentGateway, reference: str) -> None:
    held = by_parts.charge(intent(reference, capture=False), key=f"{reference}:a").provider_id
    parts = [by_parts.capture(held, n, key=f"{reference}:{n}", final=False) for n in (300, 300, 200)]
    assert parts[0] == parts[1], "the same key"
    assert [(one.amount, one.status) for one in parts[1:]] == [(300, "authorised"), (200, "authorised")]
    assert (by_parts.fetch(held).status, by_parts.fetch(held).amount) == ("authorised", 500)
    no = refusal(by_parts.capture, held, 501, key=f"{reference}:501", final=False)
    assert no == "capture_exceeds_authorization"
    last = by_parts.capture(held, 500, key=f"{reference}:500", final=False)
    assert (last.amount, last.status, by_parts.fetch(held).amount) == (500, "captured", 1000)
    no = refusal(by_parts.capture, held, 1, key=f"{reference}:1", final=False)
    assert no == "charge_already_captured"


def test_what_no_part_has_taken_is_voided_and_parts_are_given_back(by_parts: PaymentGateway, reference: str) -> None:
    held = by_parts.charge(intent(reference, capture=False), key=f"{reference}:a").provider_id
    by_parts.capture(held, 400, key=f"{reference}:c", final=False)
    assert refusal(by_parts.refund, held, 401, key=f"{reference}:r") == "refund_exceeds_charge"
    by_parts.refund(held, 400, key=f"{reference}:r4")
    assert by_parts.fetch(held).status == "authorised"
    let_go = by_parts.void(held, key=f"{reference}:v")
    assert (let_go.status, let_go.amount, let_go.in_parts) == ("refunded", 400, False)


def test_an_authorisation_is_voided(gateway: PaymentGateway, reference: str) -> None:
    held = gateway.charge(intent(reference, capture=False), key=f"{reference}:a")
    assert gateway.void(held.provider_id, key=f"{reference}:v").status == "voided"
    assert gateway.void(held.provider_id, key=f"{reference}:v").status == "voided"
    assert gateway.find(f"{reference}:a") == Receipt(held.provider_id, "voided", 1000, "USD", None)


def test_refunds_stop_at_what_was_taken(gateway: PaymentGateway, reference: str) -> None:
    bought = gateway.charge(intent(reference), key=f"{reference}:a").provider_id
    back = gateway.refund(bought, 600, key=f"{reference}:r1")
    assert (back.status, back.amount, back.currency) == ("refunded", 600, "USD")
    assert gateway.refund(bought, 600, key=f"{reference}:r1") == back
    assert refusal(gateway.refund, bought, 401, key=f"{reference}:r2") == "refund_exceeds_charge"
    assert gateway.fetch(bought).status == "captured"
    gateway.refund(bought, 400, key=f"{reference}:r3")
    assert gateway.fetch(bought).status == "refunded"


def test_a_key_is_found_only_once_it_was_used(gateway: PaymentGateway, reference: str) -> None:
    assert gateway.find(f"{reference}:a") is None
    receipt = gateway.charge(intent(reference), key=f"{reference}:a")
    assert gateway.find(f"{reference}:a") == receipt
    back = gateway.refund(receipt.provider_id, 1, key=f"{reference}:r")
    assert gateway.find(f"{reference}:r") == back


def test_finding_a_declined_key_tells_the_refusal_again(gateway: PaymentGateway, reference: str) -> None:
    refusal(gateway.charge, intent(reference, "tok_declined"), key=reference)
    assert refusal(gateway.find, reference) == "card_declined"


def test_a_charge_nobody_made_is_refused(gateway: PaymentGateway, reference: str) -> None:
    assert refusal(gateway.fetch, "ch_none") == "charge_not_found"
    assert refusal(gateway.refund, "ch_none", 1, key=reference) == "charge_not_found"


def test_a_token_is_never_shown(reference: str) -> None:
    assert "tok_ok" not in repr(intent(reference))


# --- the ledger, of those that keep one -----------------------------------------------------------


@pytest.fixture(params=["sandbox", "stripe"])
def keeper(request: pytest.FixtureRequest) -> Iterator[PaymentGateway]:
    made = request.getfixturevalue(request.param)
    yield made
    made.close()


def booked(gateway: PaymentGateway, since: datetime, until: datetime, reference: str) -> set[Entry]:
    """What the ledger says of this order, page after page."""
    found, page = [], gateway.ledger(since, until)
    found.extend(page.entries)
    while page.next:
        page = gateway.ledger(since, until, page.next)
        found.extend(page.entries)
    assert len({(entry.kind, entry.provider_id) for entry in found}) == len(found), "each movement once"
    return {entry for entry in found if entry.reference == reference}


def test_the_ledger_tells_what_moved_and_by_which_ids_it_is_known(keeper: PaymentGateway, reference: str) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    bought = keeper.charge(intent(reference), key=f"{reference}:a").provider_id
    held = keeper.charge(intent(reference, capture=False), key=f"{reference}:h").provider_id
    keeper.void(keeper.charge(intent(reference, capture=False), key=f"{reference}:v").provider_id, key=f"{reference}:w")
    keeper.capture(held, 400, key=f"{reference}:c")
    back = keeper.refund(bought, 600, key=f"{reference}:r").provider_id
    refusal(keeper.charge, intent(reference, "tok_declined"), key=f"{reference}:d")

    ended = datetime.now(UTC) + timedelta(seconds=2)
    found = booked(keeper, begun, ended, reference)
    assert {(entry.kind, entry.provider_id, entry.amount, entry.currency) for entry in found} == {
        ("capture", bought, 1000, "USD"),
        ("capture", held, 400, "USD"),
        ("refund", back, 600, "USD"),
    }
    assert all(begun <= entry.at < ended for entry in found)
    assert booked(keeper, ended, ended + timedelta(days=1), reference) == set()


def test_a_long_ledger_comes_in_pages(keeper: PaymentGateway, reference: str) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    bought = keeper.charge(intent(reference), key=reference).provider_id
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: keeper.refund(bought, 1, key=f"{reference}:{number}"), range(102)))
    until = datetime.now(UTC) + timedelta(seconds=2)
    assert keeper.ledger(begun, until).next is not None
    assert Counter(entry.kind for entry in booked(keeper, begun, until, reference)) == {"capture": 1, "refund": 102}


def test_a_bank_without_a_ledger_says_so(instant: PaymentGateway) -> None:
    now = datetime.now(UTC)
    assert refusal(instant.ledger, now, now) == "provider_keeps_no_ledger"


# --- money sent to our account, of those that tell of it ------------------------------------------


def test_transfers_are_told_one_by_one_and_in_pages(sandbox: PaymentGateway, bank: Bank, reference: str) -> None:
    assert sandbox.transfers is not None
    begun = datetime.now(UTC).replace(microsecond=0)
    sent = [bank.transfer(amount, reference)["id"] for amount in range(1, 103)]
    until = datetime.now(UTC) + timedelta(seconds=2)
    first = sandbox.transfers.came(begun, until)
    assert first.next is not None
    rest = sandbox.transfers.came(begun, until, first.next)
    mine = [one for page in (first, rest) for one in page.transfers if one.reference == reference]
    assert ([one.id for one in mine], [one.amount for one in mine], rest.next) == (sent, list(range(1, 103)), None)
    one = sandbox.transfers.fetch(sent[0])
    assert (one, one.currency, begun <= one.at < until) == (mine[0], "EUR", True)
    assert refusal(sandbox.transfers.fetch, "tr_none") == "transfer_not_found"
    assert sandbox.transfers.came(until, until + timedelta(days=1)).transfers == []
    sandbox.close()


def test_others_say_that_they_know_of_none(instant: PaymentGateway, stripe: PaymentGateway) -> None:
    assert (instant.transfers, stripe.transfers) == (None, None)
