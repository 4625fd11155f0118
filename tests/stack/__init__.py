"""A whole running copy for end-to-end tests; see `stack.py`."""

from tests.stack.client import Client, Order
from tests.stack.handle import Handle
from tests.stack.stack import Stack

__all__ = ["Client", "Handle", "Order", "Stack"]
