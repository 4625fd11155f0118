"""Steps that notify people: mails about orders, their delivery, alarms.

A worker that imports `tasks.notifications` knows them all.
"""

from tasks.notifications import alarms, delivery, order_mails

__all__ = ["alarms", "delivery", "order_mails"]
