"""Faults that drills may set while the bank runs: errors, dropped connections, delays."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.bank import tokens
from sandbox.web import Refusal

KINDS: dict[str, tuple[type, ...]] = {
    "fail": (int,),
    "drop": (int,),
    "answer": (int,),
    "silent": (bool,),
    "latency_ms": (int, float),
    "refuse_refunds": (bool,),
    "webhooks": (str,),
}


@dataclass
class FaultSettings:
    """The faults in effect. `latency_ms` is added to each charge; `webhooks` is "all" or "asynchronous"."""

    fail: int = 0  # this many further money requests are answered with 503 and have no effect
    drop: int = 0  # this many further ones are carried out and not answered
    answer: int = 0  # 0, or the status that every request to the API is answered with (401, 429, 503 ...)
    silent: bool = False  # no request to the API is answered or has an effect
    latency_ms: float = 0
    refuse_refunds: bool = False
    webhooks: str = "asynchronous"
    _flaky: dict[str, int] = field(default_factory=dict, repr=False)

    def change(self, wishes: dict[str, Any]) -> None:
        """Change these settings, all or none; raise Refusal (422) for an unknown name or a bad value."""
        for name, value in wishes.items():
            _check(name, value)
        for name, value in wishes.items():
            setattr(self, name, value)

    def shown(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}

    def fails(self, source: str, key: str) -> bool:
        """Say whether this request is to get a 503, and count it."""
        if self.fail > 0:
            self.fail -= 1
            return True
        return source == tokens.FLAKY and self._flaky_fails(key)

    def drops(self, source: str) -> bool:
        """Say whether the connection of this request, carried out for the first time, is to be dropped; count it."""
        if self.drop > 0:
            self.drop -= 1
            return True
        return source == tokens.CHARGED_THEN_TIMEOUT

    def _flaky_fails(self, key: str) -> bool:
        seen = self._flaky.pop(key, 0)
        if seen >= tokens.FLAKY_FAILURES:
            return False
        self._flaky[key] = seen + 1
        return True


def _check(name: str, value: object) -> None:
    fits = type(value) in KINDS.get(name, ())
    if fits and name == "webhooks":
        fits = value in ("all", "asynchronous")
    if fits and name == "answer":
        fits = value == 0 or 400 <= int(str(value)) <= 599
    if not fits or (isinstance(value, (int, float)) and value < 0):
        raise Refusal(422, "invalid_control", f"Not a setting or not a value for it: {name[:40]}.")
