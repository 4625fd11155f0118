"""Shares of amounts, in whole minor units."""

from __future__ import annotations

from collections.abc import Mapping

BASIS_POINTS = 10_000


def part(amount: int, times: int, of: int) -> int:
    """Compute `amount * times / of`, half rounded up. All of them are non-negative, `of` is positive."""
    return (2 * amount * times + of) // (2 * of)


def spread(amount: int, over: Mapping[str, int]) -> dict[str, int]:
    """Divide `amount` in proportion to `over`, to the unit. At most the sum of `over`: then no share exceeds its own.

    What rounding leaves goes to the largest remainders and, of equal ones, to the first name: the order of lines does
    not matter. All shares are 0 where `over` sums to 0.
    """
    whole = sum(over.values())
    if not whole:
        return dict.fromkeys(over, 0)
    shares = {name: amount * have // whole for name, have in over.items()}
    by_remainder = sorted(over, key=lambda name: (-(amount * over[name] % whole), name))
    for name in by_remainder[: amount - sum(shares.values())]:
        shares[name] += 1
    return shares
