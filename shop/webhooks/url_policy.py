"""Which addresses a webhook may be posted to: public ones. A URL that staff enter must not reach the inner network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

NAT64 = ip_network("64:ff9b::/96")
WORLD = ip_network("2000::/3")  # of IPv6, all that is given out
TAKEN = (ip_address("168.63.129.16"), ip_address("192.0.0.192"))  # of clouds' own services: they look like public ones
LONGEST = 500


def is_public(address: Address, *, private_too: bool = False) -> bool:
    """Tell whether an address is public.

    `private_too`: also this machine and private networks, for development; link-local never.
    """
    inner = _inner(address)
    if inner is not None:
        return is_public(inner, private_too=private_too)
    if address.is_multicast or address.is_link_local or address.is_unspecified or address in TAKEN:
        return False
    if private_too and (address.is_loopback or address.is_private):
        return True
    if isinstance(address, IPv6Address) and (address not in WORLD or address.is_site_local):
        return False
    return address.is_global and not address.is_reserved


def _inner(address: Address) -> IPv4Address | None:
    """Return the IPv4 address embedded in an IPv6 one: mapped, compatible, 6to4, Teredo, NAT64. None: there is none."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    low = int(address) & 0xFFFFFFFF
    if address in NAT64 or (int(address) >> 32 == 0 and low > 1):
        return IPv4Address(low)
    return None


def problem(url: str, *, private_too: bool) -> str | None:
    """Say what is wrong with a URL, as an error message, without resolving its host. None: nothing."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "Is not a URL."
    if parts.scheme not in (("https", "http") if private_too else ("https",)):
        return "Must begin with https://."
    if not host or not url.isascii() or any(mark.isspace() for mark in url) or port == 0:
        return "Must name a host, in ASCII."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "May hold no user, password or fragment."
    address = _literal(host)
    if address is not None and not is_public(address, private_too=private_too):
        return "Must be an address that everybody can reach."
    return None


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
