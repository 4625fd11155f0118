"""A body that breaks off is an error and never a shorter body, on our server and on the one for development."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deploy.child_process import ROOT
from deploy.readiness import answers
from tests.sandboxes import free_port, wait_until
from tests.server.wire import Wire, head
from tests.stack import Client, Stack
from tests.stack.client import order_of

WHOLE = b"slug,name,sku,price_cents\nlinen-sofa,Linen Sofa,%b,129900\n"
TABLES = ("imports", "orders", "runs", "users", "cart_lines")


@pytest.fixture(autouse=True)
def wires_are_closed() -> Iterator[None]:
    yield
    Wire.close_all()


def test_an_import_that_breaks_off_changes_no_price(stack: Stack) -> None:
    _nothing_is_changed_by_what_breaks_off(stack, stack.settings.port)


def test_nor_does_it_on_the_development_server(stack: Stack) -> None:
    with development_server(stack) as port:
        _nothing_is_changed_by_what_breaks_off(stack, port)


def test_a_file_whose_last_line_does_not_end_is_refused_in_words(stack: Stack) -> None:
    staff, before = stack.client(role="staff"), _counts(stack)
    body = WHOLE.removesuffix(b"900\n") % b"SOFA"
    said = Wire(stack.settings.port).send(_import(staff, Content_Length=len(body)), body).answer()
    assert said.status == 422
    assert said.json["errors"]["body"] == [
        "The last line does not end: the file may have been cut off. End it with a line break."
    ]
    assert _counts(stack) == before


def test_an_encoded_body_is_415(stack: Stack) -> None:
    staff, before = stack.client(role="staff"), _counts(stack)
    body = WHOLE % b"SOFA"
    said = Wire(stack.settings.port).send(_import(staff, Content_Length=len(body), Content_Encoding="gzip"), body)
    assert said.answer().status == 415
    assert _counts(stack) == before


def _nothing_is_changed_by_what_breaks_off(stack: Stack, port: int) -> None:
    staff, sku = stack.client(role="staff"), stack.sku(price=129900)
    before = _counts(stack)
    whole = WHOLE % sku.encode()
    cut = whole.removesuffix(b"900\n")
    chunk = b"%x\r\n%b\r\n" % (len(cut), cut)
    order = str(order_of("tok_ok")).encode()
    for broken in (
        _import(staff, Content_Length=len(whole)) + cut,
        _import(staff, Content_Length=len(whole)) + cut + b"\n",
        _import(staff, Transfer_Encoding="chunked") + chunk,
        _import(staff, Transfer_Encoding="chunked") + chunk[:-9],
        _to(staff, "/api/orders", "application/json", Content_Length=len(order) + 1) + order,
        _to(staff, "/api/auth/logout-all", "application/json", Content_Length=2) + b"{",
    ):
        said = Wire(port).send(broken).end().answer()
        assert (said.status, said.json["code"]) == (400, "bad_request"), said
        Wire(port).send(broken).close()
    assert staff.call("GET", "/api/users/me").status == 200, "nobody was logged out"
    assert _counts(stack) == before
    price = "SELECT price FROM variants WHERE sku = :sku"
    assert stack.shelf.rows(price, sku=sku) == [{"price": 129900}]


def _counts(stack: Stack) -> dict[str, Any]:
    return {name: stack.shelf.rows(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in TABLES}


def _import(staff: Client, **headers: object) -> bytes:
    return _to(staff, "/api/products/import", "text/csv", **headers)


def _to(staff: Client, path: str, kind: str, **headers: object) -> bytes:
    return head("POST", path, Authorization=f"Bearer {staff.tokens['access_token']}", Content_Type=kind, **headers)


@contextmanager
def development_server(stack: Stack) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", "api", "run", "--port", str(port)]
    with (stack.state_dir / "flask.log").open("wb") as log:
        running = subprocess.Popen(command, cwd=ROOT, env=os.environ | stack.environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), seconds=60, what="flask run to answer")
        yield port
    finally:
        running.kill()
        running.wait()
