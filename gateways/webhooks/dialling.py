"""From a name to a line. Every address of the name is looked at, and the one that was looked at is the one dialled."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import Future
from ipaddress import ip_address
from typing import Any

from engine.outcomes import TryAgain
from shop.webhooks.url_policy import Address, is_public

CONNECT_SECONDS = 5.0  # for one address, as long as all of them together have that much left


def resolve(host: str, port: int, *, private_too: bool, until: float) -> list[Address]:
    """All addresses of the host; TryAgain if there is none, or if any of them is not the world's."""
    addresses = list(dict.fromkeys(ip_address(str(place[0]).split("%")[0]) for *_, place in _places(host, port, until)))
    if not all(is_public(address, private_too=private_too) for address in addresses):
        raise TryAgain("address_not_public", f"{host} has an address that is not for webhooks")
    return addresses


def dial(host: str, port: int, *, private_too: bool, until: float) -> socket.socket:
    """A line to one of the addresses just looked at: whatever the name says a moment later, nobody asks it again.

    `until`: by `time.monotonic()`, for the name and all its addresses together."""
    for address in resolve(host, port, private_too=private_too, until=until):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((str(address), port), timeout=min(CONNECT_SECONDS, left))
        except OSError:
            continue
    raise TryAgain("unreachable", f"nobody answers at {host}:{port}")


def _places(host: str, port: int, until: float) -> list[Any]:
    """No resolver takes a deadline: it is asked in a thread of its own, which is left behind if it is late."""
    answer: Future[list[Any]] = Future()
    threading.Thread(target=_ask, args=(answer, host, port), daemon=True).start()
    try:
        return answer.result(max(0.0, until - time.monotonic()))
    except (OSError, UnicodeError) as error:
        raise TryAgain("name_not_found", f"{host} has no address") from error


def _ask(answer: Future[list[Any]], host: str, port: int) -> None:
    try:
        answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except Exception as error:  # whoever waits for it gets it
        answer.set_exception(error)
