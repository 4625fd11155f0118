"""Task events and heartbeats, which only Flower reads: publishing them must hold up no worker.

Celery's heart publishes in the worker's main loop and repeats for ever. Where the connection breaks while the exchange
is being declared, kombu repeats that with the channel that broke, over a new connection each time, hundreds a second:
the worker is alive and takes no message any more.
"""

from __future__ import annotations

from typing import Any

from celery.app import events
from celery.events.dispatcher import EventDispatcher
from kombu.messaging import Producer

ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}


class Dispatcher(EventDispatcher):  # type: ignore[misc]  # Celery has no types here
    """An event dispatcher that repeats declaring and publishing once, as a whole, over another channel.

    An event that fails again waits in the buffer for the dispatcher's next start.
    """

    def _publish(
        self, event: dict[str, Any], producer: Producer | None, routing_key: str, retry: bool = False, **_: Any
    ) -> None:
        if producer is None:
            return

        def tell() -> None:
            producer.publish(event, routing_key=routing_key, exchange=self.exchange.name, **self._kind())

        try:
            (self.connection.ensure(producer, tell, **ONCE_MORE) if retry else tell)()
        except Exception:
            if not self.buffer_while_offline:
                raise
            self._outbound_buffer.append((event, routing_key))

    def _kind(self) -> dict[str, Any]:
        how = {"serializer": self.serializer, "headers": self.headers, "delivery_mode": self.delivery_mode}
        return {"declare": [self.exchange], **how}


class Events(events.Events):  # type: ignore[misc]
    dispatcher_cls = f"{__name__}:Dispatcher"
