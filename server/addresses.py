"""Addresses of clients, and which of them count as one client."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address


def plain(address: str) -> str:
    """Return the address without a zone, and an IPv4 address that came over an IPv6 socket as IPv4.

    Text that is no address is returned as it is.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def party(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that one customer of an IPv6 provider has."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Network((int(found) >> 64 << 64, 64))) if isinstance(found, IPv6Address) else str(found)


def client_behind(proxies: int, forwarded: str | None, peer: str) -> str:
    """Return the address that the outermost of our `proxies` has seen: counted from the end of `X-Forwarded-For`.

    The app reads it in the same way. It is `peer` if there are no proxies or the header is too short.
    """
    seen = [part.strip() for part in (forwarded or "").split(",") if part.strip()]
    return plain(seen[-proxies]) if len(seen) >= proxies > 0 else peer
