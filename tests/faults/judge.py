"""The judge keeps the customers' own list of 202s, and compares it with sources outside of the program under test.

They are the bank's ledger, the mail sink and, for what only the program can know, the doctor.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.tally import Tally
from tests.stack import Client, Order, Stack
from tests.stack.client import FINAL

SUCCEEDED = ("succeeded",)


@dataclass(frozen=True)
class Kept:
    """One accepted command: a client that may read its job, how it may end, what bank and mail sink must then have."""

    client: Client
    job_id: str
    name: str  # of the command, in the faults of the tally
    told: str  # the recipient of the mails that say it succeeded, or a word of their subjects
    ends: Collection[str] = SUCCEEDED  # "failed" with any error, "failed:out_of_stock" only with this one
    reference: str = ""  # at the bank
    total: int = 0  # captured at the bank if it succeeded, in minor units
    refunded: int = 0  # refunded of that if it succeeded
    mails: int = 1  # sent by then if it succeeded, with those of the commands before it
    mails_of_failure: int = 0  # sent if it failed
    outside: Callable[[], str | None] = lambda: None  # a further check; returns what is wrong, None if nothing is
    may_be_told_twice: bool = False  # SMTP's window for a second mail was forced open (P4)
    status: str = "open"
    job: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def end(self) -> set[str]:
        code = (self.job.get("error") or {}).get("code")
        return {self.status, f"{self.status}:{code}"}

    def was_open(self, since: datetime, until: datetime) -> bool:
        began, ended = (datetime.fromisoformat(self.job[name]) for name in ("created_at", "finished_at"))
        return began <= until and since <= ended


class Judge:
    """`keep` every 202, `faults_are_over` when they are, then `verdict`."""

    def __init__(self, stack: Stack, behind: float = 0.0) -> None:
        """behind: seconds by which the shop's clock may be behind ours when it records a time."""
        self.stack, self._behind = stack, timedelta(seconds=behind)
        self._kept: list[Kept] = []
        self._open_at_the_end: set[str] = set()
        self._windows: list[tuple[datetime, datetime]] = []
        self.told_again: list[str] = []  # commands whose mail came twice, in SMTP's window for that

    def __len__(self) -> int:
        return len(self._kept)

    def keep(
        self, client: Client, order: Order, ends: Collection[str] = SUCCEEDED, *, may_be_told_twice: bool = False
    ) -> None:
        """Keep an order. `ends`: how it may end; `may_be_told_twice`: see Kept."""
        self.add(replace(kept_order(client, order), ends=ends, may_be_told_twice=may_be_told_twice))

    def add(self, kept: Kept) -> None:
        """Keep any other command, or an order with further expectations."""
        self._kept.append(kept)

    @contextmanager
    def smtp_window(self) -> Iterator[None]:
        """Allow a second mail to commands that are open at any time of this block: the fault can come between a mail
        and its record (P4)."""
        since = datetime.now(UTC) - self._behind
        yield
        self._windows.append((since, datetime.now(UTC)))

    def faults_are_over(self) -> None:
        """Call this when the last fault is over: commands that are still open and end well have recovered."""
        self._open_at_the_end = {kept.job_id for kept in self._kept if _looked_at(kept).status not in FINAL}

    def verdict(self, seconds: float = 120.0) -> Tally:
        """Wait up to `seconds` until all accepted commands have ended, then compare, and return the tally (P2)."""
        deadline = time.monotonic() + seconds
        ended = _all_ended(self._kept, deadline)
        self._letters_are_out(deadline)
        tally = Tally(accepted=len(ended))
        captures, refunds = self._ledger("capture"), self._ledger("refund")
        ours = {"capture": self._books("capture"), "refund": self._books("refund")}
        mailbox = self._mailbox()
        for kept in ended:
            before = len(tally.faults)
            _judge_end(kept, tally)
            _judge_money(kept, captures[kept.reference], refunds[kept.reference], tally)
            if len(tally.faults) == before:  # who was captured twice is not complained of twice
                _judge_books(kept, "capture", captures[kept.reference], ours["capture"][kept.reference], tally)
                _judge_books(kept, "refund", refunds[kept.reference], ours["refund"][kept.reference], tally)
            self._judge_mails(kept, mailbox[kept.told], tally)
            tally.recovered += len(tally.faults) == before and kept.job_id in self._open_at_the_end
        tally.unexpected += self._doctor()
        return tally

    def _letters_are_out(self, deadline: float) -> None:
        """Wait for mails that have runs of their own beside the job; one that never leaves is found missing later."""
        open_ones = (
            "SELECT id FROM runs WHERE workflow IN ('send_notification', 'send_stock_alert') "
            "AND state NOT IN ('succeeded', 'failed', 'needs_attention')"
        )
        while self.stack.shelf.rows(open_ones) and time.monotonic() < deadline:
            time.sleep(0.2)

    def _judge_mails(self, kept: Kept, mails: list[str], tally: Tally) -> None:
        if len(mails) > kept.mails and self._may_be_told_twice(kept):
            self.told_again.append(kept.name)
            mails = list(set(mails))  # the same mail again: its Message-ID tells
        if len(mails) > kept.mails:
            tally.doubled.append(f"{kept.name} was told {len(mails)} times: {mails}")
        elif len(mails) != {"succeeded": kept.mails, "failed": kept.mails_of_failure}.get(kept.status, 0):
            tally.unexpected.append(f"{kept.name} {kept.status} and was told {len(mails)} times")

    def _may_be_told_twice(self, kept: Kept) -> bool:
        if kept.may_be_told_twice or kept.status not in FINAL:
            return kept.may_be_told_twice
        return any(kept.was_open(since, until) for since, until in self._windows)

    def _ledger(self, kind: str) -> dict[str, list[int]]:
        amounts: dict[str, list[int]] = defaultdict(list)
        for entry in self.stack.bank.ledger()["entries"]:
            if entry["kind"] == kind:
                amounts[entry["reference"]].append(entry["amount"])
        return amounts

    def _books(self, kind: str) -> dict[str, list[int]]:
        """Return the amounts by reference as `_ledger` does, from the shop's own ledger."""
        written = (
            "SELECT CAST(payments.order_id AS VARCHAR) AS reference, payment_transactions.amount AS amount "
            "FROM payment_transactions JOIN payments ON payments.id = payment_transactions.payment_id "
            "WHERE payment_transactions.kind = :kind AND payments.provider <> 'shop'"
        )
        amounts: dict[str, list[int]] = defaultdict(list)
        for row in self.stack.shelf.rows(written, kind=kind):
            amounts[row["reference"]].append(row["amount"])
        return amounts

    def _mailbox(self) -> dict[str, list[str]]:
        """Return the Message-IDs of all mails, by the words of their subjects and by their recipients."""
        found: dict[str, list[str]] = defaultdict(list)
        for mail in self.stack.sink.messages(brief=True):
            for word in {*mail["subject"].split(), *mail["to"]}:
                found[word].append(mail["message_id"])
        return found

    def _doctor(self) -> list[str]:
        findings = json.loads(self.stack.run("doctor", "--json", check=False))
        return [
            f"{row['invariant']}: {b}" for row in findings for b in (*row["breaches"], *filter(None, [row["unknown"]]))
        ]


def kept_order(client: Client, order: Order) -> Kept:
    total = order.body["order"]["total"]["amount"]
    money = {"reference": order.id, "total": total}
    return Kept(client, order.job_id, f"order {order.id}", order.number, mails_of_failure=1, **money)


def _all_ended(kept: list[Kept], deadline: float) -> list[Kept]:
    """Wait until all have ended, and return each with its last status; `open` and `missing` did not end."""
    found = {k.job_id: _looked_at(k) for k in kept}
    while any(k.status == "open" for k in found.values()) and time.monotonic() < deadline:
        time.sleep(0.2)
        found |= {id: _looked_at(k) for id, k in found.items() if k.status == "open"}
    return list(found.values())


def _looked_at(kept: Kept) -> Kept:
    answer = kept.client.call("GET", f"/api/jobs/{kept.job_id}")
    if answer.status == 404:
        return replace(kept, status="missing")
    assert answer.status == 200, f"{kept.job_id} -> {answer.status} {answer.body}"
    status = str(answer.body["status"])
    return replace(kept, job=answer.body, status=status if status in FINAL else "open")


def _judge_end(kept: Kept, tally: Tally) -> None:
    if kept.status in ("open", "missing"):
        tally.lost.append(f"{kept.name} (job {kept.job_id}) is {kept.status}")
    elif kept.end.isdisjoint(kept.ends):
        tally.unexpected.append(f"{kept.name} {kept.status}: {kept.job}")
    elif complaint := kept.outside():
        tally.unexpected.append(f"{kept.name}: {complaint}")


def _judge_money(kept: Kept, captures: list[int], refunds: list[int], tally: Tally) -> None:
    """Check the bank's ledger: the total captured and the refund due if it succeeded, all refunded if it failed."""
    if len(captures) > 1:
        tally.doubled.append(f"{kept.name} was captured {len(captures)} times")
    elif kept.status == "succeeded" and (sum(captures), refunds) != (kept.total, [kept.refunded] * (kept.refunded > 0)):
        tally.unexpected.append(f"{kept.name} of {kept.total}: captured {captures}, refunded {refunds}")
    elif kept.status == "failed" and captures != refunds:
        tally.unexpected.append(f"{kept.name} failed: captured {captures}, refunded {refunds}")


def _judge_books(kept: Kept, kind: str, theirs: list[int], ours: list[int], tally: Tally) -> None:
    """Check that our ledger has the same amounts as the bank's."""
    if sorted(theirs) != sorted(ours):
        tally.unexpected.append(f"{kept.name}: the bank's {kind}s are {theirs}, in our books stand {ours}")


def accepted_of(body: dict[str, Any]) -> Order:
    """Read the 202 of POST /api/orders."""
    return Order(body["order"]["id"], body["job"]["id"], body["order"]["number"], body)
