"""Invoices: numbered without a gap, as a page and as PDF, whatever a name is written in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from flask import Flask

import db
from api.orders.pdf import BOX, printable
from api.pages.rendering import PAGES
from gateways.mail import Mail
from shop.invoicing import invoices
from shop.invoicing import numbers as invoice_numbers
from shop.invoicing.numbers import InvoiceRow
from tests.api.bank import Bank
from tests.api.catalogue_data import ADDRESS, count, order, paid, put_on_shelf, shipped, wish
from tests.api.clients import People, Person, problem
from tests.api.inline_worker import drive
from tests.api.offers import coupon
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
    for told in (printable(name), "Invoice 0000001", "Chair Plain", "€19.99", "€39.98", "€4.90", "€44.88"):
        assert told in said
    assert "this font does not have" not in said


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


def test_a_long_sku_goes_on_in_the_next_line_behind_a_hyphen(ada: Person) -> None:
    put_on_shelf("LITTLE-OWL-CHILDRENS-CHAIR-NAT")
    said = words(invoice(ada, paid(ada, "LITTLE-OWL-CHILDRENS-CHAIR-NAT"), Accept=PDF).data)
    assert re.findall(r"^ *(LITTLE\S+|\S*-NAT)", said, re.MULTILINE) == ["LITTLE-OWL-CHILDRENS-", "CHAIR-NAT"]


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


def test_of_an_order_that_is_paid_in_part_it_says_what_is_open(ada: Person, sam: Person, configure: Configure) -> None:
    configure(PAYMENT_CAPTURE="on_fulfilment")
    id = paid(ada)
    assert problem(invoice(ada, id)) == (409, "illegal_state"), "authorised: nothing was taken"
    [payment] = sam.get(f"/api/payments?order_id={id}").json["items"]
    part = {"amount": {"amount": 2000, "currency": "EUR"}}
    drive(sam.post(f"/api/payments/{payment['id']}/capture", part).json["job"]["id"])
    for said in (invoice(ada, id).text, words(invoice(ada, id, Accept=PDF).data)):
        assert [told in said for told in ("Paid", "€20.00", "Open", "€4.89")] == [True] * 4


def test_the_page_of_a_guest_offers_what_the_api_gives() -> None:
    """The script of a page can not read Python."""
    script = (PAGES / "order.js").read_text()
    assert f"const INVOICED = {json.dumps([str(status) for status in invoices.PAID])};" in script


def test_somebody_elses_invoice_gets_no_number(app: Flask, ada: Person, people: People) -> None:
    id = paid(ada)
    assert problem(invoice(people.join("Bob"), id, Accept=PDF)) == (404, "not_found")
    assert count(InvoiceRow) == 0


# --- what a tax office asks for ------------------------------------------------------------------------


def both(person: Person, id: str) -> list[str]:
    """What the page and the PDF say, in one line each."""
    page = unescape(re.sub(r"<style>.*</style>|<[^>]+>", " ", invoice(person, id).text, flags=re.DOTALL))
    return [" ".join(said.split()) for said in (page, words(invoice(person, id, Accept=PDF).data))]


def lacking(said: str, *told: str) -> list[str]:
    return [one for one in told if one not in said]


def test_it_says_who_sells_and_to_whom(ada: Person, configure: Configure) -> None:
    seller = {"SELLER_NAME": "Chairs Ltd", "SELLER_ADDRESS": "Row 1|10115 Berlin", "SELLER_VAT_ID": "DE999999999"}
    configure(**seller, SELLER_TAX_NUMBER="12/345/67890", SELLER_EMAIL="books@example.com")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    office = ADDRESS | {"name": "Ada Ltd", "line1": "Office Road 2"}
    placed = ada.post("/api/orders", wish(billing_address=office, vat_id="ATU12345678")).json
    drive(placed["job"]["id"])
    for said in both(ada, placed["order"]["id"]):
        seller_said = ("Chairs Ltd", "Row 1", "10115 Berlin", "VAT id: DE999999999", "Tax number: 12/345/67890")
        buyer = ("E-mail: books@example.com", "Ada Ltd", "Office Road 2 10115 Berlin Germany", "VAT id: ATU12345678")
        assert lacking(said, *seller_said, *buyer) == []
        assert "Main Street 1" not in said, "that is where the parcel goes"


def test_without_a_seller_there_is_no_invoice_and_no_number(ada: Person, configure: Configure) -> None:
    id = paid(ada)
    for name in ("SELLER_NAME", "SELLER_ADDRESS", "SELLER_VAT_ID"):
        configure(**{name: ""})
        assert problem(invoice(ada, id)) == (409, "seller_unknown")
    assert count(InvoiceRow) == 0
    configure(SELLER_NAME="Chairs Ltd", SELLER_ADDRESS="Row 1", SELLER_TAX_NUMBER="12/345/67890")
    assert number(ada, id) == "0000001"


def test_tax_by_rate_adds_up_with_lines_and_shipping(ada: Person, sam: Person) -> None:
    put_on_shelf("BOOK", price=10_000, on_hand=9, tax_class="reduced")
    for name, rate in (("standard", 1900), ("reduced", 700)):
        sam.ask("PUT", f"/api/tax-rates/DE/{name}", {"rate": rate})
    ada.post("/api/cart/me", {"sku": "BOOK", "quantity": 1})
    for said in both(ada, sent_to(ada)):
        assert (
            lacking(said, "Subtotal €139.98", "Shipping, standard (19%) €1.40", "Shipping, standard (7%) €3.50") == []
        )
        assert lacking(said, "Total €144.88", "Prices include the tax.") == []
        rates = "Tax rate Net Tax Gross 19% €34.78 €6.60 €41.38 7% €96.73 €6.77 €103.50"
        assert lacking(said, rates) == []


def test_it_is_written_in_the_orders_language_on_the_shops_day(ada: Person, configure: Configure) -> None:
    configure(TIME_ZONE="Pacific/Kiritimati")
    ada.ask("PATCH", "/api/users/me", {"language": "de-AT"})
    id = sent_to(ada)
    for said in both(ada, id):
        today = format_date(datetime.now(ZoneInfo("Pacific/Kiritimati")), "long", locale="de_AT")
        assert (
            lacking(said, "Rechnung 0000001", "Bestellung ", f"Datum: {today}", "Lieferdatum: noch nicht versandt")
            == []
        )
        assert (
            lacking(said, "Menge", "Zwischensumme € 39,98", "Summe € 44,88", "Steuersatz Netto Mehrwertsteuer Brutto")
            == []
        )
        assert "Invoice" not in said


def test_it_says_when_it_was_delivered(ada: Person, sam: Person) -> None:
    id = paid(ada)
    shipped(sam, id)
    for said in both(ada, id):
        today = format_date(datetime.now(UTC), "long", locale="en")
        assert lacking(said, f"Date: {today}", f"Date of delivery: {today}") == []


def test_prices_without_tax_add_it_by_rate(ada: Person, sam: Person, configure: Configure) -> None:
    configure(PRICES_INCLUDE_TAX="false")
    sam.ask("PUT", "/api/tax-rates/DE/standard", {"rate": 1900})
    for said in both(ada, sent_to(ada)):
        assert lacking(said, "Subtotal €39.98", "Tax (19%) €8.53", "Total €53.41", "19% €44.88 €8.53 €53.41") == []
        assert lacking(said, "Prices are without the tax.") == []


def test_a_discount_is_taken_off_with_a_sign(ada: Person) -> None:
    coupon()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert ada.post("/api/cart/me/coupons", {"code": "SPRING"}).status_code == 200
    placed = ada.post("/api/orders", wish()).json
    drive(placed["job"]["id"])
    off = placed["order"]["discount"]["amount"]
    assert off > 0
    for said in both(ada, placed["order"]["id"]):
        assert re.search(rf"Discount(?: \([^)]*\))? -€{off / 100:.2f}", said)
