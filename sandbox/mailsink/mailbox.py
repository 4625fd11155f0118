"""The stored messages: their raw bytes, and the columns that lists and filters need."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import compat32, default
from typing import Any, cast

SCHEMA = """
create table if not exists messages (
    id integer primary key autoincrement,
    message_id text,
    sender text not null,
    recipients text not null,
    subject text not null,
    received_at text not null,
    raw blob not null
);
create index if not exists messages_by_message_id on messages (message_id);
create table if not exists deliveries (message integer not null, recipient text not null collate nocase);
create index if not exists deliveries_by_recipient on deliveries (recipient, message);
"""

INSERT = "insert into messages (message_id, sender, recipients, subject, received_at, raw) values (?, ?, ?, ?, ?, ?)"
LIST = "select {columns} from messages {where} order by id desc limit :newest"
BRIEF = "id, message_id, sender, recipients, subject, received_at"

HEAD = BytesHeaderParser(policy=compat32)

DB = sqlite3.Connection


def add(db: DB, sender: str, recipients: list[str], raw: bytes) -> int:
    """Store a message and return its number."""
    head = HEAD.parsebytes(raw)  # the modern policy takes longer than all the rest
    message_id, subject = _decoded_header(head["Message-ID"]), _decoded_header(head["Subject"]) or ""
    cursor = db.execute(INSERT, (message_id, sender, json.dumps(recipients), subject, _now(), raw))
    number = int(cursor.lastrowid or 0)
    db.executemany("insert into deliveries values (?, ?)", [(number, recipient) for recipient in recipients])
    return number


def find(
    db: DB, to: str | None = None, message_id: str | None = None, newest: int | None = None, *, brief: bool = False
) -> list[sqlite3.Row]:
    """Return messages, newest last: of one recipient, of one Message-ID, the last `newest`. `brief` omits `raw`."""
    columns = BRIEF if brief else "*"
    of_recipient = "where id in (select message from deliveries where recipient = :to)"
    where = of_recipient if to is not None else "where 1"
    where += " and message_id = :message_id" if message_id is not None else ""
    wishes = {"to": to, "message_id": message_id, "newest": -1 if newest is None else newest}
    return list(reversed(db.execute(LIST.format(columns=columns, where=where), wishes).fetchall()))


def get(db: DB, number: int) -> sqlite3.Row | None:
    return cast("sqlite3.Row | None", db.execute("select * from messages where id = ?", (number,)).fetchone())


def clear(db: DB) -> None:
    db.execute("delete from messages")
    db.execute("delete from deliveries")


def parse(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def summary(row: sqlite3.Row) -> dict[str, Any]:
    """Return the envelope of a message, its Message-ID and its subject."""
    return {
        "id": row["id"],
        "message_id": row["message_id"],
        "from": row["sender"],
        "to": json.loads(row["recipients"]),
        "subject": row["subject"],
        "received_at": row["received_at"],
    }


def whole(row: sqlite3.Row) -> dict[str, Any]:
    """Return the summary, both bodies and all headers; of a repeated header the first."""
    message = parse(row["raw"])
    headers = {name: _header(message, name) for name in reversed(message.keys())}
    return summary(row) | {"text": body(message, "plain"), "html": body(message, "html"), "headers": headers}


def body(message: EmailMessage, kind: str) -> str | None:
    """Return the body of subtype `kind`, "plain" or "html", as text; None if there is none."""
    part = message.get_body((kind,))
    if part is None:
        return None
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    return _decoded(payload if isinstance(payload, bytes) else b"", charset)


def _decoded(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace").replace("\r\n", "\n")
    except LookupError:  # an unknown charset: show what can be shown
        return payload.decode("utf-8", "replace").replace("\r\n", "\n")


def _decoded_header(value: object) -> str | None:
    if value is None:
        return None
    try:
        return " ".join(str(make_header(decode_header(str(value)))).split())
    except (ValueError, LookupError):  # badly encoded: as it came
        return " ".join(str(value).split())


def _header(message: EmailMessage, name: str) -> str | None:
    value = message[name]
    return None if value is None else " ".join(str(value).split())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
