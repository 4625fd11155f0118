"""From the wish of a shopper to an order: placed together with whoever orders at the same moment."""

from __future__ import annotations

from typing import Any

from api import cart_owner, commands, languages, security
from api.order_wave import Placing, place_all
from api.together import Together
from shop.commands import Answered

_together = Together(place_all)


def place(wish: dict[str, Any]) -> Answered:
    asked = commands.keyed(guest=wish["cart"])
    placing = Placing(wish, cart_owner.to_order(wish["cart"]), security.claim(), asked, languages.asked())
    return _together.do(placing, placing.marks, repeatable=placing.asked is not None)
