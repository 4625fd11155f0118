"""Outgoing webhooks: each fact once, to those who listen, signed, tried again for a day, and told of in the log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest
from sqlalchemy import update

import db
from db.functions import in_seconds
from engine.tables import RunRow
from gateways.mail import Mail
from shop.kernel.errors import IllegalMove
from shop.stock import adjustments
from shop.webhooks.endpoints import EndpointRow
from tests.api.bank import Bank
from tests.api.catalogue_data import order, put_on_shelf
from tests.api.clients import People, Person, problem
from tests.api.inline_worker import drive
from tests.api.webhook_receiver import came, carry, listening, log, written
from tests.sandbox.receiver import Receiver

ENDPOINTS = "/api/webhook-endpoints"


@pytest.fixture(autouse=True)
def _goods(bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)


@pytest.fixture
def root(people: People) -> Person:
    return people.join("Root", role="admin")


def now_again(hours: float = 0) -> list[str]:
    """The pause of every delivery is over; with `hours` the first failure is so long ago."""
    values = {"hold": "none"} | ({"troubled_since": in_seconds(-3600 * hours)} if hours else {})
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.hold == "backoff").values(values))
    return carry()


def happen(and_then: int | None = None) -> None:
    """Something that is told of: stock.low. In the same transaction goes a change of the stock that may be refused."""
    with db.transaction() as session:
        adjustments.watch(session, "CHAIR", 4)
        adjustments.adjust(session, "CHAIR", -1, "broken")
        if and_then:
            adjustments.adjust(session, "CHAIR", and_then, "broken")
    with db.transaction() as session:
        adjustments.receive(session, "CHAIR", 1, "found")


def valid(secret: str, head: dict[str, str], body: bytes) -> bool:
    said = {name.lower(): value for name, value in head.items()}
    content = f"{said['webhook-id']}.{said['webhook-timestamp']}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
    assert abs(int(said["webhook-timestamp"]) - time.time()) < 60
    return f"v1,{base64.b64encode(digest).decode()}" in said["webhook-signature"].split()


# --- what is told --------------------------------------------------------------------------------------------


def test_an_order_is_told_of_step_by_step_signed(root: Person, ada: Person, door: Receiver) -> None:
    endpoint = listening(root, door.url, "order.*", "payment.*")
    placed = order(ada)
    assert drive(placed["job"]["id"]) == "succeeded"
    assert carry() == ["succeeded"] * 3
    told = dict(came(door))
    assert set(told) == {"order.placed", "payment.captured", "order.confirmed"}
    money = placed["order"]["total"]
    assert told["order.placed"] | {"created_at": ""} == {
        "order_id": placed["order"]["id"],
        "number": placed["order"]["number"],
        "customer_id": ada.id,
        "status": "pending",
        "payment_status": "unpaid",
        "reason": "placed",
        "total": money,
        "created_at": "",
    }
    assert (told["order.confirmed"]["status"], told["payment.captured"]["amount"]) == ("confirmed", money)
    assert told["payment.captured"]["order_id"] == placed["order"]["id"]
    assert all(valid(endpoint["secret"], head, body) for head, body in door.came)
    assert {head["webhook-id"] for head, _ in door.came} == {one["id"] for one in log(root, endpoint)}
    assert ada.email.encode() not in b"".join(body for _, body in door.came)


def test_a_declined_card_is_told_of_as_such(root: Person, ada: Person, door: Receiver) -> None:
    listening(root, door.url, "payment.failed", "order.failed")
    placed = order(ada, token="tok_declined")
    assert drive(placed["job"]["id"]) == "failed"
    carry()
    (first, failed), (second, closed) = sorted(came(door))
    assert (first, second) == ("order.failed", "payment.failed")
    assert (failed["order_id"], failed["status"], failed["reason"]) == (
        placed["order"]["id"],
        "failed",
        "card_declined",
    )
    assert (closed["order_id"], closed["code"]) == (placed["order"]["id"], "card_declined")


def test_while_nobody_listens_nothing_is_written(root: Person, ada: Person, door: Receiver) -> None:
    endpoint = listening(root, door.url, "*")
    assert root.ask("PATCH", f"{ENDPOINTS}/{endpoint['id']}", {"enabled": False}).status_code == 200
    assert drive(order(ada)["job"]["id"]) == "succeeded"
    happen()
    assert (written(), carry(), door.came) == ((0, 0), [], [])


def test_what_came_to_nothing_is_not_told_of(root: Person, door: Receiver) -> None:
    listening(root, door.url, "*")
    with pytest.raises(IllegalMove):
        happen(and_then=-100)
    assert (written(), carry()) == ((0, 0), [])


def test_each_hears_only_what_it_listens_to(root: Person, door: Receiver) -> None:
    low, both = listening(root, door.url, "stock.low"), listening(root, door.url, "stock.*", "order.placed")
    listening(root, door.url, "order.*")
    happen()
    with db.transaction() as session:
        adjustments.adjust(session, "CHAIR", -5, "broken")
        adjustments.receive(session, "CHAIR", 9, "new")
    assert carry() == ["succeeded"] * 5
    assert [one["event"] for one in log(root, low)] == ["stock.low"] * 2
    assert sorted(one["event"] for one in log(root, both)) == ["stock.back", "stock.low", "stock.low"]


# --- how it is delivered -------------------------------------------------------------------------------------


def test_it_is_tried_again_under_the_same_id_and_the_log_tells(root: Person, door: Receiver) -> None:
    endpoint = listening(root, door.url, "stock.low")
    door.statuses = [500, 404]
    happen()
    carry()
    [first] = log(root, endpoint)
    assert (first["state"], first["status"], first["error"], first["attempts"]) == ("pending", 500, "status_500", 1)
    now_again()
    assert now_again() == ["succeeded"]
    [last] = log(root, endpoint)
    assert (last["state"], last["status"], last["error"], last["attempts"]) == ("delivered", 200, None, 3)
    assert last["ms"] >= 0
    assert [head["webhook-id"] for head, _ in door.came] == [last["id"]] * 3
    assert len({body for _, body in door.came}) == 1


def test_after_a_day_it_is_given_up_and_whoever_took_nothing_since_is_disabled(root: Person, door: Receiver) -> None:
    endpoint, other = listening(root, door.url, "stock.low"), listening(root, door.url, "webhook_endpoint.*")
    door.statuses = [500, 500]
    happen()
    carry()
    assert now_again(hours=24) == ["failed"]
    [given_up] = log(root, endpoint)
    assert (given_up["state"], given_up["error"], given_up["attempts"]) == ("failed", "status_500", 2)
    said = root.get(f"{ENDPOINTS}/{endpoint['id']}").json
    assert (said["enabled"], said["disabled_why"]) == (False, "failing")
    carry()
    [told] = log(root, other)
    assert told["data"] == {"endpoint_id": endpoint["id"], "url": door.url, "why": "failing"}
    assert told["state"] == "delivered"


def test_one_that_took_something_meanwhile_stays(root: Person, door: Receiver) -> None:
    endpoint = listening(root, door.url, "stock.low")
    door.statuses = [500, 200, 500]
    happen()
    carry()
    happen()
    assert carry() == ["succeeded"]
    assert now_again(hours=24) == ["failed"]
    assert [one["state"] for one in log(root, endpoint)] == ["delivered", "failed"]
    assert root.get(f"{ENDPOINTS}/{endpoint['id']}").json["enabled"] is True


def test_410_disables_at_once_and_what_is_on_its_way_is_not_sent(root: Person, door: Receiver) -> None:
    endpoint = listening(root, door.url, "stock.low")
    door.statuses = [500, 410]
    happen()
    carry()
    happen()
    assert carry() == ["failed"]
    assert root.get(f"{ENDPOINTS}/{endpoint['id']}").json["disabled_why"] == "gone"
    [told] = root.get("/api/notifications?event=webhook_disabled").json["items"]
    assert (told["subject_id"], told["recipient"], told["status"]) == (root.id, root.email, "queued")
    assert now_again() == ["failed"]
    assert [one["error"] for one in log(root, endpoint)] == ["gone", "endpoint_disabled"]
    assert len(door.came) == 2


def test_replayed_it_comes_once_more_under_the_same_id(root: Person, door: Receiver) -> None:
    endpoint = listening(root, door.url, "stock.low")
    happen()
    [delivery] = log(root, endpoint)
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{delivery['id']}/replay"
    assert problem(root.post(path)) == (409, "illegal_state")
    carry()
    first, again = (root.post(path, **{"Idempotency-Key": "again"}) for _ in range(2))
    assert (first.status_code, first.json["delivery"]["state"], first.json["delivery"]["replays"]) == (
        202,
        "pending",
        1,
    )
    assert again.json == first.json
    assert carry() == ["succeeded"]
    assert [head["webhook-id"] for head, _ in door.came] == [delivery["id"]] * 2


def test_a_name_that_leads_inside_is_not_posted_to(root: Person, door: Receiver, configure: Any) -> None:
    endpoint = listening(root, door.url.replace("127.0.0.1", "localhost"), "stock.low")
    configure(WEBHOOKS_ALLOW_PRIVATE="false")
    happen()
    carry()
    [delivery] = log(root, endpoint)
    assert (delivery["state"], delivery["status"], delivery["error"]) == ("pending", None, "address_not_public")
    assert door.came == []


# --- keeping endpoints ---------------------------------------------------------------------------------------


def test_the_secret_is_shown_when_it_is_made_and_when_it_is_rotated(root: Person, door: Receiver) -> None:
    endpoint = listening(root, door.url, "stock.low")
    path = f"{ENDPOINTS}/{endpoint['id']}"
    assert endpoint["secret"].startswith("whsec_")
    assert [body for body in (root.get(path).json, root.get(ENDPOINTS).json["items"][0]) if "secret" in body] == []
    assert "secret" not in root.ask("PATCH", path, {"description": "the warehouse"}).json
    rotated = root.ask("PATCH", path, {"rotate_secret": True}).json["secret"]
    assert rotated != endpoint["secret"]
    happen()
    carry()
    with db.transaction() as session:
        session.execute(update(EndpointRow).values(old_secret_until=EndpointRow.created_at))
    happen()
    carry()
    (head, body), (later_head, later_body) = door.came
    assert valid(rotated, head, body)
    assert valid(endpoint["secret"], head, body)
    assert valid(rotated, later_head, later_body)
    assert not valid(endpoint["secret"], later_head, later_body)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"url": "http://example.com/", "events": ["*"]}, "url"),
        ({"url": "https://169.254.169.254/", "events": ["*"]}, "url"),
        ({"url": "https://[::ffff:7f00:1]/", "events": ["*"]}, "url"),
        ({"url": "https://example.com/\r\nX: y", "events": ["*"]}, "url"),
        ({"url": "https://example.com/" + "x" * 500, "events": ["*"]}, "url"),
        ({"url": "https://example.com/", "events": []}, "events"),
        ({"url": "https://example.com/", "events": ["order.eaten"]}, "events.0"),
        ({"url": "https://example.com/", "events": "*"}, "events"),
        ({"url": "https://example.com/", "events": ["*"], "secret": "whsec_mine"}, "secret"),
        ({"events": ["*"]}, "url"),
    ],
)
def test_nonsense_is_told_of_and_nothing_is_kept(root: Person, wish: dict[str, Any], field: str) -> None:
    answer = root.post(ENDPOINTS, wish)
    assert problem(answer) == (422, "validation_failed")
    assert list(answer.json["errors"]) == [field]
    assert root.get(ENDPOINTS).json["items"] == []


def test_whoever_is_removed_hears_no_more(root: Person, door: Receiver) -> None:
    endpoint = listening(root, door.url, "stock.low")
    happen()
    path = f"{ENDPOINTS}/{endpoint['id']}"
    assert root.ask("DELETE", path).status_code == 204
    assert carry() == ["succeeded"]
    assert (door.came, problem(root.get(path))) == ([], (404, "not_found"))


def test_only_administrators_may(ada: Person, sam: Person) -> None:
    for who in (ada, sam):
        assert problem(who.get(ENDPOINTS)) == (403, "forbidden")
        assert problem(who.post(ENDPOINTS, {"url": "https://example.com/", "events": ["*"]})) == (403, "forbidden")
