"""A bank in this process for one story: it can refuse, asks for 3-D Secure, and its desk gives money back by itself."""

from __future__ import annotations

from dataclasses import replace

from engine.outcomes import Refused
from gateways.payments import Intent, Receipt
from gateways.payments.instant import InstantPayments


class Bank(InstantPayments):
    """`refuses`: the calls it says a final no to, for now. `tok_3ds` waits for its holder's answer."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: set[str] = set()
        self.orders: dict[str, str] = {}  # charge -> order
        self.asking: dict[str, Receipt] = {}  # what becomes of these charges if their holder says yes
        self.said_no: set[str] = set()

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        receipt = super().charge(intent, key=key)
        self.orders[receipt.provider_id] = intent.reference
        return receipt

    def capture(self, provider_id: str, amount: int | None = None, *, key: str, final: bool = True) -> Receipt:
        self._check("capture", key)
        return super().capture(provider_id, amount, key=key, final=final)

    def refund(self, provider_id: str, amount: int, *, key: str) -> Receipt:
        self._check("refund", key)
        return super().refund(provider_id, amount, key=key)

    def void(self, provider_id: str, *, key: str) -> Receipt:
        if self.asking.pop(provider_id, None):
            return self._keep(replace(self._get(provider_id), status="voided"))
        return super().void(provider_id, key=key)

    def holder_answers(self, order: str, yes: bool) -> list[Receipt]:
        """Returns the charges that this was about."""
        asked = [charge for charge in self.asking if self.orders[charge] == order]
        if yes:
            return [self._keep(self.asking.pop(charge)) for charge in asked]
        self.said_no.update(asked)
        return [self.asking.pop(charge) for charge in asked]

    def at_its_own_desk(self, order: str, amount: int) -> None:
        """Somebody gives so much back, or what there is, and nobody tells the shop."""
        for charge, of in self.orders.items():
            left = self._taken(charge) - self._refunded[charge]
            if of == order and left:
                super().refund(charge, min(amount, left), key=f"at the desk: {len(self._answers)}")

    def kept(self, order: str) -> int:
        """What it took for this order and has not given back."""
        return sum(self._taken(charge) - self._refunded[charge] for charge, of in self.orders.items() if of == order)

    def _charge(self, intent: Intent, key: str) -> Receipt:
        receipt = super()._charge(intent, key)
        if intent.token != "tok_3ds":
            return receipt
        self.asking[receipt.provider_id] = receipt
        return self._keep(replace(receipt, status="requires_action", next_action={"redirect": "https://bank"}))

    def _today(self, charge: Receipt) -> Receipt:
        if charge.provider_id in self.said_no:
            raise Refused("authentication_failed")
        return super()._today(charge)

    def _taken(self, charge: str) -> int:
        """A charge that is captured at once has no parts."""
        receipt = self._charges[charge]
        whole = receipt.amount if receipt.status in ("captured", "refunded") else 0
        return self._parts[charge] or whole

    def _check(self, what: str, key: str) -> None:
        """A no is remembered by its key, as banks do."""
        if what in self.refuses and key not in self._answers:
            self._answers[key] = Refused(f"{what}_refused")
