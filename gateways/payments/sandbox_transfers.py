"""Bank transfers to the shop's account at the sandbox bank."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.outcomes import Unknown
from gateways.payments.transfers import Transfer, TransferPage
from gateways.payments.transport import Transport

PATH = ("v1", "transfers")


class SandboxTransfers:
    def __init__(self, bank: Transport) -> None:
        self._bank = bank

    def fetch(self, id: str) -> Transfer:
        try:
            return _transfer(self._bank.get(*PATH, id).body)
        except (KeyError, TypeError, ValueError) as error:
            raise Unknown("provider_garbled") from error

    def came(self, since: datetime, until: datetime, cursor: str | None = None) -> TransferPage:
        window = {"since": since.isoformat(), "until": until.isoformat()}
        after = {"after": cursor} if cursor else {}
        answer = self._bank.get(*PATH, query={**window, **after}).body
        try:
            return TransferPage([_transfer(told) for told in answer["transfers"]], answer["next"])
        except (KeyError, TypeError, ValueError) as error:
            raise Unknown("provider_garbled") from error


def _transfer(told: Mapping[str, Any]) -> Transfer:
    said = (told["id"], told["amount"], told["currency"], told["reference"])
    return Transfer(*said, datetime.fromisoformat(told["at"]))
