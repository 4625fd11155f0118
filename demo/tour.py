"""python -m demo.tour: over HTTP two orders, one that is paid and one whose card is declined, and a campaign.

Exits with 1 if anything was other than expected.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from config import Settings, settings
from demo.accounts import kept_password
from demo.campaign import Announcement
from demo.door import Door, Unexpected
from demo.saying import money, must, say, title
from demo.timeline import Timeline
from deploy.console import paint

CUSTOMER = "customer@example.com"
ADDRESS = {
    "name": "Casey Customer",
    "line1": "Lindenstrasse 7",
    "city": "Berlin",
    "postal_code": "10969",
    "country": "DE",
}

MAIL_SECONDS = 15.0

Json = dict[str, Any]


class Tour:
    """Places orders, watches their jobs, and checks the result at the bank and in the mail sink."""

    def __init__(self, chosen: Settings) -> None:
        self.shop = Door(f"http://127.0.0.1:{chosen.port}")
        self.bank = Door(chosen.bank_url)
        self.sink = Door(f"http://127.0.0.1:{chosen.sink_port}")
        self.shop.sign_in(CUSTOMER, kept_password() or "")

    def paid(self) -> None:
        title("An order, paid")
        sku, before = self._choose()
        order, job = self._buy(sku, "tok_ok")
        must(job["status"] == "succeeded", f"the job should have succeeded, it {job['status']}")
        after = self._stock(sku)
        say(f"{sku}: {before['available']} available before, {after['available']} after")
        must(after["on_hand"] == before["on_hand"] - 1, "one should have left the shelf")
        must(after["reserved"] == before["reserved"], "nothing should be reserved any more")
        self._captured_once(order)
        self._confirmed_once(order)

    def declined(self) -> None:
        title("An order, card declined")
        sku, before = self._choose()
        say(f"{sku}: {before['available']} available before")
        order, job = self._buy(sku, "tok_declined")
        must(job["status"] == "failed", f"the job should have failed, it {job['status']}")
        must(job["error"]["code"] == "card_declined", f"the reason should be card_declined: {job['error']}")
        after = self._stock(sku)
        say(f"{sku}: {after['available']} available after")
        must(after == before, "the stock should have come back")
        must(self._captures(order) == [], "nothing should have been captured")
        say("bank: no capture")
        self._told_of_the_end(order)

    def _choose(self) -> tuple[str, Json]:
        """Return the SKU and the stock level of the first variant on the first page that is available."""
        found = self.shop.ask("GET", "/api/products?in_stock=true&limit=20&sort=name")["items"]
        variants = [variant for product in found for variant in product["variants"] if variant["available"] > 0]
        must(bool(variants), "nothing is in stock")
        return variants[0]["sku"], self._stock(variants[0]["sku"])

    def _buy(self, sku: str, token: str) -> tuple[Json, Json]:
        self.shop.ask("DELETE", "/api/cart/me")
        self.shop.ask("POST", "/api/cart/me", {"sku": sku, "quantity": 1})
        payment = {"method": "card", "token": token}
        wish = {"cart": "me", "shipping_address": ADDRESS, "shipping_method": "standard", "payment": payment}
        answer = self.shop.ask("POST", "/api/orders", wish)
        order = answer["order"]
        say(f"order {order['number']}: 1 x {order['lines'][0]['name']}, {money(order['total'])}, paid with {token}")
        return order, self._watch(answer["job"])

    def _watch(self, job: Json) -> Json:
        timeline = Timeline(job)
        seen = job
        for seen in self.shop.watch(job["id"]):
            timeline.show(seen)
        return seen

    def _stock(self, sku: str) -> Json:
        return self.shop.ask("GET", f"/api/stock/{sku}")

    def _captured_once(self, order: Json) -> None:
        captures = self._captures(order)
        must([c["amount"] for c in captures] == [order["total"]["amount"]], f"one capture of the total: {captures}")
        say(f"bank: captured {money(order['total'])} once ({captures[0]['charge']})")

    def _confirmed_once(self, order: Json) -> None:
        mails = self._mails(order)
        must(len(mails) == 1, f"one mail should have arrived, there are {len(mails)}")
        say(f'mail sink: "{mails[0]["subject"]}" to {", ".join(mails[0]["to"])}')

    def _told_of_the_end(self, order: Json) -> None:
        """Wait for the mail that the order has failed: a run of its own sends it, a moment later."""
        until = time.monotonic() + MAIL_SECONDS
        while not (mails := self._mails(order)) and time.monotonic() < until:
            time.sleep(0.2)
        subjects = [mail["subject"] for mail in mails]
        must(len(subjects) == 1 and "could not be completed" in subjects[0], f"one mail should tell so: {subjects}")
        say(f'mail sink: "{subjects[0]}"')

    def _captures(self, order: Json) -> list[Json]:
        entries = self.bank.ask("GET", f"/ledger?reference={order['id']}")["entries"]
        return [entry for entry in entries if entry["kind"] == "capture"]

    def _mails(self, order: Json) -> list[Json]:
        messages = self.sink.ask("GET", f"/messages?to={CUSTOMER}")["messages"]
        return [message for message in messages if order["number"] in message["subject"]]


def main() -> int:
    if settings().payment_provider != "sandbox":
        print("The tour pays with the sandbox bank's cards: it is for PAYMENT_PROVIDER=sandbox.", file=sys.stderr)
        return 1
    try:
        tour = Tour(settings())
        tour.paid()
        tour.declined()
        Announcement(settings()).arrives()
    except Unexpected as error:
        print(paint(f"\nNot as promised: {error}", "red"), file=sys.stderr)
        return 1
    print(paint("\nBoth orders and the campaign went as promised.", "green"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
