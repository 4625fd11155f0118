"""RabbitMQ: a virtual host of the running one, its default host with queues of our own, or a private node."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from kombu import Connection

from tests.services import GIVEN, NAME, Missing, programs
from tests.world import free_port, wait_until


@dataclass(frozen=True)
class Broker:
    """Where to connect, and which prefix keeps our queues apart from everybody's."""

    url: str
    prefix: str = f"{NAME}."
    ours: bool = True  # the whole virtual host goes at the end; if not, delete the queues you made


@contextmanager
def broker() -> Iterator[Broker]:
    here = GIVEN["BROKER_URL"] if GIVEN["BROKER_URL"].startswith("amqp") else "amqp://guest:guest@127.0.0.1:5672//"
    if not _answers(here):
        with _private() as found:
            yield found
    elif not _may_administer(here):
        yield Broker(here, ours=False)
    else:
        with _virtual_host(here) as found:
            yield found


@contextmanager
def _virtual_host(url: str) -> Iterator[Broker]:
    user = urlsplit(url).username or "guest"
    _control("add_vhost", NAME)
    try:
        _control("set_permissions", "-p", NAME, user, ".*", ".*", ".*")
        yield Broker(urlunsplit(urlsplit(url)._replace(path="/" + quote(NAME, safe=""))))
    finally:
        _control("delete_vhost", NAME)


def _answers(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=3) as connection:
            connection.connect()
    except OSError:
        return False
    return True


def _may_administer(url: str) -> bool:
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
        return False
    try:
        _control("list_vhosts")
    except Missing:
        return False
    return True


def _control(*arguments: str, node: str | None = None) -> str:
    named = ["-n", node] if node else []
    return programs.run(programs.find("rabbitmqctl"), "-q", *named, *arguments)


@contextmanager
def _private() -> Iterator[Broker]:
    """A node of one's own: own name, ports, folders, cookie, and its own name server (facts 29)."""
    # The script on the PATH changes the user; the one behind it does not.
    program, epmd = programs.find("rabbitmq-server", first="/usr/lib/rabbitmq/bin"), programs.find("epmd")
    home, port, names = programs.folder(), free_port(), str(free_port())
    running = _start(program, home, port, names)
    found = Broker(f"amqp://guest:guest@127.0.0.1:{port}//")
    try:
        wait_until(lambda: _answers(found.url), seconds=60, what=f"the private RabbitMQ; its log: {home}/log")
        yield found
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        programs.run(epmd, "-port", names, "-kill")
        shutil.rmtree(home)


def _start(program: str, home: Path, port: int, names: str) -> subprocess.Popen[bytes]:
    (home / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    own = {
        "HOME": str(home),
        "ERL_EPMD_PORT": names,
        "RABBITMQ_NODENAME": f"{NAME}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(home),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
    }
    with (home / "log").open("wb") as log:
        return subprocess.Popen([program], env=os.environ | own, stdout=log, stderr=log, start_new_session=True)
