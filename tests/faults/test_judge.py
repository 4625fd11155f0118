"""Without faults the tally is clean; and the judge puts each kind of wrong into its own list, and only there."""

from __future__ import annotations

import re
import smtplib
import time
from dataclasses import replace
from email.message import EmailMessage
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.tally import Tally
from tests.stack import Client, Order, Stack

TOTAL = 1999 + 490


@pytest.mark.sample("embedded")
def test_in_fair_weather_nobody_has_anything_to_complain_of(stack: Stack) -> None:
    judge = Judge(stack)
    with Shoppers(stack, judge, stack.sku(on_hand=100), tokens=("tok_ok", "tok_declined", "tok_flaky")):
        time.sleep(2)
    judge.faults_are_over()
    tally = judge.verdict()
    tally.must_be_clean()
    assert tally.accepted == len(judge) >= 3


@pytest.mark.sample("embedded")
def test_an_order_whose_job_does_not_exist_is_lost(stack: Stack) -> None:
    judge, client, order = _ordered(stack)
    judge.keep(client, replace(order, job_id=str(uuid4())))
    tally = judge.verdict()
    assert (len(tally.lost), tally.unexpected, tally.doubled) == (1, [], [])
    assert "is missing" in tally.lost[0]


@pytest.mark.sample("embedded")
def test_an_order_that_does_not_end_is_lost(stack: Stack) -> None:
    judge, client, order = _ordered(stack, token="tok_3ds")
    client.until(order.job_id, lambda job: job["status"] == "waiting")
    judge.keep(client, order)
    tally = judge.verdict(seconds=1)
    assert (len(tally.lost), tally.unexpected, tally.doubled) == (1, [], [])
    assert "is open" in tally.lost[0]


@pytest.mark.sample("embedded")
@pytest.mark.parametrize(("token", "should"), [("tok_ok", "failed"), ("tok_declined", "succeeded")])
def test_an_order_that_ended_otherwise_than_it_should_is_unexpected(stack: Stack, token: str, should: str) -> None:
    judge, client, order = _ordered(stack, token)
    judge.keep(client, order, (should,))
    tally = judge.verdict()
    assert (tally.lost, len(tally.unexpected), tally.doubled) == ([], 1, [])
    ended = "failed" if should == "succeeded" else "succeeded"
    assert tally.unexpected[0].startswith(f"order {order.id} {ended}: ")


@pytest.mark.sample("embedded")
def test_a_mail_sent_twice_through_smtp_is_doubled(stack: Stack) -> None:
    judge, client, order = _ordered(stack)
    judge.keep(client, order)
    client.finished(order.job_id)
    _tell_again(stack, order)
    tally = judge.verdict()
    assert (tally.lost, tally.unexpected, len(tally.doubled)) == ([], [], 1)
    assert tally.doubled[0].startswith(f"order {order.id} was told 2 times")


@pytest.mark.sample("embedded")
def test_the_window_of_smtp_forgives_the_same_mail_and_no_other(stack: Stack) -> None:
    judge, client, order = _ordered(stack)
    judge.keep(client, order, may_be_told_twice=True)
    client.finished(order.job_id)
    [mail] = stack.mails(order)
    _tell_again(stack, order, mail["message_id"])
    assert judge.verdict().faults == []
    _tell_again(stack, order)
    assert len(judge.verdict().doubled) == 1


@pytest.mark.sample("embedded")
def test_a_window_of_smtp_forgives_only_whom_it_found_open(stack: Stack) -> None:
    judge, early, order = _ordered(stack)
    judge.keep(early, order)
    early.finished(order.job_id)
    with judge.smtp_window():
        client = stack.client()
        within = client.place(stack.sku())
        judge.keep(client, within)
        client.finished(within.job_id)
    for told in (order, within):
        [mail] = stack.mails(told)
        _tell_again(stack, told, mail["message_id"])
    [line] = judge.verdict().faults
    assert line.startswith(f"order {order.id} was told 2 times")
    assert judge.told_again == [f"order {within.id}"]


@pytest.mark.sample("embedded")
@pytest.mark.parametrize(("end", "faults"), [("failed:card_declined", 0), ("failed:out_of_stock", 1)])
def test_an_end_may_say_for_which_reason(stack: Stack, end: str, faults: int) -> None:
    judge, client, order = _ordered(stack, "tok_declined")
    judge.keep(client, order, (end,))
    assert len(judge.verdict().unexpected) == faults


@pytest.mark.sample("embedded")
def test_a_second_capture_made_by_hand_is_doubled_and_the_doctor_says_so(fresh_stack: Stack) -> None:
    judge, client, order = _ordered(fresh_stack)
    judge.keep(client, order)
    client.finished(order.job_id)
    body = {"amount": TOTAL, "currency": "EUR", "source": "tok_ok", "capture": True, "reference": order.id}
    assert fresh_stack.bank.call("POST", "/v1/charges", body, key="by hand").status == 201
    tally = judge.verdict()
    assert (tally.lost, tally.doubled) == ([], [f"order {order.id} was captured 2 times"])
    assert [re.match("I[0-9]+", line).group() for line in tally.unexpected] == ["I3", "I3", "I4"]  # type: ignore[union-attr]


@pytest.mark.sample("embedded")
def test_a_capture_of_another_amount_is_unexpected(stack: Stack) -> None:
    judge, client, order = _ordered(stack)
    order.body["order"]["total"]["amount"] += 1
    judge.keep(client, order)
    tally = judge.verdict()
    assert (tally.lost, tally.doubled) == ([], [])
    assert tally.unexpected == [f"order {order.id} of {TOTAL + 1}: captured [{TOTAL}], refunded []"]


@pytest.mark.sample
def test_a_tally_that_is_not_clean_fails_the_drill_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    line = "accepted 2, lost 1, recovered 0, unexpected 0, doubled 0"
    with pytest.raises(AssertionError, match=f"{line}\norder 7 is gone"):
        Tally(accepted=2, lost=["order 7 is gone"]).must_be_clean()
    assert capsys.readouterr().out == f"{line}\n"


def _ordered(stack: Stack, token: str = "tok_ok") -> tuple[Judge, Client, Order]:
    client = stack.client()
    return Judge(stack), client, client.place(stack.sku(), token=token)


def _tell_again(stack: Stack, order: Order, message_id: str = "<by-hand@example.com>") -> None:
    mail = EmailMessage()
    mail["Subject"], mail["Message-ID"] = f"Your order {order.number} is confirmed", message_id
    mail["From"], mail["To"] = "shop@example.com", "somebody@example.com"
    where = urlsplit(stack.sink.smtp_url)
    with smtplib.SMTP(where.hostname or "", where.port or 0) as smtp:
        smtp.send_message(mail)
