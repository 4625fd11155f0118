"""`python -m tests.peers.localstripe PORT STATE_FILE`: localstripe 1.15 with what it lacks of Stripe.

It knows no idempotency key, no manual capture of payment intents, no search, no time in a list, no webhook of a
payment, no test cards by name and no refund ceiling, and refuses parameters that it does not know. What is added
here follows https://docs.stripe.com/api; it is a peer for the wire format all the same, no judge of money.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import sys
from typing import Any

from aiohttp import web
from localstripe import resources
from localstripe.errors import UserError
from localstripe.resources import BalanceTransaction, Charge, Event, List, PaymentIntent, PaymentMethod, Refund, store
from localstripe.webhooks import schedule_webhook

CARDS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_chargeDeclined": "4000000000000341",
    "pm_card_authenticationRequired": "4000002500003155",
}
ADDED = {"capture_method": "automatic", "payment_method_types": ["card"], "return_url": None}


def keep_state_in(path: str) -> None:
    def dump(_: Any) -> None:
        with open(path, "wb") as file:
            pickle.dump(dict(store), file, protocol=pickle.HIGHEST_PROTOCOL)

    resources.Store.dump_to_disk = dump
    resources.Store.try_load_from_disk = lambda _: None
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        store.update(pickle.load(file))


def name_the_cards() -> None:
    for name, number in CARDS.items():
        if f"payment_method:{name}" in store:
            continue
        card = PaymentMethod("card", card={"number": number, "exp_month": 12, "exp_year": 2060, "cvc": "123"})
        del store[f"payment_method:{card.id}"]
        card.id = name
        store[f"payment_method:{name}"] = card


# --- payment intents ------------------------------------------------------------------------------

plain_init, plain_status, plain_confirm = PaymentIntent.__init__, PaymentIntent.status.fget, PaymentIntent._api_confirm


def init(self: Any, **given: Any) -> None:
    added = {name: given.pop(name, usual) for name, usual in ADDED.items()}
    plain_init(self, **given)
    vars(self).update(added)


def trigger_payment(self: Any) -> None:
    manual = self.capture_method == "manual"
    charge = Charge(amount=self.amount, currency=self.currency, source=self.payment_method, capture=not manual)
    charge.payment_intent, charge.metadata = self.id, self.metadata
    self.latest_charge = charge
    if not manual or not charge._authorized:
        charge._trigger_payment()


def status(self: Any) -> str:
    return "requires_capture" if plain_status(self) == "processing" else plain_status(self)


def amount_received(self: Any) -> int:
    return self.latest_charge.amount_captured if self.latest_charge else 0


def capture(cls: Any, id: str, amount_to_capture: Any = None, metadata: Any = None) -> Any:
    intent = cls._api_retrieve(id)
    amount = int(amount_to_capture or intent.amount)
    if intent.status != "requires_capture":
        raise UserError(400, "No.", {"code": "payment_intent_unexpected_state"})
    if amount > intent.amount:
        raise UserError(400, "No.", {"code": "amount_too_large", "param": "amount_to_capture"})
    intent.metadata = {**intent.metadata, **(metadata or {})}
    charge = intent.latest_charge
    charge.captured, charge._taken = True, amount
    charge._trigger_payment()
    store[f"balance_transaction:{charge.balance_transaction}"].amount = amount
    return intent


def cancel_checked(cls: Any, id: str, **_: Any) -> Any:
    intent = cls._api_retrieve(id)
    if intent.status in ("succeeded", "canceled"):
        raise UserError(400, "No.", {"code": "payment_intent_unexpected_state"})
    intent._canceled, intent.next_action = True, None
    return intent


def search(query: str, limit: Any = None) -> Any:
    wanted = re.fullmatch(r"metadata\['key'\]:'(.*)'", query).group(1).replace("\\'", "'")
    found = List("/v1/payment_intents/search", limit=limit)
    found._list = [i for i in _all(PaymentIntent) if i.metadata.get("key") == wanted]
    return found


def telling(method: Any) -> Any:
    """The same, and a webhook of what came of it."""

    def call(cls: Any, *args: Any, **given: Any) -> Any:
        intent = method(cls, *args, **given)
        kind = {"requires_payment_method": "payment_failed", "requires_capture": "amount_capturable_updated"}
        schedule_webhook(Event(f"payment_intent.{kind.get(intent.status, intent.status)}", intent))
        return intent

    return call


PaymentIntent.__init__, PaymentIntent._trigger_payment = init, trigger_payment
PaymentIntent.status, PaymentIntent.amount_received = property(status), property(amount_received)
PaymentIntent._api_cancel = classmethod(telling(cancel_checked))
PaymentIntent._api_create = classmethod(telling(PaymentIntent._api_create.__func__))
PaymentIntent._api_authenticate = classmethod(telling(PaymentIntent._api_authenticate.__func__))
PaymentIntent._api_capture = classmethod(telling(capture))
INTENTS = "/v1/payment_intents"
resources.extra_apis[:] = [api for api in resources.extra_apis if not api[1].startswith(INTENTS)]
resources.extra_apis.extend(
    [
        ("GET", f"{INTENTS}/search", search),
        ("POST", f"{INTENTS}/{{id}}/confirm", PaymentIntent._api_confirm),
        ("POST", f"{INTENTS}/{{id}}/capture", PaymentIntent._api_capture),
        ("POST", f"{INTENTS}/{{id}}/cancel", PaymentIntent._api_cancel),
        ("POST", f"{INTENTS}/{{id}}/_authenticate", PaymentIntent._api_authenticate),
    ]
)

# --- charges, refunds, lists ----------------------------------------------------------------------

plain_refund = Refund.__init__


def amount_captured(self: Any) -> int:
    return getattr(self, "_taken", self.amount) if self.status == "succeeded" else 0


def refund(self: Any, charge: Any = None, amount: Any = None, **given: Any) -> None:
    of = Charge._api_retrieve(charge)
    if int(amount or 0) > of.amount_captured - of.amount_refunded:
        raise UserError(400, "Refund amount is greater than unrefunded amount on charge", {"param": "amount"})
    plain_refund(self, charge, amount, **given)
    self.payment_intent = getattr(of, "payment_intent", None)


Charge.amount_captured = property(amount_captured)
Charge.refunded = property(lambda self: 0 < self.amount_captured <= self.amount_refunded)
Refund.__init__ = refund


def _all(cls: Any) -> list[Any]:
    """Newest first."""
    return [thing for name, thing in reversed(store.items()) if name.startswith(f"{cls.object}:")]


def listing(cls: Any, url: str, created: Any = None, charge: Any = None, limit: Any = None, starting_after: Any = None):
    found = List(url, limit=limit, starting_after=starting_after)
    first, end = int((created or {}).get("gte", 0)), int((created or {}).get("lt", 2**40))
    mine = (thing for thing in _all(cls) if first <= thing.created < end)
    found._list = [thing for thing in mine if charge is None or thing.charge == charge]
    return found


for kind in (PaymentIntent, Refund, BalanceTransaction):
    kind._api_list_all = classmethod(listing)

# --- idempotency ----------------------------------------------------------------------------------

answers: dict[str, tuple[int, bytes]] = {}


@web.middleware
async def idempotency(request: web.Request, handler: Any) -> web.StreamResponse:
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method != "POST":
        return await handler(request)
    if key in answers:
        code, body = answers[key]
        replayed = {"Idempotent-Replayed": "true"}
        return web.Response(status=code, body=body, content_type="application/json", headers=replayed)
    answer = await handler(request)
    answers[key] = answer.status, answer.body
    return answer


async def health(_: web.Request) -> web.Response:
    return web.json_response({})


async def forget_keys(_: web.Request) -> web.Response:
    """As Stripe does after a day."""
    answers.clear()
    return web.json_response({})


def main() -> None:
    port, path = sys.argv[1:]
    keep_state_in(path)
    name_the_cards()
    from localstripe.server import app  # takes over what was said above about its routes

    app.middlewares.insert(0, idempotency)
    app.router.add_get("/_config/health", health)
    app.router.add_post("/_config/forget_keys", forget_keys)
    web.run_app(app, host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main()
