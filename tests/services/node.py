"""A private RabbitMQ node, which a drill may kill and start as often as it likes."""

from __future__ import annotations

import os
import shutil
import subprocess

from kombu import Connection

from deploy.child_process import bury
from tests.sandboxes import free_port, wait_until
from tests.services import NAME, programs


class Node:
    """A node with its own name, ports, folders, cookie and name server. Raises Missing without RabbitMQ's programs."""

    def __init__(self) -> None:
        # The script on the PATH changes the user; the one behind it does not.
        self._program = programs.find("rabbitmq-server", first="/usr/lib/rabbitmq/bin")
        self._epmd = programs.find("epmd")
        self._home, self._port = programs.folder(), free_port()
        self._names_port, self._distribution_port = str(free_port()), str(free_port())
        self._running: subprocess.Popen[bytes] | None = None
        (self._home / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self._port}\n")
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def start(self) -> None:
        self.launch()
        wait_until(lambda: answers(self.url), seconds=60, what=f"the private RabbitMQ; its log: {self._home}/log")

    def launch(self) -> None:
        """Start without waiting."""
        with (self._home / "log").open("ab") as log:
            self._running = subprocess.Popen(
                [self._program], env=os.environ | self._environment(), stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        if self._running:
            bury(self._running)
            wait_until(lambda: NAME not in self._names("-names"), what="the name server to notice")

    def remove(self) -> None:
        self.kill()
        self._names("-kill")
        shutil.rmtree(self._home)

    def _names(self, wish: str) -> str:
        return programs.run(self._epmd, "-port", self._names_port, wish)

    def _environment(self) -> dict[str, str]:
        home = str(self._home)
        return {
            "HOME": home,
            "ERL_EPMD_PORT": self._names_port,
            "RABBITMQ_NODENAME": f"{NAME}@localhost",
            "RABBITMQ_DIST_PORT": self._distribution_port,
            "RABBITMQ_MNESIA_BASE": home,
            "RABBITMQ_LOG_BASE": home,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
        }


def answers(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=3) as connection:
            connection.connect()
    except OSError:
        return False
    return True
