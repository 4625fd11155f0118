"""The open broker files of this process, and what happens to them when it forks.

SQLite must not be carried over a fork: the child would inherit locks it does not hold, and a transaction of some
other thread. So nothing is open during a fork: all connections are closed before, between two transactions, and
opened again when they are needed next, in either process.
"""

import os
import threading
import weakref
from pathlib import Path

from litebroker.database import Database
from litebroker.ledger import Ledger
from litebroker.options import Options

_open: dict[tuple[Path, Options], "Broker"] = {}
_all: "weakref.WeakSet[Broker]" = weakref.WeakSet()  # a late ack may still use one that is no longer shared
_forking: list["Broker"] = []
_lock = threading.RLock()


class Broker:
    """One broker file as this process uses it: its connection, its ledger, and how many transports use it."""

    def __init__(self, path: Path, options: Options) -> None:
        self.database = Database(path, options)
        self.ledger = Ledger(self.database)
        self.options = options
        self.users = 0
        _all.add(self)


def acquire(path: Path, options: Options) -> Broker:
    """Return this process's Broker for the file, shared by transports with equal options. Pair with `release`."""
    key = (path.absolute(), options)
    with _lock:
        if key not in _open:
            _open[key] = Broker(*key)
        broker = _open[key]
        broker.users += 1
        return broker


def release(broker: Broker) -> None:
    """End one use of the broker.

    The last use closes the connection and deletes the owner's file, unless acks are pending.
    """
    with _lock:
        broker.users -= 1
        if broker.users > 0 or broker.ledger.pending:
            return
        _open.pop((broker.database.path, broker.options), None)
        broker.database.leave()
        broker.database.close()


def _before_fork() -> None:
    _lock.acquire()
    _forking[:] = list(_all)
    for broker in _forking:
        broker.database.lock.acquire()
        broker.database.close()


def _after_in_parent() -> None:
    for broker in _forking:
        broker.database.lock.release()
    _forking.clear()
    _lock.release()


def _after_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    _open.clear()
    for broker in _forking:
        broker.database.in_child()
        broker.ledger.in_child()
    _forking.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
