"""Messages that no worker can carry out, as bugs, other programs and old versions send them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
SOMEBODY = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Letter:
    """A bad message. `mark`: a text that only it contains; `parked`: whether it goes to the dead letters or only to the
    log."""

    body: Any
    mark: str
    parked: bool
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)


def to_task(name: str, arguments: Any, *, parked: bool = False, embed: Any = None) -> Letter:
    """Make a message as Celery writes it (protocol 2), with any arguments."""
    id = uuid4().hex
    headers = {"lang": "py", "task": name, "id": id, "root_id": id, "argsrepr": id}
    return Letter([arguments, {}, embed or {}], id, parked, headers, {"correlation_id": id})


def shaped(body: Any, **headers: Any) -> Letter:
    """Make a message to an existing task, but not as Celery writes it."""
    id = uuid4().hex
    return Letter(body, id, True, {"lang": "py", "task": "stock.reserve", "id": id, "argsrepr": id, **headers}, JSON)


def bad_letters() -> dict[str, Letter]:
    """Return one bad message of each kind, by name."""
    pickled, nothing = (uuid4().hex for _ in range(2))
    return {
        "half a body": shaped(b'[[["'),
        "no text": shaped(b"\xff\xfe\x00"),
        "a pickle": Letter(
            pickled.encode(),
            pickled,
            True,
            {"lang": "py", "task": "stock.reserve", "id": pickled},
            {"content_type": "application/x-python-serialize", "content_encoding": "binary"},
        ),
        "no task at all": Letter({"note": nothing}, nothing, True),
        "an unknown task": to_task("stock.conjure", [[SOMEBODY]], parked=True),
        "no arguments": to_task("stock.reserve", [], parked=True),
        "too many arguments": to_task("stock.reserve", [[SOMEBODY], 1, 2], parked=True),
        "a number for ids": to_task("stock.reserve", [5], parked=True),
        "a document for ids": to_task("stock.reserve", [{"id": SOMEBODY}], parked=True),
        "ids that are none": to_task("stock.reserve", [["", None, 5, "x' OR 1=1 --", "\x00"]], parked=True),
        "an order that is not": to_task("payments.charge", [[SOMEBODY]]),
        "a chain of nonsense": to_task("stock.reserve", [[SOMEBODY]], embed={"chain": ["nonsense", 5]}, parked=True),
        "a probe of yore": to_task("engine.probe", ["stock", "yesterday"]),
        **shapes(),
    }


def shapes() -> dict[str, Letter]:
    """Return malformed bodies and headers, by name. Each of the bodies once killed the workers that took it."""
    bodies: dict[str, Any] = {
        "a document": b"{}",
        "a number": b"5",
        "a text": b'"x"',
        "nothing": b"null",
        "no bytes": b"",
        "an empty list": b"[]",
        "a list of two": b"[[], {}]",
        "a list of four": b"[[], {}, {}, {}]",
        "arguments that are a document": b"[{}, {}, {}]",
        "arguments that are null": b"[null, {}, {}]",
        "named arguments that are a list": b"[[[]], [], {}]",
        "an embed that is null": b"[[[]], {}, null]",
        "an embed that is a list": b"[[[]], {}, []]",
        "a chord of text": b'[[[]], {}, {"chord": "x"}]',
        "callbacks that are a number": b'[[[]], {}, {"callbacks": 5}]',
        "nested deeply": b"[" * 100_000,
        "more than a megabyte": b'[[["' + b"x" * 1_000_001 + b'"]], {}, {}]',
    }
    heads: dict[str, dict[str, Any]] = {
        "a bomb": {"compression": "application/x-gzip"},
        "an unknown compression": {"compression": "rot13"},
        "a task that is a list": {"task": ["stock.reserve"]},
        "a task that is null": {"task": None},
        "retries that are a text": {"retries": "x"},
        "a time limit of text": {"timelimit": "x"},
        "an ETA that is none": {"eta": "tomorrow"},
        "an expiry that is none": {"expires": "x"},
    }
    bomb = zlib.compress(b"0" * 50_000_000)
    good = f'[[["{SOMEBODY}"]], {{}}, {{}}]'.encode()
    return {
        **{f"a body: {name}": shaped(body) for name, body in bodies.items()},
        **{f"a head: {name}": shaped(bomb if name == "a bomb" else good, **head) for name, head in heads.items()},
    }
