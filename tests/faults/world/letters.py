"""Messages that nobody can carry out, as bugs, strangers and old versions send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
SOMEBODY = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Letter:
    """`mark`: what only it contains; `parked`: kept among the dead letters, or else only told of in the log."""

    body: Any
    mark: str
    parked: bool
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)


def to_task(name: str, arguments: Any, *, parked: bool = False, embed: Any = None) -> Letter:
    """As Celery writes them (protocol 2), whatever the arguments are."""
    id = uuid4().hex
    headers = {"lang": "py", "task": name, "id": id, "root_id": id, "argsrepr": id}
    return Letter([arguments, {}, embed or {}], id, parked, headers, {"correlation_id": id})


def bad_letters() -> dict[str, Letter]:
    """One of each kind. What Celery cannot decode it drops with a line in the log (facts 4)."""
    cut, noise, pickled, nothing = (uuid4().hex for _ in range(4))
    head = {"lang": "py", "task": "stock.reserve"}
    return {
        "half a body": Letter(b'[[["' + cut.encode(), cut, False, {**head, "id": cut}, JSON),
        "no text": Letter(b"\xff\xfe\x00" + noise.encode(), noise, False, {**head, "id": noise}, JSON),
        "a pickle": Letter(
            pickled.encode(),
            pickled,
            True,
            {**head, "id": pickled},
            {"content_type": "application/x-python-serialize", "content_encoding": "binary"},
        ),
        "no task at all": Letter({"note": nothing}, nothing, True),
        "an unknown task": to_task("stock.conjure", [[SOMEBODY]], parked=True),
        "no arguments": to_task("stock.reserve", []),
        "too many arguments": to_task("stock.reserve", [[SOMEBODY], 1, 2]),
        "a number for ids": to_task("stock.reserve", [5]),
        "a document for ids": to_task("stock.reserve", [{"id": SOMEBODY}]),
        "ids that are none": to_task("stock.reserve", [["", None, 5, "x' OR 1=1 --", "\x00"]]),
        "an order that is not": to_task("payments.charge", [[SOMEBODY]]),
        "a chain of nonsense": to_task("stock.reserve", [[SOMEBODY]], embed={"chain": ["nonsense", 5]}),
        "a probe of yore": to_task("engine.probe", ["stock", "yesterday"]),
    }
