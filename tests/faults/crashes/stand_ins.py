"""Replace a process by one with another word in its command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tests.stack import Handle, Stack


@contextmanager
def instead_of(handle: Handle, stack: Stack, old: str, new: str, **environment: str) -> Iterator[Handle]:
    """Kill the process and run another in its place: `instead_of(stack.api, stack, "api.wsgi:app", "...:app")`.

    Yields the handle of the other; at the end that is killed, and the first is started again.
    """
    assert old in handle.process.argv, f"{handle.name} is not told {old}"
    argv = tuple(new if word == old else word for word in handle.process.argv)
    other = Handle(stack.settings, replace(handle.process, argv=argv), stack.environment)
    handle.kill9()
    try:
        other.start(**environment)
        yield other
    finally:
        other.kill9()
        handle.start()
