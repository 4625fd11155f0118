"""What a step is to the engine: a named task, its functions, and how patient to be with it."""

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
    """It ended well. `output` goes into the journal and, after the last step, into the run's result."""

    output: dict[str, Any] | None = None


Result = Done | Outcome


@dataclass(frozen=True)
class Answer:
    """What a call brought for one run, with the request that was made."""

    run: Run
    request: Any
    result: Result

    @property
    def output(self) -> dict[str, Any] | None:
        """What a call that went well returned; None when it did not go well."""
        return self.result.output if isinstance(self.result, Done) else None


Local = Callable[[Session, Sequence["Run"]], Mapping[str, Result] | None]
Fetch = Callable[[Session, Sequence["Run"]], Mapping[str, Any]]
Call = Callable[[Any, str], dict[str, Any] | None]
Remember = Callable[[Session, Sequence[Answer]], None]
Gateway = str | Callable[[Any], str]


LONGEST_NAME = 255  # of a gateway: a host's may be nearly as long by itself


@dataclass(frozen=True)
class Retry:
    """How long and how patiently. Delays double from `first` to `most` seconds, each with jitter.

    `seconds` from the first failure on; a `do` before the pivot of a run that has a deadline has until then instead.
    """

    seconds: float = 3600.0
    first: float = 0.5
    most: float = 60.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the attempt of this number (from 1)."""
        full = min(self.most, self.first * 2.0 ** min(attempt - 1, 32))
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


DOING = Retry()
DAYS = Retry(seconds=2 * 86_400.0, most=3600.0)
"""For where there is no way back: whoever is called may be away for two days before a person is troubled."""
UNDOING = DAYS


class Fault(TryAgain):
    """Our own code broke, by an exception that nobody named. Nothing left the house."""

    code = "internal_error"

    def __init__(self, what: str, error: Exception) -> None:
        super().__init__(self.code, f"{what} ({type(error).__name__})")


class FaultInCall(Fault, Unknown):
    """The same, perhaps after the outside had acted."""


@dataclass(frozen=True)
class StepTask:
    """A named Celery task that takes the ids of a wave.

    gateway: who is called, by name or as told by the request; probe: seconds between two calls to one that is away, at
    most. good_for: seconds that a request leaves to try in. unsent: of an undo, what it comes to when the call that it
    undoes never left the house; None: it asks all the same.
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
        name = self.gateway(request) if callable(self.gateway) else self.gateway
        return name[:LONGEST_NAME] if name else None

    def within(self, request: Any) -> float | None:
        return self.good_for(request) if self.good_for else None

    def retry_for(self, direction: str) -> Retry:
        return self.retry or (DOING if direction == "do" else UNDOING)


@dataclass(frozen=True)
class Hook:
    """A local function the engine calls by name when a run has failed and is undone."""

    name: str
    work: Callable[[Session, Sequence[Run]], None]


step_tasks: dict[str, StepTask] = {}
hooks: dict[str, Hook] = {}
