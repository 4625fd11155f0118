from __future__ import annotations

import os
import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from engine.outcomes import Refused, TryAgain, Unknown
from gateways.mail import Mail
from gateways.mail.server import Server, parse
from gateways.mail.smtp import SmtpMailer
from tests.sandboxes import Sink, free_port

SENDER = "Orderwave <shop@example.com>"


@pytest.fixture
def mailer(sink: Sink) -> Iterator[SmtpMailer]:
    made = SmtpMailer(sink.smtp_url, SENDER)
    yield made
    made.close()


def mail(to: str = "ann@example.com", subject: str = "Hello", text: str = "Hi", **more: object) -> Mail:
    return Mail(to, subject, text, **{"message_id": "<order-1@example.com>", **more})  # type: ignore[arg-type]


def test_a_mail_arrives_as_it_was_written(mailer: SmtpMailer, sink: Sink) -> None:
    text = "Grüße\n\n.\n..two dots\n" + "long " * 400
    mailer.send(mail(subject="Bestellung №1", text=text, html="<p>Grüße</p>", headers={"X-Order": "order-1"}))
    [came] = sink.messages()
    assert (came["from"], came["to"]) == ("shop@example.com", ["ann@example.com"])
    assert (came["subject"], came["message_id"]) == ("Bestellung №1", "<order-1@example.com>")
    assert (came["text"], came["html"]) == (text, "<p>Grüße</p>")
    assert came["headers"]["X-Order"] == "order-1"
    assert came["headers"]["From"] == SENDER
    assert came["headers"]["To"] == "ann@example.com"


def test_a_long_message_id_and_a_long_subject_are_not_torn(mailer: SmtpMailer, sink: Sink) -> None:
    message_id, subject = f"<{'x' * 150}@example.com>", "word " * 190 + "end"
    mailer.send(mail(message_id=message_id, subject=subject))
    assert (sink.messages()[0]["message_id"], sink.messages()[0]["subject"]) == (message_id, subject)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[smtplib.SMTP]:
    """Every connection that was made."""
    made: list[smtplib.SMTP] = []
    connect = Server.connect
    monkeypatch.setattr(Server, "connect", lambda self: made.append(connect(self)) or made[-1])
    return made


@pytest.mark.parametrize("where", ["subject", "text", "html"])
def test_what_no_mail_can_carry_is_refused_and_says_nothing_of_the_mailbox(
    mailer: SmtpMailer, sink: Sink, where: str
) -> None:
    with pytest.raises(Refused) as no:
        mailer.send(mail(**{where: "half of a pair: \ud800"}))
    assert no.value.code == "mail_invalid"
    assert sink.messages() == []


def test_a_wave_of_mails_shares_a_few_connections(sink: Sink, opened: list[smtplib.SMTP]) -> None:
    mailer = SmtpMailer(sink.smtp_url, SENDER, connections=3)
    for _ in range(20):
        mailer.send(mail())
    assert len(opened) == 1
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: mailer.send(mail()), range(60)))
    assert 2 <= len(opened) <= 3
    assert len(sink.messages()) == 80
    mailer.close()


def test_a_no_leaves_the_connection_as_it_was_and_silence_does_not(
    mailer: SmtpMailer, sink: Sink, opened: list[smtplib.SMTP]
) -> None:
    for to in ("bounce@example.com", "later-a@example.com", "ann@example.com"):
        with suppress(Refused, TryAgain):
            mailer.send(mail(to))
    assert len(opened) == 1
    sink.control("drop_after_data")
    with pytest.raises(Unknown):
        mailer.send(mail())
    sink.control("accept")
    mailer.send(mail())
    assert (len(opened), len(sink.messages())) == (2, 2)


def test_who_finds_every_connection_busy_tries_again_later(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.mail.smtp_pool.SECONDS", 0.01)
    mailer = SmtpMailer(sink.smtp_url, SENDER, connections=1)
    with mailer._lines.place(), pytest.raises(TryAgain) as busy:
        mailer.send(mail())
    assert busy.value.code == "mail_unreachable"
    mailer.send(mail())
    mailer.close()


def test_a_mailbox_nobody_has_is_refused_and_the_next_mail_goes_out(mailer: SmtpMailer, sink: Sink) -> None:
    with pytest.raises(Refused) as no:
        mailer.send(mail("bounce@example.com"))
    assert (no.value.code, no.value.detail) == ("mail_refused", "The mail server answered 550.")
    mailer.send(mail())
    assert len(sink.messages()) == 1


def test_a_mailbox_that_is_late_takes_the_third_try(mailer: SmtpMailer, sink: Sink) -> None:
    for _ in range(2):
        with pytest.raises(TryAgain) as later:
            mailer.send(mail("later@example.com"))
        assert (type(later.value), later.value.code) == (TryAgain, "mail_deferred")
    mailer.send(mail("later@example.com"))
    assert len(sink.messages()) == 1


@pytest.mark.parametrize(("mode", "kept"), [("drop_after_data", 0), ("drop_after_data_stored", 1)])
def test_silence_after_the_message_is_unknown(mailer: SmtpMailer, sink: Sink, mode: str, kept: int) -> None:
    mailer.send(mail())
    sink.clear()
    sink.control(mode)
    with pytest.raises(Unknown) as lost:
        mailer.send(mail())
    assert lost.value.code == "mail_unanswered"
    assert len(sink.messages()) == kept
    sink.control("accept")
    mailer.send(mail())
    assert len(sink.messages()) == kept + 1


def test_nobody_listening_means_nothing_happened() -> None:
    with pytest.raises(TryAgain) as gone:
        SmtpMailer(f"smtp://127.0.0.1:{free_port()}", SENDER).send(mail())
    assert (type(gone.value), gone.value.code) == (TryAgain, "mail_unreachable")


def test_a_connection_that_went_stale_is_replaced_unseen(mailer: SmtpMailer, sink: Sink) -> None:
    mailer.send(mail())
    sink.stop()
    sink.start()
    mailer.send(mail())
    assert len(sink.messages()) == 2


def test_a_forked_child_sends_on_a_connection_of_its_own(
    mailer: SmtpMailer, sink: Sink, opened: list[smtplib.SMTP]
) -> None:
    mailer.send(mail())
    child = os.fork()
    if child == 0:
        before = len(opened)
        mailer.send(mail())
        os._exit(0 if len(opened) == before + 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    mailer.send(mail())
    assert len(sink.messages()) == 3


def test_an_address_beyond_ascii_arrives(mailer: SmtpMailer, sink: Sink) -> None:
    mailer.send(mail("zoë@exämple.org"))
    [came] = sink.messages()
    assert (came["to"], came["headers"]["To"]) == (["zoë@xn--exmple-cua.org"], "zoë@xn--exmple-cua.org")


def test_a_domain_in_its_own_letters_needs_nothing_of_the_server(mailer: SmtpMailer, sink: Sink) -> None:
    sink.speak_utf8(False)
    mailer.send(mail("info@münchen.de"))
    [came] = sink.messages()
    sink.speak_utf8(True)
    assert (came["to"], came["headers"]["To"]) == (["info@xn--mnchen-3ya.de"], "info@xn--mnchen-3ya.de")


def test_letters_before_the_at_that_the_server_does_not_take_say_nothing_of_the_mailbox(
    mailer: SmtpMailer, sink: Sink
) -> None:
    sink.speak_utf8(False)
    with pytest.raises(Refused) as no:
        mailer.send(mail("zoë@example.org"))
    sink.speak_utf8(True)
    assert no.value.code == "mail_not_carried"
    assert "SMTPUTF8" in no.value.detail
    assert sink.messages() == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((550, b"5.1.1 No such mailbox"), "mail_refused"),
        ((550, b"5.1.10 Recipient not found"), "mail_refused"),
        ((550, b"No such user here"), "mail_refused"),
        ((553, b"Mailbox name not allowed"), "mail_refused"),
        ((550, b"5.7.1 Refused"), "mail_rejected"),
        ((550, b"5.7.606 Your IP is banned"), "mail_rejected"),
        ((552, b"5.2.2 Mailbox full"), "mail_rejected"),
        ((550, b"5.1.8 Bad sender"), "mail_rejected"),
        ((530, b"Authentication required"), "mail_rejected"),
        ((554, b"Transaction failed"), "mail_rejected"),
        ((500, b"Error: strict ASCII only"), "mail_rejected"),
    ],
)
def test_only_what_is_said_of_the_mailbox_counts_against_it(
    mailer: SmtpMailer, sink: Sink, monkeypatch: pytest.MonkeyPatch, said: tuple[int, bytes], code: str
) -> None:
    monkeypatch.setattr(smtplib.SMTP, "rcpt", lambda *_: said)
    with pytest.raises(Refused) as no:
        mailer.send(mail())
    assert no.value.code == code
    assert sink.messages() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "ann@example.com\r\nBcc: eve@example.com"},
        {"to": "ann@example.com, eve@example.com"},
        {"to": "Ann <ann@example.com>"},
        {"to": "ann"},
        {"to": "@example.com"},
        {"to": ""},
        {"to": "ann@example.com> SIZE=1"},
        {"subject": "Hi\nBcc: eve@example.com"},
        {"subject": "Hi\rthere"},
        {"subject": ""},
        {"message_id": "<a@b>\r\nX: y"},
        {"message_id": "a@b"},
        {"headers": {"X-Note": "a\nBcc: eve@example.com"}},
        {"headers": {"X-Note\r\nBcc": "eve@example.com"}},
        {"headers": {"X Note: a": "b"}},
        {"headers": {"Bcc": "eve@example.com"}},
        {"headers": {"Content-Transfer-Encoding": "x"}},
    ],
)
def test_no_header_can_be_smuggled_in(wrong: dict[str, object]) -> None:
    with pytest.raises(Refused) as no:
        mail(**wrong)  # type: ignore[arg-type]
    assert no.value.code == "mail_invalid"


def test_a_mail_does_not_show_what_it_says() -> None:
    shown = repr(mail(text="reset-token", html="reset-token"))
    assert "reset-token" not in shown


def test_the_url_tells_where_and_how() -> None:
    plain = parse("smtp://localhost:8003")
    assert (plain.host, plain.port, plain.tls, plain.starttls, plain.user) == ("localhost", 8003, False, False, None)
    full = parse("smtp://us%40er:p%3Ass@mail.example.com:587?starttls=1")
    assert (full.user, full.password, full.starttls, full.port) == ("us@er", "p:ss", True, 587)
    assert "p:ss" not in repr(full)
    assert (parse("smtps://mail.example.com").tls, parse("smtps://mail.example.com").port) == (True, 465)
    with pytest.raises(ValueError, match="SMTP_URL"):
        parse("http://mail.example.com")
