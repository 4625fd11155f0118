"""Which addresses webhooks may go to: everybody's, in whatever disguise ours come."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from shop.webhooks.url_policy import is_public, problem

INSIDE = (
    *("127.0.0.1", "127.8.9.10", "10.1.2.3", "172.16.0.1", "192.168.1.1", "0.0.0.0", "0.1.2.3"),
    *("169.254.169.254", "169.254.1.1", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "198.18.0.1", "203.0.113.9"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "::10.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::", "2001:0:0:0:0:0:80ff:fffe"),
)
OUTSIDE = ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")
NEVER = ("169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::ffff:169.254.169.254", "168.63.129.16")
AT_HOME = ("127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd12::1", "::ffff:127.0.0.1")


@pytest.mark.parametrize("address", INSIDE)
def test_what_lies_inside_is_not_reached(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_lies_outside_is(address: str) -> None:
    assert is_public(ip_address(address))


def test_at_home_our_own_networks_are_reached_and_link_local_and_the_like_never() -> None:
    assert [address for address in AT_HOME if not is_public(ip_address(address), private_too=True)] == []
    assert [address for address in NEVER if is_public(ip_address(address), private_too=True)] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com/#there",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://beispiel.\u00e4/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://127.0.0.1:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://[half/",
        "example.com",
        "",
    ],
)
def test_a_url_that_is_none_or_leads_inside_is_told_of(url: str) -> None:
    assert problem(url, private_too=False)


def test_a_url_of_the_world_is_taken_and_plain_http_only_at_home() -> None:
    assert problem("https://example.com:8443/hooks?shop=1", private_too=False) is None
    assert problem("http://127.0.0.1:9000/hooks", private_too=True) is None
