"""Who is counted as one."""

from __future__ import annotations

import pytest

from server.addresses import client_behind, party, plain


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("unix", "unix"),
    ],
)
def test_an_ipv4_address_is_one_and_so_is_a_64_of_ipv6(address: str, expected: str) -> None:
    assert party(address) == expected


def test_ipv4_is_told_as_such_also_by_a_socket_of_ipv6() -> None:
    assert plain("::ffff:192.0.2.7") == "192.0.2.7"
    assert plain("fe80::1%eth0") == "fe80::1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "1.1.1.1", "9.9.9.9"),
        (1, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
        (2, "1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (3, "1.1.1.1, 2.2.2.2", "9.9.9.9"),
        (1, None, "9.9.9.9"),
    ],
)
def test_of_what_proxies_say_only_what_ours_said_counts(proxies: int, forwarded: str | None, expected: str) -> None:
    assert client_behind(proxies, forwarded, "9.9.9.9") == expected
