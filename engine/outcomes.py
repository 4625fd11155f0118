"""The ways in which a step can end other than well. Gateways and steps raise these, the engine acts on them.

=========== ============================== =========================================================
raised      means                          the engine then
=========== ============================== =========================================================
Refused     a final no; nothing happened   compensates (past the pivot: the run needs attention)
TryAgain    not now; nothing happened      repeats with backoff while there is time, then as if refused
Unknown     it may have happened           repeats with the same key, so that the provider tells
Wait        an event must come first       rests until woken or until its time is over, then as refused
More        a part is done, more is to do  takes the same step again after a pause, as often as it is raised
=========== ============================== =========================================================
"""

from __future__ import annotations

from typing import Any


class Outcome(Exception):
    """An end of a step, with a stable code for programs and a sentence for people (by default made of the code).

    `seen`: what a gateway reported before the end, for `remember` to write down whatever the end is.
    """

    seen: Any = None

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail or code.replace("_", " ")


class Refused(Outcome):
    """A final no: the step has no effect and never will under this key."""


class TryAgain(Outcome):
    """Not now, and nothing happened.

    after: seconds that the next pause lasts at least (up to `limits.LONGEST_RETRY_AFTER`). away: the gateway serves no
    request at the moment, so that its breaker counts a failure. answered: on the contrary, the gateway itself answered.
    The engine sets `gateway` (its name) and `within` (seconds after which trying is of no use).
    """

    gateway: str | None = None
    within: float | None = None

    def __init__(
        self, code: str, detail: str = "", after: float | None = None, *, away: bool = False, answered: bool = False
    ) -> None:
        super().__init__(code, detail)
        self.after, self.away, self.answered = after, away, answered


class Unknown(TryAgain):
    """The call may have happened or not. Only a call with the same key may be used to find out."""


class Wait(Outcome):
    """The step waits for an event from outside: it is taken again after `wake`, or after `seconds`.

    Another Wait after those seconds counts as a refusal with its `code`; one before does not extend them.
    `output` is kept in the journal while the run waits (the customer's next action, say). An undo must not raise Wait:
    its run would need attention.
    """

    def __init__(self, code: str, detail: str = "", *, seconds: float, output: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.seconds = seconds
        self.output = output


class More(Outcome):
    """A part of the step is done and is committed, and more is to do: the step is taken again after `after` seconds.

    It counts as no failed attempt. A pause lasts at most `limits.LONGEST_PAUSE`.
    """

    def __init__(self, after: float = 0.0) -> None:
        super().__init__("more_to_do")
        self.after = after
