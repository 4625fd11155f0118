"""The demo: goods, three accounts, and a tour."""
