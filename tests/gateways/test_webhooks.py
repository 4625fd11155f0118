"""Posting to strangers: signed as the standard says, and never to where they point us instead."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from gateways import webhooks
from gateways.webhooks import dialling, posting
from tests.sandbox.receiver import receiver

BODY = b'{"type":"order.placed"}'


def post(url: str, *, private_too: bool = True) -> webhooks.Answered:
    return webhooks.post(url, BODY, {"webhook-id": "m1"}, private_too=private_too)


def refused(url: str) -> str:
    with pytest.raises(webhooks.NotPosted) as why:
        post(url, private_too=False)
    return why.value.code


@contextmanager
def speaker(said: bytes, pause: float = 0.0) -> Iterator[str]:
    """Somebody who answers these very bytes, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            line, _ = server.accept()
            with line:
                heard = b""
                while not heard.endswith(BODY):
                    heard += line.recv(65536)
                for byte in said:
                    try:
                        line.sendall(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(pause)

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hooks"
        thread.join()


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of standardwebhooks.com's own libraries."""
    secret, id, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
    head = webhooks.headers(id, datetime.fromtimestamp(at, UTC), b'{"test": 2432232314}', [secret])
    assert head == {
        "webhook-id": id,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_sign_side_by_side() -> None:
    secrets = ["whsec_" + base64.b64encode(word).decode() for word in (b"new", b"old")]
    head = webhooks.headers("m1", datetime.fromtimestamp(1, UTC), BODY, secrets)
    digests = [hmac.new(word, b"m1.1." + BODY, hashlib.sha256).digest() for word in (b"new", b"old")]
    assert head["webhook-signature"] == " ".join("v1," + base64.b64encode(one).decode() for one in digests)


def test_what_is_posted_arrives_and_the_answer_is_told() -> None:
    with receiver() as door:
        door.statuses = [202]
        answer = post(door.url)
    assert (answer.status, answer.body) == (202, "")
    [(head, body)] = door.came
    assert (body, head["webhook-id"], head["Host"]) == (BODY, "m1", door.url.split("/")[2])


def test_a_redirect_is_told_and_not_followed() -> None:
    with receiver() as inside, speaker(f"HTTP/1.1 307 X\r\nLocation: {inside.url}\r\n\r\n".encode()) as url:
        assert post(url).status == 307
        assert inside.came == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_our_own_machine_is_not_reached_under_any_name(host: str) -> None:
    with receiver() as inside:
        assert refused(inside.url.replace("127.0.0.1", host)) == "address_not_public"
        assert inside.came == []


def test_one_bad_address_of_a_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled = names(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    assert refused("https://two.example/") == "address_not_public"
    assert dialled == []


def test_a_name_is_asked_once_and_what_it_says_later_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled = names(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    assert refused("https://rebinding.example/") == "unreachable"
    assert dialled == [("1.1.1.1", 443)]


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[Any]:
    """A name server that answers these in turn. Returns who is dialled afterwards; nobody answers."""
    dialled: list[Any] = []
    left = [[(0, 0, 0, "", (address, 443)) for address in answer] for answer in answers]

    def nobody(address: Any, **_: Any) -> Any:
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(dialling.socket, "getaddrinfo", lambda *_, **__: left.pop(0))
    monkeypatch.setattr(dialling.socket, "create_connection", nobody)
    return dialled


def test_many_addresses_that_swallow_everything_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LONGEST", 0.5)
    monkeypatch.setattr(dialling, "CONNECT_SECONDS", 0.2)
    names(monkeypatch, [f"1.1.1.{number}" for number in range(1, 60)])
    allowed: list[float] = []

    def black_hole(_: Any, timeout: float) -> Any:
        allowed.append(timeout)
        time.sleep(timeout)
        raise TimeoutError

    monkeypatch.setattr(dialling.socket, "create_connection", black_hole)
    with pytest.raises(webhooks.NotPosted) as why:
        post("http://hole.example/")
    assert why.value.code == "unreachable"
    assert (allowed[0], len(allowed)) == (0.2, 3)
    assert 450 <= why.value.ms < 2000


def test_a_resolver_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LONGEST", 0.3)
    asked, over = threading.Event(), threading.Event()

    def silent(*_: Any, **__: Any) -> list[Any]:
        asked.set()
        over.wait(30)
        return []

    monkeypatch.setattr(dialling.socket, "getaddrinfo", silent)
    with pytest.raises(webhooks.NotPosted) as why:
        post("http://slow.example/")
    over.set()
    assert (why.value.code, asked.is_set()) == ("name_not_found", True)
    assert 250 <= why.value.ms < 2000


def test_tls_that_never_begins_counts_towards_the_same_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LONGEST", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(webhooks.NotPosted) as why:
        post(f"https://127.0.0.1:{mute.getsockname()[1]}/")
    assert why.value.code == "unanswered"
    assert 250 <= why.value.ms < 2000


def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    with speaker(b"HTTP/1.1 500 X\r\n\r\n" + b"x" * 5000) as url:
        answer = post(url)
    assert (answer.status, answer.body) == (500, "x" * posting.READ)


def test_whoever_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LONGEST", 0.3)
    with speaker(b"HTTP/1.1 200 " + b"x" * 10_000, pause=0.05) as url, pytest.raises(webhooks.NotPosted) as why:
        post(url)
    assert why.value.code == "unanswered"
    assert 250 <= why.value.ms < 3000


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n"])
def test_nonsense_is_no_answer(said: bytes) -> None:
    with speaker(said) as url, pytest.raises(webhooks.NotPosted) as why:
        post(url)
    assert why.value.code == "unanswered"


def test_plain_words_where_tls_is_spoken_are_no_answer() -> None:
    with receiver() as door, pytest.raises(webhooks.NotPosted):
        post(door.url.replace("http:", "https:"))
    assert door.came == []
