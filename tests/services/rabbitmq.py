"""RabbitMQ: a virtual host of the running one, its default host with queues of our own, or a private node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from kombu import Connection

from celery_app import TASK_MODULES, noun_of
from tests.services import GIVEN, NAME, Missing, programs
from tests.services.node import Node, answers


@dataclass(frozen=True)
class Broker:
    """The URL of the broker, and the prefix that keeps our queues apart from others on it."""

    url: str
    prefix: str = f"{NAME}."
    ours: bool = True  # the whole virtual host goes at the end; if not, delete the queues you made


def forget(url: str, prefix: str) -> None:
    """Delete the queues of a copy that has ended: each holds files open, and a node without free ones stands still."""
    nouns = [noun_of(module) for module in TASK_MODULES]
    if not answers(url):  # a private node that a drill has killed
        return
    with Connection(url, connect_timeout=3) as line:
        for queue in (*nouns, "dead"):
            line.default_channel.queue_delete(prefix + queue)
        for exchange in ("tasks", "dead", "control", "events"):
            line.default_channel.exchange_delete(prefix + exchange)


@contextmanager
def broker() -> Iterator[Broker]:
    """Yield a virtual host of the running broker, its default one where we may not administer it, or a private node."""
    here = GIVEN["BROKER_URL"] if GIVEN["BROKER_URL"].startswith("amqp") else "amqp://guest:guest@127.0.0.1:5672//"
    if not answers(here):
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
    node = Node()
    try:
        node.start()
        yield Broker(node.url)
    finally:
        node.remove()
