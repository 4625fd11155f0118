"""How the sandbox gateway sorts what goes wrong."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from engine.outcomes import Refused, TryAgain, Unknown
from gateways.payments import Intent, Receipt
from gateways.payments.sandbox import SandboxPayments
from tests.gateways.replies import http, replying
from tests.sandboxes import Bank, free_port, wait_until

TOKEN = "tok_of_nobody_at_all"


@pytest.fixture
def gateway(bank: Bank) -> Iterator[SandboxPayments]:
    made = SandboxPayments(bank.url, bank.api_key, bank.webhook_secret)
    yield made
    made.close()


def intent(reference: str, token: str = "tok_ok") -> Intent:
    return Intent(1000, "USD", token, reference)


def charge_at(url: str) -> Receipt:
    gateway = SandboxPayments(url, "key", "secret")
    try:
        return gateway.charge(intent("order-1", TOKEN), key="k")
    finally:
        gateway.close()


def test_a_charge_cut_off_after_sending_is_unknown_and_found(
    gateway: SandboxPayments, bank: Bank, reference: str
) -> None:
    with pytest.raises(Unknown) as lost:
        gateway.charge(intent(reference, "tok_charged_then_timeout"), key=reference)
    assert lost.value.code == "provider_silent"
    found = gateway.find(reference)
    assert found == gateway.charge(intent(reference, "tok_charged_then_timeout"), key=reference)
    assert len(bank.captures(reference)) == 1


def test_a_key_in_flight_is_unknown(gateway: SandboxPayments, reference: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(gateway.charge, intent(reference, "tok_slow"), key=reference)
        wait_until(lambda: _outcome(gateway, reference) == "idempotency_in_flight")
        with pytest.raises(Unknown) as busy:
            gateway.charge(intent(reference, "tok_slow"), key=reference)
        assert busy.value.code == "idempotency_in_flight"
        assert slow.result().status == "captured"


def test_a_busy_bank_says_when_to_try_again(gateway: SandboxPayments, reference: str) -> None:
    for _ in range(2):
        with pytest.raises(TryAgain) as busy:
            gateway.charge(intent(reference, "tok_flaky"), key=reference)
        assert not isinstance(busy.value, Unknown)
        assert (busy.value.code, busy.value.after) == ("provider_busy", 1.0)
    assert gateway.charge(intent(reference, "tok_flaky"), key=reference).status == "captured"


def test_a_reused_key_is_refused(gateway: SandboxPayments, reference: str) -> None:
    gateway.charge(intent(reference), key=reference)
    with pytest.raises(Refused, match="idempotency_key_reused"):
        gateway.charge(Intent(1, "USD", "tok_ok", reference), key=reference)


def test_a_challenge_is_answered_with_the_same_key(gateway: SandboxPayments, bank: Bank, reference: str) -> None:
    asked = gateway.charge(intent(reference, "tok_3ds"), key=reference)
    assert asked.status == "requires_action"
    assert asked.next_action == {"type": "redirect", "url": f"{bank.url}/3ds/{asked.provider_id}"}
    assert gateway.charge(intent(reference, "tok_3ds"), key=reference) == asked
    bank.complete_3ds(asked.provider_id)
    paid = Receipt(asked.provider_id, "captured", 1000, "USD", None)
    assert gateway.charge(intent(reference, "tok_3ds"), key=reference) == paid
    assert gateway.find(reference) == paid
    assert gateway.fetch(asked.provider_id) == paid


def test_a_challenge_the_shopper_fails_is_a_refusal(gateway: SandboxPayments, bank: Bank, reference: str) -> None:
    asked = gateway.charge(intent(reference, "tok_3ds"), key=reference)
    bank.complete_3ds(asked.provider_id, "refuse")
    asks: list[Callable[[], Receipt | None]] = [
        lambda: gateway.fetch(asked.provider_id),
        lambda: gateway.find(reference),
        lambda: gateway.charge(intent(reference, "tok_3ds"), key=reference),
    ]
    for ask in asks:
        with pytest.raises(Refused, match="authentication_failed"):
            ask()


def test_a_refund_refused_may_go_well_under_another_key(gateway: SandboxPayments, bank: Bank, reference: str) -> None:
    bought = gateway.charge(intent(reference, "tok_refund_refused"), key=reference).provider_id
    for _ in range(2):
        with pytest.raises(Refused, match="refund_refused"):
            gateway.refund(bought, 1000, key=f"{reference}:r1")
    assert bank.refunds(reference) == []
    assert gateway.refund(bought, 1000, key=f"{reference}:r2").status == "refunded"


def test_captures_of_one_authorisation_are_told_apart_in_the_ledger(gateway: SandboxPayments, reference: str) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)
    held = gateway.charge(Intent(1000, "USD", "tok_ok", reference, capture=False), key=reference).provider_id
    parts = [gateway.capture(held, n, key=f"{reference}:{n}", final=False) for n in (300, 200, 500)]
    ours = [one.moved or one.provider_id for one in parts]
    page = gateway.ledger(begun, datetime.now(UTC) + timedelta(seconds=1))
    theirs = [(one.provider_id, one.amount) for one in page.entries if one.reference == reference]
    assert theirs == [(held, 300), (ours[1], 200), (ours[2], 500)]
    assert len(set(ours)) == 3


def test_keys_with_odd_characters_are_found(gateway: SandboxPayments, reference: str) -> None:
    key = f"{reference}/a b?c#d%2F:é"[:200].encode("ascii", "ignore").decode()
    assert gateway.find(key) is None
    receipt = gateway.charge(intent(reference), key=key)
    assert gateway.find(key) == receipt


def test_nobody_listening_means_nothing_happened() -> None:
    with pytest.raises(TryAgain) as gone:
        charge_at(f"http://127.0.0.1:{free_port()}")
    assert (type(gone.value), gone.value.code) == (TryAgain, "provider_unreachable")


def test_a_wrong_key_is_our_own_mistake_and_waits_for_us(bank: Bank) -> None:
    with pytest.raises(TryAgain) as wrong:
        charge_at(bank.url)
    assert (type(wrong.value), wrong.value.code) == (TryAgain, "provider_misconfigured")


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (b"", Unknown, "provider_silent"),
        (b"HTTP/1.1 201 Cre", Unknown, "provider_garbled"),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{", Unknown, "provider_silent"),
        (b"not http at all\r\n\r\n", Unknown, "provider_silent"),
        (http("201 Created", "[]"), Unknown, "provider_garbled"),
        (http("201 Created", "<html>"), Unknown, "provider_garbled"),
        (http("201 Created", '{"id": "ch_1"}'), Unknown, "provider_garbled"),
        (http("302 Found", "{}", "Location: /elsewhere"), Unknown, "provider_error"),
        (http("500 Oops"), Unknown, "provider_error"),
        (http("502 Bad Gateway", "<html>"), Unknown, "provider_error"),
        (http("400 Bad Request", "<html>"), Unknown, "provider_error"),
        (http("409 Conflict", '{"error": {"code": "idempotency_in_flight"}}'), Unknown, "idempotency_in_flight"),
        (http("429 Slow", "{}", "Retry-After: 7"), TryAgain, "provider_busy"),
        (http("503 Busy", "{}", "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT"), Unknown, "provider_busy"),
        (http("503 Busy", '{"error": {"code": "temporarily_unavailable"}}'), TryAgain, "provider_busy"),
        (http("403 Forbidden"), TryAgain, "provider_misconfigured"),
        (http("402 No", '{"error": {"code": "card_declined"}}'), Refused, "card_declined"),
    ],
)
def test_each_bad_answer_has_its_meaning(reply: bytes, kind: type[Exception], code: str) -> None:
    with replying(reply) as url, pytest.raises((Refused, TryAgain)) as outcome:
        charge_at(url)
    assert (type(outcome.value), outcome.value.code) == (kind, code)


def test_retry_after_is_honoured_in_seconds() -> None:
    with replying(http("429 Slow", "{}", "Retry-After: 7")) as url, pytest.raises(TryAgain) as busy:
        charge_at(url)
    assert busy.value.after == 7.0


def test_no_outcome_tells_the_token() -> None:
    echo = http("402 No", f'{{"error": {{"code": "invalid_token", "message": "No such token: {TOKEN}"}}}}')
    for reply in (echo, b"", http("500 Oops", TOKEN)):
        with replying(reply) as url, pytest.raises((Refused, TryAgain)) as outcome:
            charge_at(url)
        told = "".join(traceback.format_exception(outcome.value)) + repr(outcome.value)
        assert TOKEN not in told
        assert "Bearer" not in told


def test_a_restarted_bank_costs_at_most_one_unknown(gateway: SandboxPayments, bank: Bank, reference: str) -> None:
    gateway.charge(intent(reference), key=f"{reference}:1")
    bank.kill()
    with pytest.raises(TryAgain):
        gateway.charge(intent(reference), key=f"{reference}:2")
    bank.start()
    assert gateway.charge(intent(reference), key=f"{reference}:2").status == "captured"
    assert len(bank.captures(reference)) == 2


def test_many_threads_share_one_gateway(gateway: SandboxPayments, bank: Bank, reference: str) -> None:
    with ThreadPoolExecutor(32) as pool:
        made = list(pool.map(lambda n: gateway.charge(intent(reference), key=f"{reference}:{n}"), range(200)))
    assert len({receipt.provider_id for receipt in made}) == 200
    assert len(bank.captures(reference)) == 200


def test_a_silent_bank_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch, bank: Bank, reference: str) -> None:
    monkeypatch.setattr("gateways.payments.transport.READ_SECONDS", 0.2)
    hasty = SandboxPayments(bank.url, bank.api_key, bank.webhook_secret)
    with pytest.raises(Unknown, match="provider_silent"):
        hasty.charge(intent(reference, "tok_slow"), key=reference)
    wait_until(lambda: bank.captures(reference))
    assert hasty.find(reference) == hasty.charge(intent(reference, "tok_slow"), key=reference)
    hasty.close()


def _outcome(gateway: SandboxPayments, key: str) -> str | None:
    try:
        return str(gateway.find(key))
    except Unknown as outcome:
        return outcome.code
