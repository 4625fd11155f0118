"""Import and export: a job that takes each page once, tells of bad lines, and refuses bad files whole."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

import api.http.request_hooks
import db
from db.functions import in_seconds
from engine.tables import RunRow
from shop.catalogue import upsert as catalogue_upsert
from shop.catalogue.tables import ProductRow, VariantRow
from shop.import_export import imports
from shop.import_export.imports import ImportPageRow, ImportRow
from shop.stock.tables import MovementRow
from tasks import maintenance
from tests.api.catalogue_data import count, put_on_shelf, shelf
from tests.api.clients import People, Person, problem
from tests.api.http.test_foreign_ids import everything
from tests.api.inline_worker import drive

PATH = "/api/products/import"
NDJSON = "application/x-ndjson"
OTHERS = "price_cents is in EUR; those in other currencies are price_USD..."


def upload(person: Person, body: bytes | str, kind: str = NDJSON, **headers: str) -> TestResponse:
    sent = person.headers | headers | {"Content-Type": kind}
    return person.app.test_client().post(PATH, data=body, headers=sent)


def line(sku: str, /, **more: Any) -> dict[str, Any]:
    return {"slug": sku.lower(), "name": sku.title(), "sku": sku, "price_cents": 1000, "on_hand": 2} | more


def jsonl(*lines: Mapping[str, Any]) -> str:
    return "\n".join(json.dumps(line) for line in lines)


def accepted(answer: TestResponse) -> tuple[str, str]:
    """The job's id and the import's."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/api/jobs/{answer.json['job']['id']}"
    return answer.json["job"]["id"], answer.json["import"]["id"]


def ended(sam: Person, job: str) -> dict[str, Any]:
    """Driven to its end. A page may take longer than a wave has patience for: then it is recorded by itself."""
    deadline = time.monotonic() + 60
    while drive(job) not in ("succeeded", "failed", "needs_attention"):
        assert time.monotonic() < deadline, sam.get(f"/api/jobs/{job}").json
        time.sleep(0.05)
    body: dict[str, Any] = sam.get(f"/api/jobs/{job}").json
    return body


def result(sam: Person, body: str, kind: str = NDJSON) -> dict[str, Any]:
    job = ended(sam, accepted(upload(sam, body, kind))[0])
    assert job["status"] == "succeeded", job
    told: dict[str, Any] = job["result"]
    return told


def a_page(id: str) -> bool:
    return db.in_transaction(lambda session: imports.apply_a_page(session, id))


def test_a_generated_clients_octet_stream_is_read_as_csv(sam: Person) -> None:
    told = result(sam, "slug,name,sku,price_cents\nlamp,Lamp,LAMP,4900\n", "application/octet-stream")
    assert (told["imported"], told["failed"]) == (1, 0)


def test_a_csv_file_becomes_products_with_their_first_delivery(client: FlaskClient, sam: Person) -> None:
    text = (
        "slug,name,description,category,image_url,sku,variant_name,options,price_cents,currency,on_hand\r\n"
        'bench,Bench,"Sit, and rest",garden/benches,https://img.example.com/b.jpg,B-OAK,Oak,'
        '"{""wood"":""oak""}",4900,EUR,3\r\n'
        "bench,Bench,,garden/benches,https://img.example.com/b.jpg,B-ASH,Ash,,5900,EUR,\r\n"
    )
    job, id = accepted(upload(sam, text, "text/csv; charset=utf-8"))
    assert count(ProductRow) == 0  # nothing before the job
    told = ended(sam, job)
    assert (told["status"], [step["name"] for step in told["steps"]]) == ("succeeded", ["apply_lines", "sum_up"])
    assert told["result"] == {
        "import_id": id,
        "lines": 2,
        "imported": 2,
        "failed": 0,
        "errors": [],
        "errors_left_out": 0,
        "not_taken": [],
    }
    [bench] = client.get("/api/products?q=bench&category=garden").json["items"]
    assert (bench["category"], bench["images"]) == ("garden/benches", ["https://img.example.com/b.jpg"])
    assert [(v["sku"], v["name"], v["options"], v["price"]["amount"], v["available"]) for v in bench["variants"]] == [
        ("B-OAK", "Oak", {"wood": "oak"}, 4900, 3),
        ("B-ASH", "Ash", {}, 5900, 0),
    ]
    assert [row["path"] for row in client.get("/api/categories").json["items"]] == ["garden", "garden/benches"]


def test_bad_lines_are_told_by_number_and_stop_no_other(sam: Person) -> None:
    put_on_shelf("CHAIR", slug="chair")
    told = result(
        sam,
        "\n".join(
            [
                jsonl(line("A")),
                "not json",
                "",
                jsonl(line("B", price_cents=-1, currency="USD")),
                jsonl(line("C", vendor="Acme")),
                jsonl(line("CHAIR", slug="other")),  # somebody else's
                jsonl(line("A", slug="other")),  # somebody else's, further up
                jsonl(line("D")),
            ]
        ),
    )
    assert (told["lines"], told["imported"], told["failed"]) == (7, 2, 5)
    assert told["errors"] == [
        {"line": 2, "errors": {"line": "Is not a JSON object."}},
        {"line": 4, "errors": {"currency": OTHERS, "price_cents": "From 0 to 1000000000000."}},
        {"line": 5, "errors": {"vendor": "Unknown field."}},
        {"line": 6, "errors": {"sku": "Belongs to another product."}},
        {"line": 7, "errors": {"sku": "Stands in line 1 already."}},
    ]
    assert sorted(item["slug"] for item in sam.get("/api/products").json["items"]) == ["a", "chair", "d"]


def test_a_second_import_brings_up_to_date_and_delivers_nothing_twice(sam: Person) -> None:
    result(sam, jsonl(line("A", category="garden")))
    old = sam.get("/api/products/a")
    garden = sam.get("/api/categories").json["items"][0]
    sam.ask("PATCH", f"/api/categories/{garden['id']}", {"name": "Our garden"})
    assert result(sam, jsonl(line("A", category="garden", price_cents=1, name="New")))["imported"] == 1
    new = sam.get("/api/products/a")
    assert (new.json["id"], new.json["name"]) == (old.json["id"], "New")
    assert new.json["variants"][0]["price"]["amount"] == 1
    assert (shelf("A"), count(MovementRow)) == ((2, 0), 1)
    assert sam.get("/api/categories").json["items"][0]["name"] == "Our garden"
    stale = sam.ask("PATCH", "/api/products/a", {"name": "x"}, **{"If-Match": old.headers["ETag"]})
    assert problem(stale) == (412, "stale")


def test_an_archived_product_stays_archived(sam: Person) -> None:
    result(sam, jsonl(line("A")))
    assert sam.ask("DELETE", "/api/products/a", **{"If-Match": "*"}).status_code == 204
    assert result(sam, jsonl(line("A")))["imported"] == 1
    assert problem(sam.get("/api/products/a")) == (404, "not_found")


def test_pages_are_short_transactions_and_progress_is_told(sam: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "PAGE", 2)
    job, id = accepted(upload(sam, jsonl(*(line(f"A{n}") for n in range(4)), {"slug": "bad"})))
    path = f"/api/products/imports/{id}"
    assert [sam.get(path).json[name] for name in ("lines", "done", "failed")] == [5, 0, 0]
    assert a_page(id) is True
    assert [sam.get(path).json[name] for name in ("lines", "done", "failed")] == [5, 2, 0]
    assert count(ProductRow) == 2
    assert ended(sam, job)["result"]["imported"] == 4
    assert [sam.get(path).json[name] for name in ("lines", "done", "failed")] == [5, 5, 1]
    assert [row["line"] for row in sam.get(path).json["errors"]] == [5]
    assert count(ImportPageRow) == 0


def test_a_page_that_dies_leaves_nothing_and_is_taken_once_afterwards(
    sam: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PAGE", 2)
    job, id = accepted(upload(sam, jsonl(*(line(f"A{n}") for n in range(5)))))
    assert a_page(id)
    before = everything()
    with monkeypatch.context() as broken:
        broken.setattr(imports, "_stock_up", lambda *_: 1 / 0)  # after the products, before the stock
        with pytest.raises(ZeroDivisionError):
            a_page(id)
    assert everything() == before
    assert ended(sam, job)["result"]["imported"] == 5
    assert [shelf(f"A{n}") for n in range(5)] == [(2, 0)] * 5
    assert count(MovementRow) == 5


def test_two_workers_at_once_take_each_page_once(sam: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "PAGE", 2)
    job, id = accepted(upload(sam, jsonl(*(line(f"A{n}") for n in range(12)))))
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: a_page(id), range(10))) == 6
    assert ended(sam, job)["result"]["imported"] == 12
    assert count(MovementRow) == 12


def test_a_cancelled_import_keeps_what_it_took_and_takes_no_more(sam: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "PAGE", 2)
    job, id = accepted(upload(sam, jsonl(*(line(f"A{n}") for n in range(6)))))
    a_page(id)
    assert sam.post(f"/api/jobs/{job}/cancel").status_code == 202
    told = ended(sam, job)
    assert (told["status"], told["error"]["code"]) == ("failed", "cancelled")
    assert (count(ProductRow), count(ImportPageRow)) == (2, 0)
    assert sam.get(f"/api/products/imports/{id}").json["done"] == 2


def test_a_cancel_in_the_midst_stops_before_the_next_page(sam: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "PAGE", 2)
    job, _ = accepted(upload(sam, jsonl(*(line(f"A{n}") for n in range(6)))))
    put = catalogue_upsert.import_rows
    answers: list[int] = []

    def cancelling(session: Any, rows: Any) -> int:
        done = put(session, rows)
        if not answers:
            session.connection().exec_driver_sql("UPDATE runs SET cancel_requested = true")
            answers.append(202)
        return done

    monkeypatch.setattr(catalogue_upsert, "import_rows", cancelling)
    told = ended(sam, job)
    assert (told["status"], told["error"]["code"]) == ("failed", "cancelled")
    assert count(ProductRow) == 2


def test_the_clock_forgets_what_ended_long_ago_and_nothing_that_is_under_way(sam: Person) -> None:
    old, new, waiting, stuck = (accepted(upload(sam, jsonl(line(sku)))) for sku in "ABCD")
    for job, _ in (old, new):
        ended(sam, job)
    assert a_page(stuck[1])  # all of it is applied, and its job still has to say so
    long_ago = in_seconds(-91 * 86400.0)
    with db.transaction() as session:
        these = ImportRow.id.in_([old[1], waiting[1], stuck[1]])
        session.execute(update(ImportRow).where(these).values(updated_at=long_ago))
    maintenance.prune_imports()
    answers = [sam.get(f"/api/products/imports/{id}").status_code for _, id in (old, new, waiting, stuck)]
    assert answers == [404, 200, 200, 200]
    assert count(ImportPageRow) == 1
    assert sorted(item["slug"] for item in sam.get("/api/products").json["items"]) == ["a", "b", "d"]


def test_messages_and_runs_carry_ids_only(sam: Person) -> None:
    job, id = accepted(upload(sam, jsonl(line("A"))))
    with db.reading() as session:
        run = session.get_one(RunRow, job)
    assert (run.input, run.subject_type, run.subject_id) == ({}, "import", id)


def test_the_same_key_and_file_are_one_import(sam: Person) -> None:
    key = {"Idempotency-Key": "import-1"}
    first, second = (upload(sam, jsonl(line("A")), **key) for _ in range(2))
    assert accepted(first) == accepted(second)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert problem(upload(sam, jsonl(line("B")), **key)) == (422, "idempotency_key_reused")
    assert (count(ImportRow), count(RunRow, RunRow.workflow == "import_catalogue")) == (1, 1)


@pytest.mark.parametrize(
    ("body", "kind", "wanted"),
    [
        (b"", NDJSON, (422, "validation_failed")),
        (b"\n \n", NDJSON, (422, "validation_failed")),
        (b"\xff\xfe", NDJSON, (422, "validation_failed")),
        (b'{"slug": "a\x00"}', NDJSON, (422, "validation_failed")),
        (b"", "text/csv", (422, "validation_failed")),
        (b"slug:name:sku:price_cents\na:b:c:1", "text/csv", (422, "validation_failed")),
        (b'slug,name,sku,price_cents\na,"b,c,1', "text/csv", (422, "validation_failed")),
        (b'{"slug": "a"}', "application/json", (415, "unsupported_media_type")),
        (b"slug=a", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        (b"{}", "", (415, "unsupported_media_type")),
    ],
)
def test_a_bad_file_is_refused_whole(sam: Person, body: bytes, kind: str, wanted: tuple[int, str]) -> None:
    before = everything()
    assert problem(upload(sam, body, kind)) == wanted
    assert everything() == before


def test_a_file_may_be_larger_than_other_bodies_but_not_without_end(
    sam: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = jsonl(line("A", description="x" * 9000), *({"slug": "x" * 10_000} for _ in range(150)))
    assert len(big) > 1024 * 1024
    assert result(sam, big)["failed"] == 150
    before = everything()
    monkeypatch.setitem(api.http.request_hooks.LARGEST_OF, "/api/products/import", 1000)
    assert problem(upload(sam, big)) == (413, "too_large")
    monkeypatch.setattr("shop.import_export.uploads.MOST_LINES", 1)
    assert problem(upload(sam, "{}\n{}")) == (422, "validation_failed")
    assert everything() == before


def test_customers_and_strangers_neither_import_nor_export_nor_look(app: Flask, people: People, sam: Person) -> None:
    ada = people.join()
    _, id = accepted(upload(sam, jsonl(line("A"))))
    stranger = Person(app, "", "")
    before = everything()
    paths = ("/api/products/export", f"/api/products/imports/{id}")
    assert problem(upload(ada, jsonl(line("EVIL")))) == (403, "forbidden")
    assert [problem(ada.get(path)) for path in paths] == [(403, "forbidden")] * 2
    assert problem(app.test_client().post(PATH, data="{}", content_type=NDJSON)) == (401, "unauthenticated")
    assert [problem(app.test_client().get(path)) for path in paths] == [(401, "unauthenticated")] * 2
    assert problem(ada.get(f"/api/jobs/{sam.get('/api/jobs').json['items'][0]['id']}")) == (404, "not_found")
    assert stranger.access == ""
    assert everything() == before


def test_what_is_exported_can_be_imported_again_and_changes_nothing(
    sam: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.import_export.exports.PAGE", 2)
    nasty = ["=HYPERLINK(1)", "+1", "-1", "@SUM", "'=1", 'say "hi", you', "Bänk ✓"]
    lines = [
        line(f"A{n}", name=name, description=f"{name}\nsecond", options={"a": name}) for n, name in enumerate(nasty)
    ]
    assert result(sam, jsonl(*lines, line("A0-2", slug="a0", name=nasty[0], variant_name="2")))["failed"] == 0
    assert sam.ask("DELETE", "/api/products/a1", **{"If-Match": "*"}).status_code == 204
    answer = sam.get("/api/products/export")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert "catalogue.csv" in answer.headers["Content-Disposition"]
    records = list(csv.DictReader(io.StringIO(answer.text)))
    assert [record["sku"] for record in records] == ["A0", "A0-2", "A2", "A3", "A4", "A5", "A6"]
    assert not [cell for record in records for cell in record.values() if cell.startswith(tuple("=+-@\t\r"))]
    assert records[0]["name"] == "'=HYPERLINK(1)"
    before = sam.get("/api/products?sort=price").json["items"]
    assert result(sam, answer.text, "text/csv")["failed"] == 0
    after = sam.get("/api/products?sort=price").json["items"]
    assert [item | {"updated_at": 0} for item in after] == [item | {"updated_at": 0} for item in before]
    assert count(VariantRow) == 8


def test_an_empty_shop_exports_the_header(sam: Person) -> None:
    [head] = sam.get("/api/products/export").text.splitlines()
    assert head.startswith("slug,name,description,category,image_url,sku,")


def test_the_document_tells_of_the_files(client: FlaskClient) -> None:
    paths = client.get("/api/openapi.json").json["paths"]
    operation = paths[PATH]["post"]
    assert set(operation["requestBody"]["content"]) >= {"text/csv", NDJSON}
    assert operation["security"] == [{"bearer": []}]
    assert "202" in operation["responses"]
    assert list(paths["/api/products/export"]["get"]["responses"]["200"]["content"]) == ["text/csv"]


def test_an_export_brings_back_all_that_has_changed_since(sam: Person) -> None:
    first = line("A", tax_class="reduced", category="garden", description="Old.", backorder=True, backorder_limit=4)
    assert result(sam, jsonl(first, line("B", options={"color": "Red"}, price_USD=5)))["imported"] == 2
    exported = sam.get("/api/products/export").text
    other = {"name": "New", "description": "", "category": None, "tax_class": "zero", "options": {"color": "Blue"}}
    changed = [line(sku, **other, backorder=True, backorder_limit=None) for sku in "AB"]
    assert result(sam, jsonl(*changed))["imported"] == 2
    assert sam.get("/api/products/export").text != exported
    assert result(sam, exported, "text/csv")["failed"] == 0
    assert sam.get("/api/products/export").text == exported
