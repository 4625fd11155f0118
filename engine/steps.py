"""Step tasks, their results and their retries: what `local_step` and `remote_step` make of an author's functions."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from engine.outcomes import Outcome, TryAgain, Unknown

if TYPE_CHECKING:
    from engine.claim import Run


@dataclass(frozen=True)
class Done:
    """A step that ended well. `output` goes into the journal and, after the last step, into the run's result."""

    output: dict[str, Any] | None = None


Result = Done | Outcome


@dataclass(frozen=True)
class Answer:
    """The result of a remote call for one run, with the request as `fetch` returned it. Passed to `remember`."""

    run: Run
    request: Any
    result: Result

    @property
    def output(self) -> dict[str, Any] | None:
        """Return what the call returned; None when it raised an outcome."""
        return self.result.output if isinstance(self.result, Done) else None


Local = Callable[[Session, Sequence["Run"]], Mapping[str, Result] | None]
Fetch = Callable[[Session, Sequence["Run"]], Mapping[str, Any]]
Call = Callable[[Any, str], dict[str, Any] | None]
Remember = Callable[[Session, Sequence[Answer]], None]
Gateway = str | Callable[[Any], str]


LONGEST_NAME = 255  # of a gateway, in characters: the name of a host alone may be nearly as long


@dataclass(frozen=True)
class Retry:
    """How long a failing step is tried again (`seconds` from its first failure), and with which pauses.

    Pauses double from `first` to `most` seconds, each with jitter. Where a run has a deadline, a `do` before its pivot
    is tried until the deadline instead of `seconds`.
    """

    seconds: float = 3600.0
    first: float = 0.5
    most: float = 60.0

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after the attempt of this number (from 1); by jitter half to all of the pause."""
        full = min(self.most, self.first * 2.0 ** min(attempt - 1, 32))
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


DOING = Retry()
DAYS = Retry(seconds=2 * 86_400.0, most=3600.0)
"""The retry for steps past the pivot and for undos: two days of a gateway's absence before a run needs attention."""
UNDOING = DAYS


class Fault(TryAgain):
    """An exception that is no outcome, raised by a step's own code before a call left. The step is tried again."""

    code = "internal_error"

    def __init__(self, what: str, error: Exception) -> None:
        super().__init__(self.code, f"{what} ({type(error).__name__})")


class FaultInCall(Fault, Unknown):
    """A Fault during or after a remote call: the gateway may have acted, so only the same key may be used."""


@dataclass(frozen=True)
class StepTask:
    """A named Celery task that takes the ids of a wave. A local step has `local`, a remote one `fetch` and `call`.

    `remote_step` explains patience, gateway, probe, good_for and unsent.
    """

    name: str
    retry: Retry | None = None
    local: Local | None = None
    fetch: Fetch | None = None
    call: Call | None = field(default=None, repr=False)
    remember: Remember | None = None
    patience: float = 0.5
    gateway: Gateway | None = None
    probe: int = 10
    good_for: Callable[[Any], float | None] | None = None
    unsent: dict[str, Any] | None = field(default=None, hash=False)

    def gateway_of(self, request: Any) -> str | None:
        """Return the name of the gateway this request goes to, cut to LONGEST_NAME; None: it has no breaker."""
        name = self.gateway(request) if callable(self.gateway) else self.gateway
        return name[:LONGEST_NAME] if name else None

    def within(self, request: Any) -> float | None:
        """Return the seconds in which trying this request makes sense; None: no limit of its own."""
        return self.good_for(request) if self.good_for else None

    def retry_for(self, direction: str) -> Retry:
        return self.retry or (DOING if direction == "do" else UNDOING)


@dataclass(frozen=True)
class Hook:
    """A local function that the engine calls in the transaction that ends runs as failed, after their last undo."""

    name: str
    work: Callable[[Session, Sequence[Run]], None]


step_tasks: dict[str, StepTask] = {}
hooks: dict[str, Hook] = {}
