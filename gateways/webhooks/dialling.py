"""Connecting to a host by name. Every address of the name is checked, and only a checked one is connected to."""

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
    """Return all addresses of the host.

    Raises TryAgain if there is none, or if any of them is not public (unless `private_too`). `until`: by
    `time.monotonic()`.
    """
    addresses = list(dict.fromkeys(ip_address(str(place[0]).split("%")[0]) for *_, place in _places(host, port, until)))
    if not all(is_public(address, private_too=private_too) for address in addresses):
        raise TryAgain("address_not_public", f"{host} has an address that is not for webhooks")
    return addresses


def dial(host: str, port: int, *, private_too: bool, until: float) -> socket.socket:
    """Connect to one of the addresses that `resolve` has checked.

    The name is not resolved again, so its owner cannot exchange the address after the check. Raises TryAgain.

    `until`: by `time.monotonic()`, for the name and all its addresses together.
    """
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
    """Resolve the name in a thread of its own, which is left behind if it is late: no resolver takes a deadline."""
    answer: Future[list[Any]] = Future()
    threading.Thread(target=_ask, args=(answer, host, port), daemon=True).start()
    try:
        return answer.result(max(0.0, until - time.monotonic()))
    except (OSError, UnicodeError) as error:
        raise TryAgain("name_not_found", f"{host} has no address") from error


def _ask(answer: Future[list[Any]], host: str, port: int) -> None:
    try:
        answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except Exception as error:  # raised in the thread that waits for the answer
        answer.set_exception(error)
