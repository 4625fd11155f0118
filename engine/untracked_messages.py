"""Messages without task events: those sent every few seconds would bury the interesting ones in Flower."""

from __future__ import annotations

from typing import Any

from celery.app import amqp

from celery_app import QUIET


class AMQP(amqp.AMQP):  # type: ignore[misc]  # Celery has no types here
    def as_task_v2(self, task_id: str, name: str, *args: Any, **named: Any) -> Any:
        """Build the message as Celery does; for a task in QUIET no `task-sent` event is published."""
        message = super().as_task_v2(task_id, name, *args, **named)
        return message._replace(sent_event=None) if name in QUIET else message
