"""From the wish of a shopper to an order: placed together with whoever orders at the same moment."""

from __future__ import annotations

from typing import Any

from api.carts import owner as cart_owner
from api.http import commands, languages, security
from api.http.batching import RequestBatcher
from api.orders.batch_placement import Placing, place_all
from shop.kernel.idempotency import Answered

_together = RequestBatcher(place_all)


def place(wish: dict[str, Any]) -> Answered:
    asked = commands.keyed(guest=wish["cart"])
    placing = Placing(wish, cart_owner.to_order(wish["cart"]), security.claim(), asked, languages.asked())
    return _together.do(placing, placing.marks, repeatable=placing.asked is not None)
