"""Whether a worker is ready is asked over the broker, and the broker has bad days."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from celery import Celery

import config
from deploy.readiness import Pinger
from tests.faults.soak.locks import Lock
from tests.fixtures import Configure
from tests.proxy import Proxy
from tests.services.session import Services


def test_a_broker_that_fell_silent_does_not_silence_the_answers_for_ever(services: Services) -> None:
    broker = services.rabbitmq
    chosen = replace(config.settings(), broker_url=broker.url, queue_prefix=f"{broker.prefix}ping.")
    with Proxy.before(broker.url) as proxy, answering("steps", chosen):
        pinger = Pinger(replace(chosen, broker_url=proxy.url(broker.url)))
        assert pinger.answering(["steps", "nobody"]) == {"steps"}
        proxy.mode("half_open")
        assert pinger.answering(["steps"]) == {"steps"}
        pinger.close()


def test_nobody_answers_through_a_broker_whose_file_is_locked(configure: Configure, tmp_path: Path) -> None:
    configure(BROKER_URL=f"litebroker:///{tmp_path}/broker.db")
    pinger = Pinger(config.settings())
    pinger._app.conf.broker_transport_options = {"busy_timeout": 0.2}
    assert pinger.answering(["steps"]) == set()
    lock = Lock(tmp_path / "broker.db")
    lock.take()
    assert pinger.answering(["steps"]) == set()
    lock.give_back()
    pinger.close()


@contextmanager
def answering(name: str, chosen: config.Settings) -> Iterator[None]:
    """What a worker does with a ping, without the rest of a worker."""
    app = Celery("answering", broker=chosen.broker_url, set_as_current=False)
    app.conf.update(
        control_exchange=f"{chosen.queue_prefix}control", control_queue_exclusive=False, control_queue_durable=True
    )
    over = threading.Event()
    with app.connection_for_read() as line:
        node = app.control.mailbox(line).Node(f"{name}@{socket.gethostname()}", channel=line.channel())
        node.handlers["ping"] = lambda state, **_: {"ok": "pong"}
        node.listen(callback=node.handle_message)
        thread = threading.Thread(target=_serve, args=(line, over))
        thread.start()
        yield
        over.set()
        thread.join()
    app.close()


def _serve(line, over):  # type: ignore[no-untyped-def]
    while not over.is_set():
        try:
            line.drain_events(timeout=0.1)
        except TimeoutError:
            continue  # nobody asked
