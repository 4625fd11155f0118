"""Finding by our key what became of a request whose answer never came.

Stripe's search knows everything but what happened just now; its lists know that at once. Together they know.
Docs: https://docs.stripe.com/search#data-freshness ("under normal operating conditions ... less than a minute").
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.outcomes import Refused, Unknown
from gateways.payments.stripe_client import Client
from gateways.payments.stripe_shapes import Thing

FRESH_SECONDS = 600  # that far back the lists are read: ten times what search may lag behind
REFUNDS_SECONDS = 26 * 3600  # refunds can not be searched for
MOST_PAGES = 50
PAGE = 100
EXPAND = ["latest_charge"]


def an_intent(client: Client, key: str) -> Thing | None:
    """The payment intent made with this key, as it stands now."""
    found = _searched(client, key) or _listed(client, client.v1.payment_intents.list, key, FRESH_SECONDS)
    return client.call(client.v1.payment_intents.retrieve, found["id"], expand=EXPAND) if found else None


def a_refund(client: Client, key: str) -> Thing | None:
    """The refund made with this key within the last day."""
    return _listed(client, client.v1.refunds.list, key, REFUNDS_SECONDS)


def a_refund_of(client: Client, charge: str, key: str) -> Thing | None:
    """The refund of this charge that was made with this key, however long ago."""
    return _first(pages(client, client.v1.refunds.list, charge=charge), key)


def pages(client: Client, listing: Callable[..., Any], **params: Any) -> Iterator[list[Thing]]:
    after: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        page = _look(client, listing, limit=PAGE, **params, **after)
        yield page["data"]
        if not page["has_more"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}
    raise Unknown("provider_too_busy_to_look")  # better not to know than to say that there is none


def _searched(client: Client, key: str) -> Thing | None:
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    page = _look(client, client.v1.payment_intents.search, query=f"metadata['key']:'{quoted}'", limit=1)
    return page["data"][0] if page["data"] else None


def _look(client: Client, listing: Callable[..., Any], **params: Any) -> Mapping[str, Any]:
    """A no to the look itself says nothing of what is looked for."""
    try:
        return client.call(listing, **params)
    except Refused as no:
        raise Unknown("provider_would_not_look") from no


def _listed(client: Client, listing: Callable[..., Any], key: str, seconds: int) -> Thing | None:
    return _first(pages(client, listing, created={"gte": int(time.time()) - seconds}), key)


def _first(pages: Iterator[list[Thing]], key: str) -> Thing | None:
    mine = (thing for page in pages for thing in page if (thing.get("metadata") or {}).get("key") == key)
    return next(mine, None)
