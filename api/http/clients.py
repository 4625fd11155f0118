"""Who a request comes from, as far as its address tells."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import request

NOWHERE = "127.0.0.1"
SUBNET = 64  # what one customer of a provider has at least: all its addresses are theirs


def client() -> str:
    """The address that limits count by: of IPv6 its /64; an IPv4 address written as IPv6 is that IPv4 address."""
    return counted_as(request.remote_addr or NOWHERE)


def counted_as(address: str) -> str:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address  # no address: a socket, or a test
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, SUBNET), strict=False))
