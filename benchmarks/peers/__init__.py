"""The peers: small, fair programs that do the same work in other ways, and Orderwave beside them.

Each module begins an accepted order by `begin(session, order)` in the transaction that writes the order, and
`hand_over(order)` after its commit.
"""
