"""The payment tokens of the sandbox bank; the name of each says how its charge goes."""

from __future__ import annotations

OK = "tok_ok"
DECLINED = "tok_declined"
INSUFFICIENT_FUNDS = "tok_insufficient_funds"
THREE_DS = "tok_3ds"
SLOW = "tok_slow"
FLAKY = "tok_flaky"
CHARGED_THEN_TIMEOUT = "tok_charged_then_timeout"
REFUND_REFUSED = "tok_refund_refused"

KNOWN = {OK, DECLINED, INSUFFICIENT_FUNDS, THREE_DS, SLOW, FLAKY, CHARGED_THEN_TIMEOUT, REFUND_REFUSED}

DECLINES = {
    DECLINED: ("card_declined", "The card was declined."),
    INSUFFICIENT_FUNDS: ("insufficient_funds", "The card has insufficient funds."),
}
NOT_A_TOKEN = ("invalid_token", "There is no such payment token.")

FLAKY_FAILURES = 2  # 503s for each idempotency key before it goes well
