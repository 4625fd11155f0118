"""Whose connection it is."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address


def plain(address: str) -> str:
    """Without a zone; IPv4 as such, also where a socket of IPv6 took it."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def party(address: str) -> str:
    """Who is counted as one: an IPv4 address, or the /64 that one customer of an IPv6 provider has."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Network((int(found) >> 64 << 64, 64))) if isinstance(found, IPv6Address) else str(found)


def client_behind(proxies: int, forwarded: str | None, peer: str) -> str:
    """What the farthest of our proxies has seen: the last but so many of `X-Forwarded-For`, as the app reads it."""
    seen = [part.strip() for part in (forwarded or "").split(",") if part.strip()]
    return plain(seen[-proxies]) if len(seen) >= proxies > 0 else peer
