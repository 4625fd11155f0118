"""The public pages, without an API key: the ledger, the 3-D Secure page, the control of faults."""

from __future__ import annotations

from html import escape
from typing import Any

import iso4217
from sandbox.bank import charges, ledger, records
from sandbox.bank.bank import Bank
from sandbox.web import Handler, Refusal, table


class PublicHandler(Handler):
    def initialize(self, bank: Bank) -> None:
        self.bank = bank


class Ledger(PublicHandler):
    """GET /ledger, ?reference= for one order, ?only=totals for the sums alone."""

    def get(self) -> None:
        reference = self.get_query_argument("reference", None)
        only_totals = self.get_query_argument("only", "") == "totals"
        self.answer(self.bank.store.read(lambda db: ledger.ledger(db, reference, only_totals=only_totals)))


class Home(PublicHandler):
    def get(self) -> None:
        newest = self.bank.store.read(ledger.latest)
        sums = self.bank.store.read(lambda db: ledger.ledger(db, None, only_totals=True))["totals"]
        kept = ", ".join(f"{money(row['net'], code)}" for code, row in sums.items()) or "nothing yet"
        rows = [[escape(str(cell)) for cell in _cells(row)] for row in newest]
        heads = ["Charge", "Reference", "Status", "Amount", "Captured", "Refunded", "Token", "At"]
        intro = f'<p class="quiet">Captured less refunded: {kept}. <a href="/ledger">As JSON</a></p>'
        sent = _sent(self.bank.store.read(ledger.latest_transfers))
        self.page("Sandbox bank", intro + table(heads, rows) + sent, refresh=5)


class Control(PublicHandler):
    """Read and set the faults, for drills. JSON only, so that no web page can change them from a browser."""

    def get(self) -> None:
        self.answer(self.bank.weather.shown())

    def post(self) -> None:
        self.bank.weather.change(self.json())
        self.get()


class Challenge(PublicHandler):
    """GET /3ds/{charge}: the page on which the customer approves a payment."""

    def get(self, charge_id: str) -> None:
        charge = self.bank.store.read(lambda db: records.get(db, charge_id))
        text = f"<p>{money(charge['amount'], charge['currency'])} for order {escape(charge['reference'])}</p>"
        if charge["status"] != "requires_action":
            return self.page("Nothing to approve", f"{text}<p>This payment is {escape(charge['status'])}.</p>")
        return self.page("Approve this payment?", text + _buttons(charge_id))


class Complete(PublicHandler):
    """POST /3ds/{charge}/complete: a form from the page, or JSON from a test."""

    async def post(self, charge_id: str) -> None:
        from_form = self.request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        outcome = self.get_body_argument("outcome", "") if from_form else self.json().get("outcome")
        if outcome not in ("approve", "refuse"):
            raise Refusal(422, "invalid_outcome", "outcome must be approve or refuse.")
        charge = await self.bank.store.write(lambda db: self._complete(db, charge_id, outcome == "approve"))
        if from_form:
            self.page("Thank you", f"<p>The payment is {escape(charge['status'])}. You may go back to the shop.</p>")
        else:
            self.answer(self.bank.shape(charge))

    def _complete(self, db: Any, charge_id: str, approved: bool) -> dict[str, Any]:
        charge = charges.complete(db, charge_id, approved=approved)
        self.bank.tell(db, f"charge.{charge['status']}", charge, always=True)
        return charge


def money(minor: int, currency: str) -> str:
    """Write an amount in minor units for a page: `1,234.50 EUR`."""
    whole, point, rest = iso4217.decimal(minor, currency).partition(".")
    return f"{int(whole):,}{point}{rest} {currency}"


def _cells(row: dict[str, Any]) -> list[str]:
    sums = [money(row[name], row["currency"]) for name in ("amount", "captured", "refunded")]
    return [row["id"], row["reference"], row["status"], *sums, row["source"], row["created_at"][:19]]


def _sent(transfers: list[dict[str, Any]]) -> str:
    rows = [
        [escape(cell) for cell in (row["id"], row["reference"], money(row["amount"], row["currency"]), row["at"][:19])]
        for row in transfers
    ]
    return f"<h2>Transfers</h2>{table(['Transfer', 'Reference', 'Amount', 'At'], rows)}" if rows else ""


def _buttons(charge_id: str) -> str:
    return (
        f'<form method="post" action="/3ds/{escape(charge_id)}/complete">'
        '<button class="yes" name="outcome" value="approve">Approve</button>'
        '<button class="no" name="outcome" value="refuse">Refuse</button></form>'
    )
