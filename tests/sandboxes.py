"""The outside world for tests: real sandbox processes on free ports. Plain helpers, no fixtures."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parent.parent
START_SECONDS = float(os.environ.get("DRILL_START_SECONDS", "120"))  # a busy machine starts processes slowly


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Process:
    """One sandbox process; `start` again after `stop` or `kill` to go on with the same ports and files."""

    arguments: list[str]
    environment: dict[str, str]
    health_url: str
    log: Path
    _running: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        assert self._running is not None, "not started"
        return self._running.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, *self.arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        atexit.register(self.kill)  # a test that fails half-way leaves nothing running
        wait_for_start(" ".join(self.arguments), self._healthy, self._is_alive, self._tail)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: no goodbye, no clean-up."""
        self._end(signal.SIGKILL)

    def _healthy(self) -> bool:
        try:
            return request("GET", self.health_url).status == 200
        except OSError:
            return False  # not listening yet

    def _is_alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def _end(self, sign: signal.Signals) -> None:
        if self._running:
            self._running.send_signal(sign)
            self._running.wait(timeout=15)
        self._running = None
        atexit.unregister(self.kill)


@dataclass
class Bank:
    """A running sandbox bank and what its ledger says."""

    url: str
    api_key: str
    webhook_secret: str
    process: Process

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.api_key}"} | ({"Idempotency-Key": key} if key else {})
        return request(method, self.url + path, body, headers)

    def ledger(self, reference: str | None = None) -> dict[str, Any]:
        query = f"?reference={quote(reference)}" if reference else ""
        return request("GET", f"{self.url}/ledger{query}").body

    def captures(self, reference: str) -> list[dict[str, Any]]:
        return self._entries(reference, "capture")

    def refunds(self, reference: str) -> list[dict[str, Any]]:
        return self._entries(reference, "refund")

    def control(self, **weather: Any) -> dict[str, Any]:
        """fail=2, drop=1, latency_ms=50, refuse_refunds=True, webhooks="all"."""
        answer = request("POST", f"{self.url}/control", weather)
        assert answer.status == 200, answer
        return answer.body

    def transfer(self, amount: int, reference: str, currency: str = "EUR", *, told: bool = True) -> dict[str, Any]:
        """Somebody sends money to the shop. `told` is false: the webhook is lost."""
        body = {"amount": amount, "currency": currency, "reference": reference, "told": told}
        answer = request("POST", f"{self.url}/transfers", body)
        assert answer.status == 201, answer
        return answer.body

    def complete_3ds(self, charge_id: str, outcome: str = "approve") -> Answer:
        return request("POST", f"{self.url}/3ds/{charge_id}/complete", {"outcome": outcome})

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def _entries(self, reference: str, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.ledger(reference)["entries"] if entry["kind"] == kind]


@dataclass
class Sink:
    """A running mail sink and what is in it."""

    url: str
    smtp_url: str
    process: Process

    def messages(self, to: str | None = None, *, brief: bool = False) -> list[dict[str, Any]]:
        """Newest last. `brief` leaves out bodies and headers, which is quick for thousands."""
        wishes = ({"to": to} if to else {}) | ({"brief": "1"} if brief else {})
        messages: list[dict[str, Any]] = request("GET", f"{self.url}/messages?{urlencode(wishes)}").body["messages"]
        return messages

    def control(self, mode: str) -> None:
        """accept, refuse, defer, drop_after_data, drop_after_data_stored"""
        assert request("POST", f"{self.url}/control", {"mode": mode}).status == 200

    def speak_utf8(self, yes: bool) -> None:
        """Whether connections made from now on are offered SMTPUTF8."""
        assert request("POST", f"{self.url}/control", {"smtputf8": yes}).status == 200

    def clear(self) -> None:
        assert request("DELETE", f"{self.url}/messages").status == 200

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()


def start_bank(tmp_path: Path, *, port: int | None = None, **options: object) -> Bank:
    """A bank of one's own. Options are its flags: slow_seconds=0.2, latency_ms=5, webhook_url="http://..."."""
    port = port or free_port()
    environment = _environment(tmp_path, BANK_KEY="test-bank-key", BANK_WEBHOOK_SECRET="test-webhook-secret")
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    arguments = ["-m", "sandbox.bank", "--port", str(port), "--db", str(tmp_path / "bank.db"), *flags]
    url = f"http://127.0.0.1:{port}"
    process = Process(arguments, environment, f"{url}/healthz", tmp_path / "bank.log")
    process.start()
    return Bank(url, environment["BANK_KEY"], environment["BANK_WEBHOOK_SECRET"], process)


def start_sink(tmp_path: Path, *, smtp_port: int | None = None, http_port: int | None = None) -> Sink:
    """A mail sink of one's own."""
    smtp_port, http_port = smtp_port or free_port(), http_port or free_port()
    ports = ["--smtp-port", str(smtp_port), "--http-port", str(http_port)]
    arguments = ["-m", "sandbox.mailsink", *ports, "--db", str(tmp_path / "mail.db")]
    url = f"http://127.0.0.1:{http_port}"
    process = Process(arguments, _environment(tmp_path), f"{url}/healthz", tmp_path / "mailsink.log")
    process.start()
    return Sink(url, f"smtp://127.0.0.1:{smtp_port}", process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], object], *, seconds: float = 10.0, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)


def wait_for_start(name: str, ready: Callable[[], object], alive: Callable[[], bool], tail: Callable[[], str]) -> None:
    """Fails with one sentence and the end of the log if it ends, or is not ready in DRILL_START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if not alive():
            pytest.fail(f"{name} ended at once; the end of its log:\n{tail()}", pytrace=False)
        if time.monotonic() > deadline:
            said = f"{name} was not ready after {START_SECONDS:g} s (DRILL_START_SECONDS); the end of its log:"
            pytest.fail(f"{said}\n{tail()}", pytrace=False)
        time.sleep(0.02)


def request(method: str, url: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Answer:
    """One JSON request. Any status is an answer; no answer is an OSError."""
    data = None if body is None else json.dumps(body).encode()
    wish = Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urlopen(wish, timeout=15) as response:
            return Answer(response.status, json.loads(response.read()), dict(response.headers))
    except HTTPError as error:
        with error:
            return Answer(error.code, json.loads(error.read()), dict(error.headers))


def _environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"STATE_DIR": str(tmp_path), "ORDERWAVE_ENV": "test", "PYTHONUNBUFFERED": "1", **more}
