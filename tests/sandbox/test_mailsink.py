from __future__ import annotations

import smtplib
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.sandboxes import Sink, request, start_sink

MAIL = """\
From: Shop <shop@example.com>
To: ann@example.com
Subject: =?utf-8?q?Caf=C3=A9_=3Cscript=3E?=
Message-ID: <one@example.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=x

--x
Content-Type: text/plain; charset=utf-8

Hello <i>you</i>
--x
Content-Type: text/html; charset=utf-8

<b>Hello</b><script>alert(1)</script>
--x--
"""


def send(sink: Sink, to: str = "ann@example.com", text: str = MAIL) -> None:
    with smtplib.SMTP(sink.smtp_url.removeprefix("smtp://"), timeout=5) as smtp:
        smtp.sendmail("shop@example.com", [to], text.encode())


def page(url: str) -> tuple[str, str]:
    with urlopen(url, timeout=5) as answer:
        return answer.read().decode(), answer.headers["Content-Security-Policy"]


def test_a_message_is_kept_with_its_parts(sink: Sink) -> None:
    send(sink)
    [kept] = sink.messages()
    assert (kept["from"], kept["to"], kept["message_id"]) == (
        "shop@example.com",
        ["ann@example.com"],
        "<one@example.com>",
    )
    assert kept["subject"] == "Café <script>"
    assert kept["text"] == "Hello <i>you</i>"
    assert kept["html"] == "<b>Hello</b><script>alert(1)</script>"
    assert kept["headers"]["From"] == "Shop <shop@example.com>"


def test_messages_come_newest_last_and_can_be_picked(sink: Sink) -> None:
    for number, to in enumerate(["ann@example.com", "bob@example.com", "ANN@example.com"]):
        send(sink, to, MAIL.replace("<one@", f"<{number}@"))
    assert [kept["message_id"] for kept in sink.messages()] == [f"<{n}@example.com>" for n in range(3)]
    assert [kept["message_id"] for kept in sink.messages("ann@example.com")] == ["<0@example.com>", "<2@example.com>"]
    picked = request("GET", f"{sink.url}/messages?message_id=%3C1@example.com%3E&brief=1").body
    assert picked["count"] == 1
    assert set(picked["messages"][0]) == {"id", "message_id", "from", "to", "subject", "received_at"}


def test_what_was_taken_survives_kill_9(tmp_path: Path) -> None:
    sink = start_sink(tmp_path)
    send(sink)
    sink.kill()
    sink.start()
    assert len(sink.messages()) == 1
    sink.stop()


def test_pages_escape_what_strangers_wrote(sink: Sink) -> None:
    send(sink)
    [kept] = sink.messages()
    listed, policy = page(sink.url)
    assert "Café &lt;script&gt;" in listed
    assert "<script>" not in listed
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'")
    shown, _ = page(f"{sink.url}/mail/{kept['id']}")
    assert "Hello &lt;i&gt;you" in shown
    assert "alert(1)" not in shown
    assert '<iframe sandbox="' in shown
    framed, policy = page(f"{sink.url}/mail/{kept['id']}/html")
    assert "<b>Hello</b>" in framed
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


def test_the_source_is_plain_text(sink: Sink) -> None:
    send(sink)
    with urlopen(f"{sink.url}/messages/{sink.messages()[0]['id']}") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert b"boundary=x" in answer.read()


@pytest.mark.parametrize(("mode", "status"), [("refuse", 550), ("defer", 451)])
def test_a_drill_turns_mail_away(sink: Sink, mode: str, status: int) -> None:
    sink.control(mode)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(sink)
    assert refusal.value.recipients["ann@example.com"][0] == status
    assert sink.messages() == []


@pytest.mark.parametrize(("mode", "kept"), [("drop_after_data", 0), ("drop_after_data_stored", 1)])
def test_a_drill_drops_the_line_after_the_message(sink: Sink, mode: str, kept: int) -> None:
    sink.control(mode)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(sink)
    assert len(sink.messages()) == kept


def test_some_recipients_bounce_and_some_are_late(sink: Sink) -> None:
    for to, status in [("bounce-1@x.org", 550), ("later-1@x.org", 451), ("later-1@x.org", 451)]:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
            send(sink, to)
        assert refusal.value.recipients[to][0] == status
    send(sink, "later-1@x.org")
    assert [kept["to"] for kept in sink.messages()] == [["later-1@x.org"]]


def test_strange_messages_are_kept_and_shown(sink: Sink) -> None:
    for text in ["no header at all", "Subject: =?nope?b?!!?=\n\nx", "Content-Type: text/html; charset=nope\n\n\xe9"]:
        send(sink, text=text)
    assert len(sink.messages()) == 3
    for kept in sink.messages():
        assert "<h1>" in page(f"{sink.url}/mail/{kept['id']}")[0]


def test_control_takes_only_modes_it_knows(sink: Sink) -> None:
    answer = request("POST", f"{sink.url}/control", {"mode": "lose"})
    assert (answer.status, answer.body["error"]["code"]) == (422, "invalid_control")
    assert request("GET", f"{sink.url}/control").body == {"mode": "accept", "smtputf8": True}
