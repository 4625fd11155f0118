"""A whole running copy: bank, mail sink, workers and API as processes, on one of the two pairs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy import processes
from tests.sandboxes import ROOT, Bank, Sink, free_port, wait_until
from tests.stack.client import Client, Order
from tests.stack.environment import settings
from tests.stack.handle import Handle
from tests.stack.shelf import Shelf

Crews = Mapping[str, list[str]]


class Stack:
    """A running copy: `stack.client()`, `stack.sku()`, `stack.worker.kill9()`, `stack.bank.ledger()`, `stack.doctor()`.

    The clock and Flower do not run unless `start_process` starts them.
    """

    def __init__(self, pair: str, environment: dict[str, str], crews: Crews | None = None) -> None:
        """crews: the workers by name with the nouns of each, if they are to differ from a deployment's."""
        self.pair, self.environment = pair, environment
        self.settings = settings(environment)
        self.state_dir: Path = self.settings.state_dir
        self.url = self.settings.public_url
        self.handles: dict[str, Handle] = {}
        self.bank, self.sink = self._bank(), self._sink()
        self.workers = {str(process.node): self._handle(process) for process in self._crews(crews)}
        self.api = self._handle(processes.api(self.settings))
        self.shelf = Shelf(self.settings.database_url)
        self._people = 0

    @property
    def worker(self) -> Handle:
        """The worker of the local steps. The others: `stack.workers["payments"]`, `["notifications"]`."""
        return self.workers["steps"]

    def start(self) -> None:
        """Start all processes and wait until they are ready; bank and sink start while the tables are made."""
        for handle in (self.handles["bank"], self.handles["mailsink"]):
            handle.launch()
        self.run("deploy.migrate")
        for handle in (*self.workers.values(), self.api):
            handle.launch()
        self._wait_until_ready()

    def close(self) -> None:
        for handle in self.handles.values():
            handle.kill9()
        self.shelf.engine.dispose()

    def heal(self) -> None:
        """Restore the state of the start: all processes run, no extra worker, no faults at bank and mail sink."""
        for name in [name for name in self.handles if name.startswith("worker-extra")]:
            self.handles.pop(name).kill9()
        for handle in self.handles.values():
            if not handle.is_itself:
                handle.kill9()
            if not handle.alive:
                handle.launch()
        self._wait_until_ready()
        self.bank.control(
            fail=0, drop=0, answer=0, silent=False, latency_ms=0, refuse_refunds=False, webhooks="asynchronous"
        )
        self.sink.control("accept")

    def start_worker(self, queues: Iterable[str] = ("stock", "orders"), env: dict[str, str] | None = None) -> Handle:
        """Start one more worker for these nouns, say with env={"ORDERWAVE_CRASH": "stock.reserve:after_record"}."""
        name = f"extra-{len(self.handles)}"
        handle = self._handle(processes.worker(self.settings, name, list(queues), threads=4), env)
        handle.start()
        return handle

    def stop_worker(self, handle: Handle) -> None:
        handle.stop()

    def start_door(self) -> str:
        """Start one more API at a port of its own, and return its address."""
        chosen = replace(self.settings, port=free_port())
        self._handle(replace(processes.api(chosen), name=f"api-{chosen.port}")).start()
        return f"http://127.0.0.1:{chosen.port}"

    def start_process(self, name: str) -> Handle:
        """Start `clock` or `flower`, which do not run by default because orders do not need them."""
        process = {"clock": processes.clock, "flower": processes.flower}[name](self.settings)
        handle = self._handle(process)
        handle.start()
        return handle

    def client(self, email: str | None = None, role: str = "customer") -> Client:
        """Return a client with a registered account and a session; `role` "staff" or "admin" is set in the database."""
        self._people += 1
        client = Client(self.url, email or f"somebody-{self._people}@example.com")
        answer = client.register()
        assert answer.status == 201, answer
        if role != "customer":
            self.shelf.change("UPDATE users SET role = :role WHERE email = :email", role=role, email=client.email)
        client.sign_in()
        return client

    def sku(self, on_hand: int = 10, price: int = 1999) -> str:
        """Put a new SKU into stock, which no other test sells; `price` in cents."""
        sku = self.shelf.new_sku()
        self.shelf.add(sku, on_hand=on_hand, price=price)
        return sku

    def the_mail(self, order: Order) -> str:
        """Return the subject of the only mail about the order, which may leave a moment after its job has ended."""
        wait_until(lambda: self.mails(order), seconds=30, what=f"a mail about {order.number}")
        [mail] = self.mails(order)
        return str(mail["subject"])

    def mails(self, order: Order) -> list[dict[str, Any]]:
        """Return the mails in the sink with the order's number in their subject, for any recipient."""
        return [mail for mail in self.sink.messages() if order.number in mail["subject"]]

    def doctor(self) -> str:
        """Run the doctor and return its output; fails if an invariant is broken."""
        return self.run("doctor")

    def run(self, module: str, *arguments: str, check: bool = True) -> str:
        """Run `python -m module` in this stack's environment and return its output; with `check` it must exit 0."""
        command, own = [sys.executable, "-m", module, *arguments], {**os.environ, **self.environment}
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
        print(done.stderr, end="", file=sys.stderr)
        assert done.returncode == 0 or not check, f"{module} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _crews(self, crews: Crews | None) -> list[processes.Process]:
        if crews is None:
            return processes.workers(self.settings)
        return [processes.worker(self.settings, name, nouns, threads=4) for name, nouns in crews.items()]

    def _wait_until_ready(self) -> None:
        for handle in self.handles.values():
            handle.wait_until_ready()

    def _handle(self, process: processes.Process, env: dict[str, str] | None = None) -> Handle:
        handle = Handle(self.settings, process, self.environment | (env or {}))
        self.handles[handle.name] = handle
        return handle

    def _bank(self) -> Bank:
        handle = self._handle(processes.bank(self.settings))
        return Bank(self.settings.bank_url, self.settings.bank_key, self.settings.bank_webhook_secret, handle)  # type: ignore[arg-type]

    def _sink(self) -> Sink:
        handle = self._handle(processes.sink(self.settings))
        return Sink(f"http://127.0.0.1:{self.settings.sink_port}", self.settings.smtp_url, handle)  # type: ignore[arg-type]
