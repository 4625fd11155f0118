"""kombu's AMQP channel over the broker file."""

from litebroker.consuming import Consuming
from litebroker.declaring import Declaring
from litebroker.publishing import Publishing


class Channel(Declaring, Publishing, Consuming):
    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        self.qos.ack(delivery_tag)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self.qos.reject(delivery_tag, requeue)

    def basic_recover(self, requeue: bool = False) -> None:
        self.qos.restore_unacked()
        self.broker.ledger.flush()

    def close(self) -> None:
        """Cancel the consumers and give unacknowledged messages back, unless the channel was copied by a fork."""
        if self.closed:
            return
        self.closed = True
        try:
            if not self.inherited:
                self._let_go()
        finally:
            if self.connection is not None:
                self.connection.close_channel(self)

    def _let_go(self) -> None:
        for tag in list(self.consumers):
            self.basic_cancel(tag)
        self.qos.restore_unacked()
        self.broker.ledger.flush()
