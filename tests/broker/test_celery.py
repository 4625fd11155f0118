"""A real Celery worker over either broker."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery, chain

from deploy.child_process import bury
from tests.broker.conftest import Broker
from tests.broker.talk import eventually
from tests.broker.workers import Site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["litebroker", "rabbitmq"])
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site where a prefork worker is running."""
    folder = tmp_path_factory.mktemp("busy")
    url = request.getfixturevalue("vhost") if request.param == "rabbitmq" else f"litebroker:///{folder}/broker.db"
    site = Site(url, f"test-{uuid.uuid4().hex[:8]}", folder)
    with site.worker(), site.app() as app:
        app.send_task("contract.note", args=(0,))
        eventually(["0"], site.lines, within=20)
        yield site


@pytest.fixture
def app(busy: Site) -> Iterator[Celery]:
    busy.output.unlink(missing_ok=True)
    with busy.app() as app:
        yield app


def test_a_chain_of_four_runs_to_its_end(busy: Site, app: Celery) -> None:
    steps = [app.signature("contract.add", args=(1, 1))]
    steps += [app.signature("contract.add", args=(1,)) for _ in range(3)]
    chain(*steps, app=app).apply_async()
    eventually(["2", "3", "4", "5"], busy.lines, within=10)


def test_a_worker_answers_a_ping(app: Celery) -> None:
    answers = app.control.ping(timeout=3, limit=1)
    assert [list(answer.values()) for answer in answers] == [[{"ok": "pong"}]]


def test_the_events_of_a_task_are_received(app: Celery) -> None:
    wanted = ["task-received", "task-started", "task-succeeded"]
    seen: list[str] = []
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": lambda event: seen.append(event["type"])})
        with receiver.consumer_context() as (listening, _, _):
            app.send_task("contract.note", args=(1,))
            while wanted[-1] not in seen:
                listening.drain_events(timeout=5)
    assert [kind for kind in seen if kind in wanted] == wanted


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_task_in_a_killed_worker_runs_again(broker: Broker, name: str, tmp_path: Path, pool: str) -> None:
    site = Site(broker.url, name, tmp_path)
    with site.app() as app:
        app.send_task("contract.long", args=(0.5,))
    with site.worker(pool) as first:
        eventually(["started"], site.lines, within=20)
        bury(first)
    with site.worker(pool):
        eventually(["started", "started", "ended"], site.lines, within=20)
