"""The words a run's life is told in."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What a client sees of a run."""

    QUEUED = "queued"  # accepted, no step begun yet
    RUNNING = "running"
    WAITING = "waiting"  # for somebody else (the bank's customer, say), never without a deadline
    COMPENSATING = "compensating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # and everything begun is undone
    NEEDS_ATTENTION = "needs_attention"  # only a person can help: retry, skip or compensate


FINAL = (State.SUCCEEDED, State.FAILED, State.NEEDS_ATTENTION)
ENDED = (State.SUCCEEDED, State.FAILED)


class Direction(StrEnum):
    DO = "do"
    UNDO = "undo"


class Hold(StrEnum):
    """Why a run may not be claimed right now."""

    NONE = "none"  # it may: a message for it is on its way, or the sweep will send one
    CALL = "call"  # a worker is talking to the outside for it, under a lease
    BACKOFF = "backoff"  # until due_at, then once more
    WAIT = "wait"  # until woken, or until due_at
    END = "end"  # it is final


class Mark(StrEnum):
    """What the journal says of one step in one direction."""

    PENDING = "pending"  # planned, not begun: told to clients, never stored
    BEGUN = "begun"  # intent committed; the outside may or may not know of it
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"  # a final no
    FAILED = "failed"  # tried as often as its retry allows
    STOPPED = "stopped"  # the run turned back before this had ended
    SKIPPED = "skipped"  # by an operator, who said why
