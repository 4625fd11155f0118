"""Options that `broker_transport_options` may set, with their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Options:
    """litebroker's options. All times are in seconds; a limit of None means no limit."""

    synchronous: str = "FULL"  # fsync before the publish of a persistent message returns; "NORMAL": at checkpoints
    busy_timeout: float = 10.0  # how long a writer waits for the writers of other processes
    min_poll: float = 0.001  # between two looks for messages just after some came ...
    max_poll: float = 0.02  # ... and when none has come for a while
    reap_interval: float = 0.25  # between two looks of a consumer for dead processes
    sweep_interval: float = 1.0  # between two looks for expired messages and queues
    delivery_limit: int | None = 20  # for queues without x-delivery-limit; limit + 1 deliveries, then the dead letters
    transient_max_length: int | None = 10_000  # for event and reply queues without x-max-length
    batch: int = 32  # messages taken at once by a consumer without a prefetch limit
    disk_reserve: int = 16 * 1024 * 1024  # bytes that publishers leave free, so that consumers can still write
    max_page_count: int | None = None  # a ceiling for the file in pages of 4 KiB

    @classmethod
    def read(cls, transport_options: Mapping[str, Any]) -> Self:
        """Build Options from Celery's `broker_transport_options`. Options of other transports are ignored."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in transport_options.items() if name in known})
