"""The web side: messages as JSON for drills and as pages for a browser. The text of a message is never trusted."""

from __future__ import annotations

import sqlite3
from html import escape

from sandbox.mailsink import mailbox
from sandbox.mailsink.delivery_mode import DeliveryMode
from sandbox.store import Store
from sandbox.web import Handler, Refusal, table

# The HTML of a message may use styles and inline pictures; it may load and run nothing.
# Links open in a tab of their own, which is free of the sandbox.
FRAME_RIGHTS = "allow-popups allow-popups-to-escape-sandbox"
FRAME_POLICY = (
    f"sandbox {FRAME_RIGHTS}; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
SHOWN = 200


class SinkHandler(Handler):
    def initialize(self, store: Store, mood: DeliveryMode) -> None:
        self.store, self.mood = store, mood

    def message(self, number: str) -> sqlite3.Row:
        row = self.store.read(lambda db: mailbox.get(db, int(number)))
        if row is None:
            raise Refusal(404, "message_not_found", "There is no such message.")
        return row


class Messages(SinkHandler):
    """GET /messages with ?to=, ?message_id=, ?brief=1 (no bodies, no headers); DELETE /messages."""

    def get(self) -> None:
        to, message_id = self.get_query_argument("to", None), self.get_query_argument("message_id", None)
        brief = bool(self.get_query_argument("brief", ""))
        rows = self.store.read(lambda db: mailbox.find(db, to, message_id, brief=brief))
        shape = mailbox.summary if brief else mailbox.whole
        self.answer({"messages": [shape(row) for row in rows], "count": len(rows)})

    async def delete(self) -> None:
        await self.store.write(mailbox.clear)
        self.answer({"messages": [], "count": 0})


class Raw(SinkHandler):
    """GET /messages/{id}: the message as it came, as plain text."""

    def get(self, number: str) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(self.message(number)["raw"])


class HtmlPart(SinkHandler):
    """The HTML part alone, for the sandboxed frame of its page."""

    def get(self, number: str) -> None:
        html = mailbox.body(mailbox.parse(self.message(number)["raw"]), "html") or ""
        self.set_header("Content-Security-Policy", FRAME_POLICY)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(f'<!doctype html><meta charset="utf-8"><base target="_blank">{html}')


class List(SinkHandler):
    def get(self) -> None:
        rows = self.store.read(lambda db: mailbox.find(db, newest=SHOWN, brief=True))
        cells = [_cells(mailbox.summary(row)) for row in reversed(rows)]
        note = f'<p class="quiet">The newest {SHOWN} at most. <a href="/messages">As JSON</a></p>'
        self.page("Mail", note + table(["Subject", "To", "From", "Received"], cells), refresh=3)


class Page(SinkHandler):
    def get(self, number: str) -> None:
        mail = mailbox.whole(self.message(number))
        people = escape(f"{mail['from']} to {', '.join(mail['to'])}, {mail['received_at']}")
        frame = f'<iframe sandbox="{FRAME_RIGHTS}" src="/mail/{mail["id"]}/html"></iframe>' if mail["html"] else ""
        text = f"<h2>Text</h2><pre>{escape(mail['text'])}</pre>" if mail["text"] else ""
        links = f'<p><a href="/">All mail</a> · <a href="/messages/{mail["id"]}">Source</a></p>'
        self.page(mail["subject"] or "(no subject)", f'<p class="quiet">{people}</p>{frame}{text}{links}')


class Control(SinkHandler):
    """Read and set the delivery mode, for drills. JSON only, so that no web page can change it from a browser."""

    def get(self) -> None:
        self.answer({"mode": self.mood.mode, "smtputf8": self.mood.smtputf8})

    def post(self) -> None:
        self.mood.change(self.json())
        self.get()


def _cells(mail: dict[str, object]) -> list[str]:
    subject = escape(str(mail["subject"]) or "(no subject)")
    to = escape(", ".join(mail["to"]) if isinstance(mail["to"], list) else "")
    return [f'<a href="/mail/{mail["id"]}">{subject}</a>', to, escape(str(mail["from"])), str(mail["received_at"])[:19]]
