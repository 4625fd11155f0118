"""Credit notes: one for each refund, numbered without a gap, by rate of tax, whatever way the money went."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

import db
from db.schema import new_id
from doctor.invoicing import numbers_have_no_gap, refunds_have_credit_notes
from engine.outcomes import Refused
from gateways.mail import Mail
from shop.invoicing.credit_notes import CreditNoteRow
from shop.invoicing.numbers import InvoiceRow
from tasks import maintenance
from tests.api.bank import Bank
from tests.api.catalogue_data import count, guests_cart, guests_order, order, paid, put_on_shelf, shipped, wish
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive
from tests.api.orders.test_invoices import words
from tests.fixtures import Configure


@pytest.fixture(autouse=True)
def _goods(bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=99)


def refund(staff: Person, id: str, amount: int | None = None, to: str = "source") -> None:
    [payment] = staff.get(f"/api/payments?order_id={id}").json["items"]
    wanted = {} if amount is None else {"amount": {"amount": amount, "currency": "EUR"}}
    asked = staff.post(f"/api/payments/{payment['id']}/refunds", {"reason": "sorry", "to": to} | wanted)
    assert asked.status_code == 202, asked.text
    assert drive(asked.json["job"]["id"]) == "succeeded"


def notes(person: Person, id: str) -> list[Any]:
    answer = person.get(f"/api/orders/{id}/credit-notes")
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json["items"]
    return found


def taxes(paper: Any) -> dict[int, tuple[int, int]]:
    return {one["rate"]: (one["net"]["amount"], one["tax"]["amount"]) for one in paper["taxes"]}


def breaches() -> list[str]:
    with db.reading() as session:
        return [*numbers_have_no_gap(session), *refunds_have_credit_notes(session)]


def three_rates(sam: Person, buyer: Person) -> str:
    """An order of goods at 19, 7 and 0 per cent, paid."""
    for tax_class, rate in (("standard", 1900), ("reduced", 700), ("zero", 0)):
        assert sam.ask("PUT", f"/api/tax-rates/DE/{tax_class}", {"rate": rate}).status_code in (200, 201)
        put_on_shelf(f"OF-{tax_class}", price=333, on_hand=9, tax_class=tax_class)
        buyer.post("/api/cart/me", {"sku": f"OF-{tax_class}", "quantity": 1})
    placed = buyer.post("/api/orders", wish()).json
    assert drive(placed["job"]["id"]) == "succeeded"
    id: str = placed["order"]["id"]
    return id


def test_each_refund_has_a_note_whatever_way_it_went(ada: Person, sam: Person) -> None:
    id = paid(ada)
    assert (notes(ada, id), count(InvoiceRow)) == ([], 0), "nothing went back, and no number is spent"
    refund(sam, id, 300)
    refund(sam, id, 200, to="wallet")
    refund(sam, id)
    found = notes(ada, id)
    told = [(one["number"], one["invoice"], one["amount"]["amount"]) for one in found]
    assert told == [("CN0000001", "0000001", 300), ("CN0000002", "0000001", 200), ("CN0000003", "0000001", 1989)]
    assert notes(ada, id) == found, "each once"
    assert (count(CreditNoteRow), count(InvoiceRow), breaches()) == (3, 1, [])


def test_what_an_operator_settled_by_hand_has_one_too(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = paid(ada)
    [payment] = sam.get(f"/api/payments?order_id={id}").json["items"]
    with monkeypatch.context() as today:
        today.setattr(bank, "refund", lambda *_, **__: (_ for _ in ()).throw(Refused("refund_refused")))
        part = {"amount": {"amount": 500, "currency": "EUR"}, "reason": "sorry"}
        job = sam.post(f"/api/payments/{payment['id']}/refunds", part).json["job"]["id"]
        assert drive(job) == "needs_attention"
    assert notes(ada, id) == [], "it did not go back"
    assert sam.post(f"/api/jobs/{job}/settle", {"note": "in cash"}).status_code == 202
    assert drive(job) == "succeeded"
    assert [one["amount"]["amount"] for one in notes(ada, id)] == [500]
    assert breaches() == []


@pytest.mark.parametrize("amounts", [(1, 2, 3, 5, 100, 700), (1488,), (700, 100, 5, 3, 2, 1), (745, 743), (1, 1, 1)])
def test_all_notes_together_are_the_invoice_by_rate(ada: Person, sam: Person, amounts: tuple[int, ...]) -> None:
    id = three_rates(sam, ada)
    whole = taxes(ada.get(f"/api/orders/{id}").json)
    assert set(whole) == {1900, 700, 0}
    for amount in amounts:
        refund(sam, id, amount)
    if sum(amounts) < 1489:
        refund(sam, id)
    net, tax = Counter[int](), Counter[int]()
    for note in notes(ada, id):
        assert sum(map(sum, taxes(note).values())) == note["amount"]["amount"]
        for rate, (of_net, of_tax) in taxes(note).items():
            assert min(of_net, of_tax) >= 0
            net[rate] += of_net
            tax[rate] += of_tax
    assert {rate: (net[rate], tax[rate]) for rate in whole} == whole
    assert breaches() == []


def test_what_goes_back_for_goods_has_their_rate(ada: Person, sam: Person) -> None:
    id = three_rates(sam, ada)
    shipped(sam, id)
    asked = ada.post(f"/api/orders/{id}/returns", {"lines": [{"sku": "OF-reduced", "quantity": 1}], "reason": "dull"})
    drive(asked.json["job"]["id"])
    rid = asked.json["return"]["id"]
    received = sam.post(f"/api/orders/{id}/returns/{rid}/receive", {})
    assert (received.status_code, drive(received.json["job"]["id"])) == (202, "succeeded")
    whole = taxes(ada.get(f"/api/orders/{id}").json)
    [note] = notes(ada, id)
    assert (note["amount"]["amount"], set(taxes(note))) == (333, {700})
    assert sum(taxes(note)[700]) == 333
    refund(sam, id)
    rest = notes(ada, id)[1]
    for rate, parts in whole.items():
        both = [paper.get(rate, (0, 0)) for paper in (taxes(note), taxes(rest))]
        assert tuple(map(sum, zip(*both, strict=True))) == parts
    assert breaches() == []


def test_a_note_is_a_page_and_a_pdf_that_say_the_same(ada: Person, sam: Person, configure: Configure) -> None:
    configure(SELLER_NAME="Chairs Ltd", SELLER_ADDRESS="Row 1|10115 Berlin", SELLER_VAT_ID="DE999999999")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    sam.ask("PUT", "/api/tax-rates/DE/standard", {"rate": 1900})
    placed = ada.post("/api/orders", wish(vat_id="ATU12345678")).json
    drive(placed["job"]["id"])
    id = placed["order"]["id"]
    ada.ask("PATCH", "/api/users/me", {"language": "de"})
    refund(sam, id, 1190)
    [note] = notes(ada, id)
    where = f"/api/orders/{id}/credit-notes/{note['id']}"
    page, pdf = ada.get(where), ada.get(f"{where}?format=pdf")
    assert (page.mimetype, pdf.mimetype) == ("text/html", "application/pdf")
    assert pdf.headers["Content-Disposition"] == 'inline; filename="credit-note-CN0000001.pdf"'
    for said in (page.text, words(pdf.data)):
        plain = said.replace("\xa0", " ")
        told = ("Rechnungskorrektur CN0000001", "Zur Rechnung 0000001 vom", "Chairs Ltd", "DE999999999", "ATU12345678")
        assert [one for one in (*told, "19 %", "10,00 €", "1,90 €", "11,90 €", "Erstattet") if one not in plain] == []
        assert "-" not in re.sub(r"<style>.*</style>|\w-\w", "", plain, flags=re.DOTALL), "no amount has a sign"
    assert ada.ask("GET", where, Accept="application/pdf").mimetype == "application/pdf"
    assert problem(ada.ask("GET", where, Accept="image/png")) == (406, "not_acceptable")


def test_an_invoice_stays_what_it_was(ada: Person, sam: Person, configure: Configure) -> None:
    id = paid(ada)
    before = ada.get(f"/api/orders/{id}/invoice").text
    refund(sam, id, 500)
    configure(SELLER_NAME="Moved Ltd", TIME_ZONE="Pacific/Kiritimati")
    ada.ask("PATCH", "/api/users/me", {"language": "de"})
    assert ada.get(f"/api/orders/{id}/invoice").text == before
    [note] = notes(ada, id)
    assert "Moved Ltd" in ada.get(f"/api/orders/{id}/credit-notes/{note['id']}").text


def test_a_note_is_its_orders(app: Flask, ada: Person, sam: Person, people: People) -> None:
    first, second = paid(ada), paid(ada)
    refund(sam, first, 100)
    [note] = notes(ada, first)
    eve, where = people.join("Eve"), f"/api/orders/{first}/credit-notes"
    assert problem(ada.get(f"/api/orders/{second}/credit-notes/{note['id']}")) == (404, "not_found")
    assert problem(ada.get(f"{where}/{new_id()}")) == (404, "not_found")
    for path in (where, f"{where}/{note['id']}"):
        assert problem(eve.get(path)) == (404, "not_found")
        assert problem(ask(app, "GET", path)) == (404, "not_found")
        assert sam.get(path).status_code == 200
    placed = guests_order(app, guests_cart(app)).json
    assert ask(app, "GET", f"/api/orders/{placed['order']['id']}/credit-notes?token={placed['order_token']}").json == {
        "items": [],
        "next": None,
    }


def test_the_clock_issues_what_nobody_asked_for(ada: Person, sam: Person) -> None:
    invoiced, other = paid(ada), paid(ada)
    ada.get(f"/api/orders/{invoiced}/invoice")
    refund(sam, invoiced, 100)
    refund(sam, invoiced, 50)
    refund(sam, other, 70)
    assert count(CreditNoteRow) == 0
    maintenance.issue_credit_notes()
    maintenance.issue_credit_notes()
    assert count(CreditNoteRow) == 2
    assert [one["amount"]["amount"] for one in notes(ada, invoiced)] == [100, 50]
    assert [one["number"] for one in notes(ada, other)] == ["CN0000003"]


def test_the_doctor_sees_what_is_wrong(ada: Person, sam: Person) -> None:
    id = paid(ada)
    refund(sam, id, 100)
    notes(ada, id)
    with db.transaction() as session:
        session.execute(text("UPDATE credit_notes SET number = 7, amount = 90"))
        session.execute(text("UPDATE number_series SET last = 9 WHERE name = 'invoice'"))
    assert breaches() == [
        "invoice: 1 numbers from 1 to 1, the last that was given is 9",
        "credit_note: 1 numbers from 7 to 7, the last that was given is 1",
        f"credit note CN0000007 of order {id} does not add up to 90",
    ]


def test_an_order_that_was_never_paid_has_none(ada: Person) -> None:
    id = order(ada, token="tok_declined")["order"]["id"]
    assert (notes(ada, id), count(InvoiceRow)) == ([], 0)
