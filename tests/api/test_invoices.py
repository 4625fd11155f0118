"""Invoices: numbered without a gap, as a page and as PDF, whatever a name is written in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

import db
from api.invoice_pdf import BOX, MISSING, printable
from api.invoices import PAGES
from gateways.mail import Mail
from shop import invoice_numbers, invoices
from shop.invoice_numbers import InvoiceRow
from tests.api.bank import Bank
from tests.api.drive import drive
from tests.api.goods import ADDRESS, count, order, paid, put_on_shelf, wish
from tests.api.people import People, Person, problem
from tests.fixtures import Configure

PDF = "application/pdf"


@pytest.fixture(autouse=True)
def _goods(bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=99)


def invoice(person: Person, id: str, **headers: str) -> Any:
    return person.ask("GET", f"/api/orders/{id}/invoice", **headers)


def number(person: Person, id: str) -> str:
    found = re.search(r"<h1>Invoice (\d{7})</h1>", invoice(person, id).text)
    assert found
    return found[1]


def words(pdf: bytes) -> str:
    """What a reader of the PDF finds in it."""
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not installed")
    return subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()


def sent_to(person: Person, **address: str) -> str:
    person.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    placed = person.post("/api/orders", wish(shipping_address=ADDRESS | address)).json
    assert drive(placed["job"]["id"]) == "succeeded"
    id: str = placed["order"]["id"]
    return id


def test_numbers_follow_each_other_and_are_given_once(ada: Person) -> None:
    first, unpaid, second = paid(ada), order(ada)["order"]["id"], paid(ada)
    assert [number(ada, id) for id in (second, first, second, first)] == ["0000001", "0000002"] * 2
    assert problem(invoice(ada, unpaid)) == (409, "illegal_state")
    assert (number(ada, paid(ada)), count(InvoiceRow)) == ("0000003", 3)


def test_many_at_once_leave_no_gap(ada: Person) -> None:
    ids = [paid(ada) for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda id: number(ada, id), ids * 2))
    assert sorted(set(found)) == ["0000001", "0000002", "0000003"]
    assert found[:3] == found[3:]


def test_a_number_that_came_to_nothing_is_given_to_the_next(ada: Person) -> None:
    first, second = paid(ada), paid(ada)

    def fails() -> None:
        with db.transaction() as session:
            assert invoice_numbers.issue(session, first).number == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert (number(ada, second), number(ada, first)) == ("0000001", "0000002")


@pytest.mark.parametrize(
    "name", ["Žofie Łuczak", "Ελένη Παπαδοπούλου", "Дмитрий Щукин", "Նարեկ", "ნინო", "e\u0301t\u0301"]
)
def test_a_pdf_says_what_the_page_says_in_many_scripts(ada: Person, name: str) -> None:
    id = sent_to(ada, name=name)
    answer = invoice(ada, id, Accept=PDF)
    assert (answer.status_code, answer.mimetype) == (200, PDF)
    assert answer.headers["Content-Disposition"] == 'inline; filename="invoice-0000001.pdf"'
    assert answer.data.startswith(b"%PDF-")
    said = words(answer.data)
    for told in (printable(name), "Invoice 0000001", "Chair Plain", "19.99 EUR", "39.98 EUR", "4.90 EUR", "44.88 EUR"):
        assert told in said
    assert MISSING not in said


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小明", BOX),
        ("Ada 🎉👩‍👩‍👧", f"Ada {BOX}"),
        ("שלום Ada", f"{BOX} Ada"),
        ("محمد", BOX),
        ("नमस्ते Ada", f"{BOX} Ada"),
        ("A\u202eda\u200b", "Ada"),
    ],
)
def test_what_the_font_does_not_have_is_a_box_and_said_so(ada: Person, name: str, shown: str) -> None:
    assert printable(name) == shown
    id = sent_to(ada, line1=name)
    said = words(invoice(ada, id, Accept=PDF).data)
    assert shown in said
    assert ("this font does not have" in said) == (BOX in shown)
    assert name in invoice(ada, id).text, "the page in HTML shows it"


def test_no_character_breaks_it() -> None:
    every = "".join(chr(code) for code in range(0x20, 0x30000, 7) if not 0xD800 <= code < 0xE000)
    assert "\x00" not in printable(every)
    assert printable("**bold** --under-- <b>") == "**bold** --under-- <b>"


def test_a_long_invoice_goes_on_on_the_next_page(ada: Person) -> None:
    for n in range(60):
        put_on_shelf(f"SKU-{n}", price=100, name="A name that is so long that it does not fit in one line " * 2)
        ada.post("/api/cart/me", {"sku": f"SKU-{n}", "quantity": 1})
    pdf = invoice(ada, sent_to(ada), Accept=PDF).data
    said = words(pdf)
    assert said.count("\f") > 2
    assert all(f"SKU-{n}" in said for n in range(60))


def test_the_query_says_it_too_and_wins(ada: Person) -> None:
    id = paid(ada)
    by_query = ada.ask("GET", f"/api/orders/{id}/invoice?format=pdf", Accept="text/html")
    assert by_query.mimetype == PDF
    assert ada.ask("GET", f"/api/orders/{id}/invoice?format=html", Accept=PDF).mimetype == "text/html"
    assert invoice(ada, id, Accept="application/pdf;q=0.5, text/html").mimetype == "text/html"
    assert problem(ada.get(f"/api/orders/{id}/invoice?format=docx")) == (422, "validation_failed")
    assert problem(invoice(ada, id, Accept="image/png")) == (406, "not_acceptable")


def test_both_say_each_refund(ada: Person) -> None:
    id = paid(ada)
    drive(ada.post(f"/api/orders/{id}/cancel").json["job"]["id"])
    assert "-24.89 EUR" in invoice(ada, id).text
    said = words(invoice(ada, id, Accept=PDF).data)
    assert re.search(r"Refunded \d{4}-\d\d-\d\d +-24\.89 EUR", said)


def test_of_an_order_that_is_paid_in_part_it_says_what_is_open(ada: Person, sam: Person, configure: Configure) -> None:
    configure(PAYMENT_CAPTURE="on_fulfilment")
    id = paid(ada)
    assert problem(invoice(ada, id)) == (409, "illegal_state"), "authorised: nothing was taken"
    [payment] = sam.get(f"/api/payments?order_id={id}").json["items"]
    part = {"amount": {"amount": 2000, "currency": "EUR"}}
    drive(sam.post(f"/api/payments/{payment['id']}/capture", part).json["job"]["id"])
    back = {"amount": {"amount": 300, "currency": "EUR"}, "reason": "x", "to": "wallet"}
    drive(sam.post(f"/api/payments/{payment['id']}/refunds", back).json["job"]["id"])
    for said in (lambda: invoice(ada, id).text, lambda: words(invoice(ada, id, Accept=PDF).data)):
        assert [told in said() for told in ("Paid", "20.00 EUR", "Open", "4.89 EUR", "-3.00 EUR")] == [True] * 5


def test_the_page_of_a_guest_offers_what_the_api_gives() -> None:
    """The script of a page can not read Python."""
    script = (PAGES / "order.js").read_text()
    assert f"const INVOICED = {json.dumps([str(status) for status in invoices.PAID])};" in script


def test_somebody_elses_invoice_gets_no_number(app: Flask, ada: Person, people: People) -> None:
    id = paid(ada)
    assert problem(invoice(people.join("Bob"), id, Accept=PDF)) == (404, "not_found")
    assert count(InvoiceRow) == 0
