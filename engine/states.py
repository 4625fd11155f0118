"""States of runs, directions, holds and marks of the journal. The database stores these values, clients read them."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The status of a run as clients see it."""

    QUEUED = "queued"  # accepted, no step begun yet
    RUNNING = "running"
    WAITING = "waiting"  # for an event from outside (a customer at the bank, say), never without a time limit
    COMPENSATING = "compensating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # and everything begun is undone
    NEEDS_ATTENTION = "needs_attention"  # an operator must retry, skip or turn back


FINAL = (State.SUCCEEDED, State.FAILED, State.NEEDS_ATTENTION)  # no worker takes it further by itself
ENDED = (State.SUCCEEDED, State.FAILED)  # not even an operator does


class Direction(StrEnum):
    DO = "do"
    UNDO = "undo"


class Hold(StrEnum):
    """Why no worker may claim a run at this moment."""

    NONE = "none"  # one may: a message is on its way, or the sweep will send one
    CALL = "call"  # a remote call is under way, under a lease
    BACKOFF = "backoff"  # until due_at, then the step is tried again
    WAIT = "wait"  # until woken, or until due_at
    END = "end"  # the run is final


class Mark(StrEnum):
    """The state of one step in one direction, in the journal."""

    PENDING = "pending"  # planned, not begun: shown to clients, never stored
    BEGUN = "begun"  # intent committed; the gateway may or may not know of it
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"  # a final no
    FAILED = "failed"  # tried as often as its retry allows
    STOPPED = "stopped"  # the run turned back before this had ended
    SKIPPED = "skipped"  # by an operator, with a note
