"""What others do for the same work, as small honest programs, and ours beside them.

Each module says how an accepted order is begun: `begin(session, order)` in the transaction that writes the
order, `hand_over(order)` after its commit.
"""
