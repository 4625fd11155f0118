"""Finding by our key the effect of a request whose answer never came.

Stripe's search covers all time but the last minute or so; its lists are complete at once. Both together find all.
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
REFUNDS_SECONDS = 26 * 3600  # refunds cannot be searched for, only listed
MOST_PAGES = 50
PAGE = 100
EXPAND = ["latest_charge"]


def an_intent(client: Client, key: str) -> Thing | None:
    """Return the payment intent made with this key, as it stands now; None: there is none.

    As all functions here, it raises Unknown when Stripe refuses to search.
    """
    found = _searched(client, key) or _listed(client, client.v1.payment_intents.list, key, FRESH_SECONDS)
    return client.call(client.v1.payment_intents.retrieve, found["id"], expand=EXPAND) if found else None


def a_refund(client: Client, key: str) -> Thing | None:
    """Return the refund made with this key within the last REFUNDS_SECONDS; None: there is none."""
    return _listed(client, client.v1.refunds.list, key, REFUNDS_SECONDS)


def a_refund_of(client: Client, charge: str, key: str) -> Thing | None:
    """Return the refund of this charge that was made with this key, however long ago; None: there is none."""
    return _first(pages(client, client.v1.refunds.list, charge=charge), key)


def pages(client: Client, listing: Callable[..., Any], **params: Any) -> Iterator[list[Thing]]:
    """Yield the pages of a list. Raises Unknown after MOST_PAGES."""
    after: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        page = _look(client, listing, limit=PAGE, **params, **after)
        yield page["data"]
        if not page["has_more"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}
    raise Unknown("provider_too_busy_to_look")  # "unknown" is safe, "there is none" would not be


def _searched(client: Client, key: str) -> Thing | None:
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    page = _look(client, client.v1.payment_intents.search, query=f"metadata['key']:'{quoted}'", limit=1)
    return page["data"][0] if page["data"] else None


def _look(client: Client, listing: Callable[..., Any], **params: Any) -> Mapping[str, Any]:
    """Read one page. A refusal to search says nothing about what is searched for, so it becomes Unknown."""
    try:
        return client.call(listing, **params)
    except Refused as no:
        raise Unknown("provider_would_not_look") from no


def _listed(client: Client, listing: Callable[..., Any], key: str, seconds: int) -> Thing | None:
    return _first(pages(client, listing, created={"gte": int(time.time()) - seconds}), key)


def _first(pages: Iterator[list[Thing]], key: str) -> Thing | None:
    mine = (thing for page in pages for thing in page if (thing.get("metadata") or {}).get("key") == key)
    return next(mine, None)
