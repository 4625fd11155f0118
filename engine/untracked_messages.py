"""Messages without task events: what is sent every few seconds would bury in Flower what is worth seeing."""

from __future__ import annotations

from typing import Any

from celery.app import amqp

from celery_app import QUIET


class AMQP(amqp.AMQP):  # type: ignore[misc]  # Celery has no types here
    def as_task_v2(self, task_id: str, name: str, *args: Any, **named: Any) -> Any:
        """As Celery writes it; of a quiet one nobody is told that it was sent."""
        message = super().as_task_v2(task_id, name, *args, **named)
        return message._replace(sent_event=None) if name in QUIET else message
