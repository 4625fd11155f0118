"""What is sent, and when: at once in a quiet moment, gathered when busy, and never waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from kombu import Connection
from kombu.messaging import Producer

import celery_app
from celery_app import app
from engine import dispatch
from engine.dispatch import ChainPosition, Flusher
from tests.engine.parcels import send_parcel
from tests.sandboxes import wait_until

PLACE = ChainPosition(send_parcel.plan, 0, "do")
QUEUE = "orderwave-test.parcels"


class Broker:
    """Takes what the flusher sends, or does not."""

    def __init__(self) -> None:
        self.waves: list[list[str]] = []
        self.refuses = 0
        self.entered = threading.Event()
        self.holds = threading.Event()
        self.holds.set()

    def send_all(self, parcels: list[tuple[ChainPosition, str]]) -> int:
        self.entered.set()
        self.holds.wait(10)
        if self.refuses:
            self.refuses -= 1
            raise ConnectionRefusedError("no broker")
        self.waves.append([id for _, id in parcels])
        return 1

    @property
    def ids(self) -> list[str]:
        return [id for wave in self.waves for id in wave]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    broker = Broker()
    monkeypatch.setattr(dispatch, "send_all", broker.send_all)
    monkeypatch.setattr(dispatch, "_queued", lambda place: 0)
    yield broker
    broker.holds.set()
    time.sleep(0.05)


def test_a_run_that_comes_in_a_quiet_moment_leaves_at_once(broker: Broker) -> None:
    flusher = Flusher()
    for n in range(3):
        began = time.monotonic()
        flusher.take([(PLACE, f"r{n}")])
        wait_until(lambda n=n: len(broker.waves) == n + 1)  # type: ignore[misc]
        assert time.monotonic() - began < 0.25
        time.sleep(0.3)
    assert broker.waves == [["r0"], ["r1"], ["r2"]]


def test_under_load_runs_are_gathered_and_none_is_lost_or_doubled(broker: Broker) -> None:
    flusher = Flusher()
    for n in range(400):
        flusher.take([(PLACE, f"r{n}")])
        time.sleep(0.001)
    wait_until(lambda: len(broker.ids) == 400)
    assert broker.ids == [f"r{n}" for n in range(400)]
    assert len(broker.waves) < 100


def test_while_waves_queue_up_in_the_broker_those_that_are_not_full_leave_seldom(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted against the time it took, and so as true on a machine that stops for a while."""
    monkeypatch.setattr(dispatch, "_queued", lambda place: 100)
    flusher, began, count = Flusher(), time.monotonic(), 0
    while time.monotonic() < began + 4:
        flusher.take([(PLACE, f"r{count}")])
        count += 1
        time.sleep(0.002)
    wait_until(lambda: len(broker.ids) == count)
    assert sorted(broker.ids) == sorted(f"r{n}" for n in range(count))
    growing = 4  # the first, which leaves at once, and three while the pause doubles
    not_full = sum(len(wave) < 64 for wave in broker.waves)
    assert not_full <= growing + (time.monotonic() - began) / dispatch.LONGEST + 1


def test_those_who_do_not_fill_a_wave_wait_for_the_next_and_no_longer_than_the_pause(broker: Broker) -> None:
    flusher = Flusher()
    flusher.take([(PLACE, "first")])
    wait_until(lambda: broker.waves)
    flusher.take([(PLACE, f"r{n}") for n in range(70)])
    wait_until(lambda: len(broker.ids) == 71)
    assert [len(wave) for wave in broker.waves] == [1, 64, 6]


def test_taking_never_waits_for_the_broker(broker: Broker) -> None:
    flusher = Flusher()
    broker.holds.clear()
    began = time.monotonic()
    for n in range(100):
        flusher.take([(PLACE, f"r{n}")])
    assert time.monotonic() - began < 1
    assert broker.waves == []
    broker.holds.set()
    wait_until(lambda: len(broker.ids) == 100)


def test_a_process_that_ends_waits_until_its_last_waves_have_left(broker: Broker) -> None:
    flusher = Flusher()
    broker.holds.clear()
    flusher.take([(PLACE, "last")])
    assert not flusher.wait_until_sent(0.05)
    broker.holds.set()
    assert flusher.wait_until_sent(10)
    assert broker.ids == ["last"]


def test_after_a_broker_that_refuses_the_flusher_lives_on(broker: Broker) -> None:
    flusher = Flusher()
    broker.refuses = 1
    flusher.take([(PLACE, "gone")])
    wait_until(lambda: broker.refuses == 0)
    flusher.take([(PLACE, "next")])
    wait_until(lambda: broker.waves)
    assert broker.waves == [["next"]]  # the sweep sends the other


def test_what_cannot_be_sent_for_long_does_not_fill_the_memory(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "MOST_WAITING", 10)
    flusher = Flusher()
    broker.holds.clear()
    flusher.take([(PLACE, "first")])
    assert broker.entered.wait(10)
    for n in range(50):
        flusher.take([(PLACE, f"r{n}")])
    broker.holds.set()
    wait_until(lambda: len(broker.ids) == 11)
    time.sleep(0.1)
    assert broker.ids == ["first", *[f"r{n}" for n in range(10)]]


# --- what a message is ---------------------------------------------------------------------------


@pytest.fixture
def producer() -> Iterator[Producer]:
    """Of Celery's own kind, to a broker in this process's memory."""
    app.amqp.queues.add(celery_app._queue(QUEUE))
    with Connection("memory://") as connection, app.amqp.Producer(connection) as producer:
        yield producer
    del app.amqp.queues[QUEUE]


def test_a_wave_is_a_native_chain_that_carries_ids_and_nothing_else(producer: Producer) -> None:
    dispatch.send(producer, PLACE, ["id-1", "id-2"])
    message = producer.channel.basic_get(QUEUE)
    args, kwargs, embedded = message.decode()
    assert message.headers["task"] == "parcels.pack"
    assert (args, kwargs) == ([["id-1", "id-2"]], {})
    tail = list(reversed(embedded["chain"]))
    assert [link["task"] for link in tail] == ["parcels.label", "parcels.hand_over", "parcels.tell"]
    assert {str(link["args"]) for link in tail} == {"[['id-1', 'id-2']]"}
    assert all(link["immutable"] and link["options"]["queue"] == QUEUE for link in tail)
    assert message.headers["eta"] is None
    assert producer.channel.basic_get(QUEUE) is None


def test_the_chain_of_an_undo_goes_backwards(producer: Producer) -> None:
    dispatch.send(producer, ChainPosition(send_parcel.plan, 2, "undo"), ["id-1"])
    message = producer.channel.basic_get(QUEUE)
    assert message.headers["task"] == "parcels.unlabel"
    assert [link["task"] for link in message.decode()[2]["chain"]] == ["parcels.unpack"]
