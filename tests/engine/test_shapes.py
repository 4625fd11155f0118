"""A message is judged before Celery unpacks it: what has not the shape of a task is refused, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.message import Message

from celery_app import app
from engine import backlog_probe
from engine.consumer import DELAYED, Consumer
from engine.shapes import MOST_BYTES, Misshapen, check
from tests.engine.parcels import label, pack

ID = "00000000-0000-7000-8000-000000000000"
PACK = pack.name
LINK = {"task": label.name, "args": [[ID]], "kwargs": {}, "options": {"queue": "parcels"}, "subtask_type": None}


def message(body: Any, **more: Any) -> Message:
    """As it comes out of the broker; `more`: other headers, and `raw` for a body that is sent as it is."""
    raw = more.pop("raw", None)
    headers = {"task": PACK, "id": "1", **more}
    text = json.dumps(body).encode() if raw is None else raw
    return Message(
        text, headers=headers, content_type="application/json", content_encoding="utf-8", accept={"application/json"}
    )


def as_celery_writes(name: str, args: tuple[Any, ...], **more: Any) -> Message:
    written = app.amqp.as_task_v2("1", name, args, {}, create_sent_event=True, **more)
    return message(written.body, **written.headers)


@pytest.mark.parametrize("chain", [None, [LINK]])
def test_what_celery_writes_for_a_wave_is_taken(chain: Any) -> None:
    check(as_celery_writes(PACK, ([ID, ID],), chain=chain))


def test_a_wave_that_was_lost_before_is_taken() -> None:
    check(message([[[ID]], {"suspect": True}, {}]))


def test_a_probe_is_taken() -> None:
    check(as_celery_writes(backlog_probe.probe.name, ("orderwave.stock", "2026-01-01T00:00:00+00:00")))


def test_fields_that_newer_code_adds_are_taken() -> None:
    check(message([[[ID]], {"later": 1}, {"chain": None, "newer": 5}], newer={"a": 1}))


@pytest.mark.parametrize(
    "body",
    [
        *({}, 5, "x", None, [], [[[ID]]], [[[ID]], {}], [[[ID]], {}, {}, {}]),
        *([{}, {}, {}], [None, {}, {}], ["x", {}, {}], [[[ID]], [], {}], [[[ID]], None, {}]),
        *([[[ID]], {}, None], [[[ID]], {}, []], [[[ID]], {}, "x"]),
        *(
            [[], {}, {}],
            [[[ID], 1], {}, {}],
            [[ID], {}, {}],
            [[5], {}, {}],
            [[{"id": ID}], {}, {}],
            [[[ID, 5]], {}, {}],
        ),
        *([[[ID]], {}, {"chain": "x"}], [[[ID]], {}, {"chain": ["x", 5]}], [[[ID]], {}, {"chain": [{"task": "no"}]}]),
        *([[[ID]], {}, {"chord": {"task": PACK}}], [[[ID]], {}, {"callbacks": [LINK]}], [[[ID]], {}, {"errbacks": 5}]),
        [[[ID]], {}, {"chain": [{**LINK, "subtask_type": "group"}]}],
    ],
)
def test_any_other_body_is_refused(body: Any) -> None:
    with pytest.raises(Misshapen):
        check(message(body))


@pytest.mark.parametrize(
    "headers",
    [
        *({"task": None}, {"task": [PACK]}, {"task": 5}, {"id": None}, {"id": 5}, {"id": ["x"]}),
        *({"retries": "x"}, {"retries": True}, {"timelimit": 5}, {"timelimit": [1, 1]}, {"eta": "tomorrow"}),
        *({"expires": 5}, {"root_id": 5}, {"parent_id": {}}, {"argsrepr": []}, {"stamps": {"a": 1}}),
    ],
)
def test_any_other_head_is_refused(headers: dict[str, Any]) -> None:
    with pytest.raises(Misshapen):
        check(message([[[ID]], {}, {}], **headers))


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b'[[["', b"[" * 100_000, b" " * (MOST_BYTES + 1)])
def test_what_can_not_be_read_is_refused(raw: bytes) -> None:
    with pytest.raises(Misshapen):
        check(message(None, raw=raw))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(JSON, st.dictionaries(st.sampled_from(["task", "id", "retries", "group", "shadow", "eta"]), JSON, max_size=3))
def test_whatever_it_is_it_is_taken_or_refused_and_nothing_else_happens(body: Any, headers: dict[str, Any]) -> None:
    try:
        check(message(body, **headers))
    except Misshapen:
        return
    [[ids], _, _] = body
    assert all(isinstance(id, str) for id in ids)


def test_a_worker_does_not_declare_the_queues_of_a_delay_that_nobody_uses() -> None:
    assert DELAYED not in Consumer.Blueprint.default_steps
    assert "celery.worker.consumer.tasks:Tasks" in Consumer.Blueprint.default_steps


def test_celery_has_no_results_to_clean_up() -> None:
    assert sorted(app.Beat().Service(app).get_scheduler().schedule) == ["look at the clock", "look for campaigns"]


@pytest.mark.parametrize("name", ["engine.probe", "maintenance.poke", "maintenance.start_due_campaigns"])
def test_what_is_sent_for_ever_tells_nobody_that_it_was(name: str) -> None:
    assert app.amqp.as_task_v2("1", name, (), {}, create_sent_event=True).sent_event is None
    assert app.amqp.as_task_v2("1", PACK, ([ID],), {}, create_sent_event=True).sent_event is not None


def test_a_probe_that_is_taken_tells_nobody_either() -> None:
    assert not backlog_probe.probe.send_events
    assert app.tasks[PACK].send_events
