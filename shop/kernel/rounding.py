"""Parts of amounts, in whole minor units."""

from __future__ import annotations

from collections.abc import Mapping

BASIS_POINTS = 10_000


def part(amount: int, times: int, of: int) -> int:
    """`amount * times / of`, the half rounded up. Nothing here is negative."""
    return (2 * amount * times + of) // (2 * of)


def spread(amount: int, over: Mapping[str, int]) -> dict[str, int]:
    """`amount` in the proportions of `over`, to the unit, and nobody gets more than they have there.

    What rounding leaves goes to the largest remainders, of equal ones to the first name: no order of lines matters.
    """
    whole = sum(over.values())
    if not whole:
        return dict.fromkeys(over, 0)
    shares = {name: amount * have // whole for name, have in over.items()}
    by_remainder = sorted(over, key=lambda name: (-(amount * over[name] % whole), name))
    for name in by_remainder[: amount - sum(shares.values())]:
        shares[name] += 1
    return shares
