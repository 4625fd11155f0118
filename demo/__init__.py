"""A shop to look at: goods, three accounts, and a tour."""
