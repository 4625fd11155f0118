"""An embedded message broker for Celery: a kombu transport over one SQLite file.

Importing this package teaches kombu the scheme `litebroker:////absolute/path/broker.db`.
See docs/litebroker.md.
"""

from kombu.transport import TRANSPORT_ALIASES

TRANSPORT_ALIASES["litebroker"] = "litebroker.transport:Transport"
