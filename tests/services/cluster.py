"""A private PostgreSQL cluster, which a drill may stop and start as often as it likes."""

from __future__ import annotations

import shutil

from sqlalchemy import URL, make_url

from tests.sandboxes import free_port
from tests.services import programs

FIXED = "-c listen_addresses=127.0.0.1 -c fsync=off"  # only a power cut would lose anything


class Cluster:
    """A cluster, set up but not started: `Cluster(max_connections=20)`. Raises Missing where there is no PostgreSQL."""

    def __init__(self, **settings: object) -> None:
        self._user, self._port = programs.unprivileged(), free_port()
        self._home, self._running = programs.folder(self._user), False
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._options = f"-p {self._port} -k {self._home} {FIXED} {options}"
        self.url: URL = make_url(f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres")
        self._run("initdb", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        self._running = True
        self._run("pg_ctl", "-l", f"{self._home}/log", "-w", "-o", self._options, "start")

    def stop(self) -> None:
        """Stop at once, as a crash does, without a checkpoint: the next start recovers from the log."""
        self._running = False
        self._run("pg_ctl", "-m", "immediate", "stop")

    def remove(self) -> None:
        if self._running:
            self.stop()
        shutil.rmtree(self._home)

    def _run(self, program: str, *arguments: str) -> None:
        programs.run(programs.find(program), "-D", f"{self._home}/data", *arguments, user=self._user)
