"""From a name to a line. Every address of the name is looked at, and the one that was looked at is the one dialled."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from outcomes import TryAgain
from shop.webhook_urls import Address, is_public

CONNECT_SECONDS = 5.0


def resolve(host: str, port: int, *, private_too: bool) -> list[Address]:
    """All addresses of the host; TryAgain if there is none, or if any of them is not the world's."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TryAgain("name_not_found", f"{host} has no address") from error
    addresses = [ip_address(str(place[0]).split("%")[0]) for *_, place in found]
    if not all(is_public(address, private_too=private_too) for address in addresses):
        raise TryAgain("address_not_public", f"{host} has an address that is not for webhooks")
    return addresses


def dial(host: str, port: int, *, private_too: bool) -> socket.socket:
    """A line to one of the addresses just looked at: whatever the name says a moment later, nobody asks it again."""
    for address in resolve(host, port, private_too=private_too):
        try:
            return socket.create_connection((str(address), port), timeout=CONNECT_SECONDS)
        except OSError:
            continue
    raise TryAgain("unreachable", f"nobody answers at {host}:{port}")
