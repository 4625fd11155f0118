"""`make up` itself, on each pair: a thousand rude clients stop nobody, and a restart refuses nobody (P22)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from urllib.request import urlopen

import pytest

from deploy.child_process import ROOT
from tests.sandboxes import request, wait_until
from tests.server.wire import head
from tests.services.session import Services
from tests.stack.client import Client
from tests.stack.environment import embedded, everywhere, on_services
from tests.stack.fixtures import PAIRS
from tests.stack.shelf import Shelf

pytestmark = pytest.mark.slow

HALF = head("POST", "/api/orders", Content_Type="application/json", Content_Length=100) + b"{"
KINDS = (b"POST /api/orders HTTP/1.1\r\nHost: shop\r\nContent-Le", HALF, HALF, head("GET", "/healthz"), None)
MANY, ASKING = 1000, 4


class Copy:
    """A shop under its supervisor."""

    def __init__(self, environment: dict[str, str], running: subprocess.Popen[bytes]) -> None:
        self.environment, self.running = environment, running
        self.url, self.port = environment["PUBLIC_URL"], int(environment["PORT"])
        self.shelf = Shelf(environment["DATABASE_URL"])

    def client(self, name: str) -> Client:
        client = Client(self.url, f"{name}@example.com")
        assert client.register().status == 201
        client.sign_in()
        return client

    def pid(self, name: str) -> int:
        kept = json.loads((Path(self.environment["STATE_DIR"]) / "processes.json").read_text())
        return int(kept[name][0])


@pytest.fixture(scope="module", params=PAIRS)
def copy(
    request: pytest.FixtureRequest, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copy]:
    folder = tmp_path_factory.mktemp("up")
    with nullcontext(embedded(folder)) if request.param == "embedded" else on_services(services, "door") as pair:
        environment = everywhere(folder) | pair
        with up(environment, folder / "console") as running:
            copy = Copy(environment, running)
            yield copy
            copy.shelf.engine.dispose()


@contextmanager
def up(environment: dict[str, str], console: Path) -> Iterator[subprocess.Popen[bytes]]:
    with console.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "deploy.up"], cwd=ROOT, env=os.environ | environment, stdout=out, stderr=out
        )
    try:
        wait_until(lambda: "Orderwave is up." in console.read_text(), seconds=120, what=f"all to be ready: {console}")
        yield running
    finally:
        running.terminate()
        assert running.wait(timeout=60) == 0


@pytest.mark.sample("embedded")
def test_p22_a_thousand_clients_that_dawdle_stop_nobody(copy: Copy) -> None:
    """In under a second; on a machine that needs a second for it without them, in four times as long as alone."""
    sku = copy.shelf.new_sku()
    copy.shelf.add(sku, on_hand=100, price=1999)
    client = copy.client("dawdled")
    alone = _answered(copy, client, sku)
    with dawdlers(copy.port):
        # What they asked for, and do not read, is being answered: two hundred lists of products take a while.
        wait_until(lambda: _seconds(lambda: _is_well(copy)) < 0.1, seconds=30, what="all of them to have come in")
        taken = _answered(copy, client, sku)
    limit = max(1.0, 4 * max(alone))
    *taken, longest = sorted(taken)
    assert max(taken) < limit, (alone, taken)
    assert longest < 3 * limit, longest  # a machine with other tests to do stops for a moment now and then


def _is_well(copy: Copy) -> None:
    assert request("GET", copy.url + "/healthz").status == 200


def _answered(copy: Copy, client: Client, sku: str) -> list[float]:
    """In how many seconds `/healthz` and an order were answered, five times each; no half-sent order was taken."""
    orders, taken = "SELECT count(*) AS number FROM orders", []
    before = copy.shelf.rows(orders)[0]["number"]
    for round in range(5):
        taken += [_seconds(lambda: _is_well(copy))]
        client.get("POST", "/api/cart/me", {"sku": sku, "quantity": 1})
        taken += [_seconds(client.order)]
        assert copy.shelf.rows(orders)[0]["number"] == before + round + 1, "nothing half-sent became an order"
        time.sleep(0.5)
    return taken


@pytest.mark.sample("services")
def test_p22_nobody_is_refused_while_the_api_dies_and_comes_back(copy: Copy) -> None:
    with asking(copy.url) as (answers, broken):
        restart(copy, answers, lambda pid: os.killpg(pid, signal.SIGKILL))
        assert len(broken) <= ASKING, "only what was under way"
        broken.clear()
        restart(copy, answers, lambda pid: os.kill(pid, signal.SIGTERM))
        assert broken == [], "what was under way was answered"
    assert set(answers) == {200}
    assert not any("refused" in said for said in broken)


def restart(copy: Copy, answers: list[int], stop: Callable[[int], None]) -> None:
    before = copy.pid("api")
    stop(before)
    wait_until(lambda: copy.pid("api") != before, seconds=60, what="the supervisor to start it again")
    done = len(answers)
    wait_until(lambda: len(answers) > done + 50, seconds=90, what="it to answer again")


@contextmanager
def dawdlers(port: int) -> Iterator[None]:
    """Half heads, half bodies, a byte a second, idle after one request, answers that are never read."""
    stop = threading.Event()
    with ExitStack() as closing:
        clients = [_dawdler(port, KINDS[number % len(KINDS)], closing) for number in range(MANY)]
        thread = threading.Thread(target=_trickle, args=(clients, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _dawdler(port: int, kind: bytes | None, closing: ExitStack) -> socket.socket:
    client = closing.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.settimeout(5)
    client.connect(("127.0.0.1", port))
    client.sendall(kind or head("GET", "/api/products") * 20)
    return client


def _trickle(clients: list[socket.socket], stop: threading.Event) -> None:
    while not stop.wait(1):
        for client in clients[2 :: len(KINDS)]:
            try:
                client.send(b" ")
            except OSError:
                continue  # it was sent away


@contextmanager
def asking(url: str) -> Iterator[tuple[list[int], list[str]]]:
    """Some clients, each with a new connection for each request. Status of each answer; what broke off, and how."""
    answers: list[int] = []
    broken: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                with urlopen(url + "/healthz", timeout=90) as answer:
                    answers.append(answer.status)
            except OSError as error:
                broken.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(ASKING)]
    for thread in threads:
        thread.start()
    try:
        yield answers, broken
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _seconds(call: Callable[[], object]) -> float:
    begun = time.monotonic()
    call()
    return time.monotonic() - begun
