"""Steps that tell people: mails of orders, their delivery, alarms. A worker of `tasks.notifications` knows them all."""

from tasks.notifications import alarms, delivery, order_mails

__all__ = ["alarms", "delivery", "order_mails"]
