"""A private Redis server, which a drill may kill and start as often as it likes."""

from __future__ import annotations

import shutil
import subprocess

import redis

from tests.sandboxes import free_port, wait_until
from tests.services import programs


class Server:
    """A server that keeps nothing on disk. Raises Missing where redis-server is not installed."""

    def __init__(self) -> None:
        self.port, self._home = free_port(), programs.folder()
        self._program = programs.find("redis-server")
        self._running: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._home))
        command = [str(self._program), *options]
        with (self._home / "log").open("ab") as log:
            self._running = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, what="the private Redis")

    def kill(self) -> None:
        if self._running:
            self._running.kill()
            self._running.wait()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._home)

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False
