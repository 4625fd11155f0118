"""kombu's transport: a connection to the broker file."""

import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from kombu.transport import virtual

from litebroker import channel as channels
from litebroker import processes, queues
from litebroker.options import Options
from litebroker.pump import Pump


class Transport(virtual.Transport):
    Channel = channels.Channel

    driver_type = "litebroker"
    driver_name = "litebroker"
    connection_errors = (  # type: ignore[assignment]
        *virtual.Transport.connection_errors,
        sqlite3.OperationalError,
        OSError,
    )
    recoverable_connection_errors = connection_errors
    channel_errors = (*virtual.Transport.channel_errors,)
    recoverable_channel_errors = channel_errors
    implements = virtual.Transport.implements.extend(exchange_type=frozenset(["direct", "topic", "fanout"]))

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        options = Options.read(client.transport_options)
        self._path = Path(client.virtual_host)
        self.broker = processes.Broker(self._path, options)
        self.pump = Pump(self.broker, self.channels)
        self.exclusive: set[str] = set()
        self._connected = False

    @property
    def default_connection_params(self) -> dict[str, Any]:
        """Return no parameters: there is no host and no port."""
        return {}

    def driver_version(self) -> str:
        return sqlite3.sqlite_version

    def establish_connection(self) -> "Transport":
        """Open the file, so that a wrong path is refused here and not at the first message."""
        if not self._connected:
            self.broker = processes.acquire(self._path, self.broker.options)
            self.pump = Pump(self.broker, self.channels)
            self._pid = os.getpid()
            self._connected = True
        self.broker.database.version()
        super().establish_connection()
        return self

    def close_connection(self, connection: "Transport") -> None:
        try:
            super().close_connection(connection)
        finally:
            if self._connected and self._pid == os.getpid():
                self._disconnect()
            self._connected = False

    def _disconnect(self) -> None:
        self.pump.stop()
        try:
            self._drop_exclusive()
        finally:
            processes.release(self.broker)

    def _drop_exclusive(self) -> None:
        """Delete the exclusive queues of this connection.

        One with a consumer on another connection stays until this process ends or, if it is auto-delete, until its last
        consumer leaves.
        """
        names, self.exclusive = self.exclusive, set()
        for name in names:
            self.broker.ledger.add(partial(queues.delete_unused, name=name))
        self.broker.ledger.flush()

    def drain_events(self, connection: "Transport", timeout: float | None = None, **kwargs: Any) -> None:
        """Deliver one message. Raises TimeoutError when there was none for `timeout` seconds."""
        self.pump.drain(timeout)
