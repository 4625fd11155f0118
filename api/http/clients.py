"""The client of a request, as far as its address identifies it."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import request

NOWHERE = "127.0.0.1"
SUBNET = 64  # a provider gives each line at least a /64, so that all its addresses are one client


def client() -> str:
    """Return the address by which rate limits count this request."""
    return counted_as(request.remote_addr or NOWHERE)


def counted_as(address: str) -> str:
    """Return the /64 of an IPv6 address, the IPv4 address of a mapped one, and anything else as it is."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address  # no address: a socket, or a test
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, SUBNET), strict=False))
