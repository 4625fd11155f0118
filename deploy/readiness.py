"""Check whether a process is ready: servers answer over HTTP, workers answer a ping over the broker."""

from __future__ import annotations

import socket
from collections.abc import Collection
from http.client import HTTPException
from urllib.request import urlopen

from celery import Celery
from kombu.exceptions import OperationalError

import litebroker  # noqa: F401 - registers the litebroker:// transport with kombu
from config import Settings


def answers(url: str) -> bool:
    """Say whether `url` answers 200 within a second."""
    try:
        with urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (OSError, HTTPException):
        return False  # not there yet


# A kept connection may be half-open: an unconfirmed ping would vanish there, every time.
_PATIENCE = {"confirm_publish": True, "read_timeout": 2, "write_timeout": 2}


class Pinger:
    """Pings workers over the control exchange of their copy."""

    def __init__(self, chosen: Settings) -> None:
        self._app = Celery("orderwave-pinger", broker=chosen.broker_url, set_as_current=False)
        self._app.conf.update(
            control_exchange=chosen.queue_prefix + "control",
            control_queue_exclusive=False,
            control_queue_durable=True,
            broker_connection_timeout=2,
            broker_transport_options=_PATIENCE if chosen.on_rabbitmq else {},
        )

    def answering(self, names: Collection[str]) -> set[str]:
        """Return the workers that answer within half a second; none while the broker is away."""
        nodes = {f"{name}@{socket.gethostname()}": name for name in names}
        line = self._app.connection_for_write()
        try:
            with line:
                replies = self._app.control.ping(list(nodes), timeout=0.5, limit=len(nodes), connection=line)
        except (OperationalError, *line.connection_errors):
            return set()  # the broker is not there, or its file is locked: no answer can arrive
        return {nodes[node] for reply in replies or [] for node in reply if node in nodes}

    def close(self) -> None:
        self._app.close()
