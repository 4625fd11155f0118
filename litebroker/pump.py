"""The waiting of one connection: look for messages, take them, deliver one, write what was settled."""

import logging
import sqlite3
import threading
import time

from litebroker.backoff import Backoff
from litebroker.channel import Channel
from litebroker.consuming import Consumer
from litebroker.errors import passes
from litebroker.messages import Delivery
from litebroker.processes import Broker
from litebroker.reaper import Reaper

logger = logging.getLogger(__name__)

TROUBLED_PAUSE = 0.5  # seconds between two tries while the disk is full

Fetched = list[tuple[Channel, list[tuple[Consumer, Delivery]]]]


class Pump:
    def __init__(self, broker: Broker, channels: list[Channel]) -> None:
        self.broker = broker
        self.channels = channels
        self.reaper = Reaper(broker.database)
        self._pace = Backoff(broker.options)
        self._bell = threading.Event()
        self._seen: tuple[int, int, int] | None = None
        self._draining = False

    def stop(self) -> None:
        self.broker.database.bells.discard(self._bell)

    def will_settle(self) -> bool:
        """Wake the thread in `drain` and return whether there is one: it writes the acks before it returns."""
        self._bell.set()
        return self._draining

    def drain(self, timeout: float | None = None) -> None:
        """Deliver one message. Raises TimeoutError when there was none for `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        self._draining = True
        self.broker.database.bells.add(self._bell)
        try:
            while not self._deliver_one():
                if self._fetch():
                    self._pace.quicken()
                else:
                    self._rest(deadline)
        finally:
            self._draining = False
            self.broker.ledger.flush()

    def _deliver_one(self) -> bool:
        """Deliver a message of the next channel that has one; False when none has.

        The channels take turns, so that a full queue does not keep remote control waiting.
        """
        for channel in list(self.channels):
            if channel.ready:
                self.channels.remove(channel)
                self.channels.append(channel)
                if channel.deliver():
                    return True
        return False

    def _fetch(self) -> bool:
        """Look for messages and take them. False when there were none, or the file cannot be written now."""
        self._bell.clear()
        try:
            self.reaper.run()
            self._look()
            return self._take()
        except sqlite3.OperationalError as error:
            if not passes(error):
                raise
            logger.warning("the broker file cannot be written, trying again: %s", error)
            time.sleep(TROUBLED_PAUSE)
            return False

    def _look(self) -> None:
        """Mark the channels stale if there may be messages.

        Before the take, so that what comes in between is seen the next time.
        """
        version = self.broker.database.version()
        if version != self._seen:
            self._seen = version
            for channel in self.channels:
                channel.stale = True

    def _take(self) -> bool:
        """Write what is settled and take what is ready, in one transaction. Returns whether any message was taken."""
        hungry = [channel for channel in list(self.channels) if channel.room()]
        if not self.broker.ledger.pending and not self._anything_for(hungry):
            return False
        with self.broker.database.lock:
            with self.broker.database.write() as db:
                settled = self.broker.ledger.settle(db)
                fetched: Fetched = [(channel, channel.fetch(db)) for channel in hungry]
            self.broker.ledger.settled(settled)
        for channel, taken in fetched:
            channel.accept(taken)
        return any(taken for _, taken in fetched)

    def _anything_for(self, hungry: list[Channel]) -> bool:
        """Return whether these channels' queues have a message.

        Only reads, because most commits bring none for this process and writers wait for one another.
        """
        found = False
        for channel in hungry:
            names = [consumer.queue for consumer in channel.consumers.values()]
            sql = "SELECT 1 FROM message WHERE owner IS NULL AND queue = ? LIMIT 1"
            channel.stale = any(self.broker.database.read(sql, (name,)) for name in names)
            found = found or channel.stale
        return found

    def _rest(self, deadline: float | None) -> None:
        pause = self._pace.pause()
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            pause = min(pause, left)
        if self._bell.wait(pause):
            self._pace.quicken()
