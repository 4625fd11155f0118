"""localstripe as a process of its own, and a gateway that talks to it with Stripe's test cards."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from gateways.payments import Intent, Receipt
from gateways.payments.stripe_gateway import StripePayments
from tests.sandboxes import Process, free_port

SECRET_KEY, WEBHOOK_SECRET = "sk_test_orderwave", "whsec_orderwave"
CARDS = {
    "tok_ok": "pm_card_visa",
    "tok_declined": "pm_card_chargeDeclined",
    "tok_3ds": "pm_card_authenticationRequired",
}


class WithTestCards(StripePayments):
    """The bank's tokens by which a test steers mean Stripe's test cards."""

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        return super().charge(replace(intent, token=CARDS[intent.token]), key=key)


@dataclass(frozen=True)
class StripePeer:
    url: str
    process: Process

    def gateway(self, **more: Any) -> WithTestCards:
        return WithTestCards(SECRET_KEY, WEBHOOK_SECRET, api_base=self.url, **more)

    def ask(self, method: str, path: str, **form: str) -> None:
        """As Stripe.js or its dashboard would."""
        key = base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
        data = urlencode(form).encode() if method == "POST" else None
        with urlopen(Request(self.url + path, data, {"Authorization": f"Basic {key}"}, method=method), timeout=15):
            pass

    def answer_the_question(self, action: dict[str, Any], *, approve: bool) -> None:
        """What Stripe.js does with a client secret, once the shopper has answered their bank."""
        secret = action["client_secret"]
        intent = secret.partition("_secret_")[0]
        success = "true" if approve else "false"
        self.ask("POST", f"/v1/payment_intents/{intent}/_authenticate", client_secret=secret, success=success)

    def send_webhooks_to(self, url: str) -> None:
        self.ask("POST", "/_config/webhooks/shop", url=url, secret=WEBHOOK_SECRET)


def start_stripe(folder: Path) -> StripePeer:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ["-m", "tests.peers.localstripe", str(port), str(folder / "localstripe.pickle")]
    process = Process(arguments, {}, f"{url}/_config/health", folder / "localstripe.log")
    process.start()
    return StripePeer(url, process)
