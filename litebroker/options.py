"""What `broker_transport_options` may say, and what holds when it says nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Options:
    """All times in seconds. A limit of None means no limit."""

    synchronous: str = "FULL"  # fsync before the publish of a persistent message returns; "NORMAL": at checkpoints
    busy_timeout: float = 10.0  # how long a writer waits for the other writers
    min_poll: float = 0.001  # the pace of looking for news just after something happened ...
    max_poll: float = 0.02  # ... and when nothing has happened for a while
    reap_interval: float = 0.25  # how often the living look for the dead
    sweep_interval: float = 1.0  # how often expired messages and queues are looked for
    delivery_limit: int | None = 20  # for queues without x-delivery-limit; limit + 1 deliveries, then the dead letters
    transient_max_length: int | None = 10_000  # for event and reply queues without x-max-length
    batch: int = 32  # messages taken at once by a consumer without a prefetch limit
    disk_reserve: int = 16 * 1024 * 1024  # bytes that publishers leave free, so that consumers can still write
    max_page_count: int | None = None  # a ceiling for the file in pages of 4 KiB

    @classmethod
    def read(cls, transport_options: Mapping[str, Any]) -> Self:
        """Other transports' options (`confirm_publish`, ...) may stand beside ours and are passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in transport_options.items() if name in known})
