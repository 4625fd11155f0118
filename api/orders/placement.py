"""Place an order, in one wave with the other orders that arrive at the same moment."""

from __future__ import annotations

from typing import Any

from api.carts import owner as cart_owner
from api.http import commands, languages, security
from api.http.batching import RequestBatcher
from api.orders.batch_placement import Placing, place_all
from shop.kernel.idempotency import Answered

_together = RequestBatcher(place_all)


def place(wish: dict[str, Any]) -> Answered:
    """Place the order of this request and return its answer, once it is committed; raise its Refusal."""
    asked = commands.keyed(guest=wish["cart"])
    placing = Placing(wish, cart_owner.to_order(wish["cart"]), security.claim(), asked, languages.asked())
    return _together.do(placing, placing.marks, repeatable=placing.asked is not None)
