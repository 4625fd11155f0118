"""How the sink treats a message: by its recipient's address, else by the mode that a drill has set."""

from __future__ import annotations

from typing import Any

from sandbox.web import Refusal

MODES = {"accept", "refuse", "defer", "drop_after_data", "drop_after_data_stored"}
LATER_REFUSALS = 2
REFUSED = "550 5.7.1 Refused"
DEFERRED = "451 4.3.0 Try again later"
BOUNCED = "550 5.1.1 No such mailbox"


class DeliveryMode:
    """The mode in effect. Addresses that begin with `bounce` are refused, with `later` deferred twice."""

    def __init__(self) -> None:
        self.mode = "accept"
        self.smtputf8 = True  # of connections made from now on
        self._later: dict[str, int] = {}

    def change(self, wishes: dict[str, Any]) -> None:
        """Set `mode`, `smtputf8` or both; raise Refusal (422) for anything else."""
        mode, smtputf8 = wishes.get("mode", self.mode), wishes.get("smtputf8", self.smtputf8)
        if not wishes or set(wishes) - {"mode", "smtputf8"} or mode not in MODES or not isinstance(smtputf8, bool):
            modes = ", ".join(sorted(MODES))
            raise Refusal(422, "invalid_control", f"mode is one of {modes}; smtputf8 is true or false.")
        self.mode, self.smtputf8 = mode, smtputf8

    def objection(self, recipient: str) -> str | None:
        """Return the SMTP answer that refuses or defers this recipient; None if it is accepted."""
        local = recipient.lower()
        if local.startswith("bounce"):
            return BOUNCED
        if local.startswith("later") and self._puts_off(local):
            return DEFERRED
        return {"refuse": REFUSED, "defer": DEFERRED}.get(self.mode)

    def _puts_off(self, recipient: str) -> bool:
        self._later[recipient] = self._later.get(recipient, 0) + 1
        return self._later[recipient] <= LATER_REFUSALS
