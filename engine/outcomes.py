"""How a step can end other than well. Gateways raise these, the engine acts on them.

=========== ============================== =========================================================
raised      means                          the engine then
=========== ============================== =========================================================
Refused     a final no; nothing happened   compensates (past the pivot: asks for a person)
TryAgain    not now; nothing happened      repeats with backoff while there is time, then as if refused
Unknown     it may have happened           repeats with the same key, so that the provider tells
Wait        somebody else must act first   rests until woken or until the deadline, then as refused
More        a part is done, more is to do  takes the same step again after a pause, as often as it says so
=========== ============================== =========================================================
"""

from __future__ import annotations

from typing import Any


class Outcome(Exception):
    """A step's end, with a stable code for programs and a sentence for people.

    `seen`: what the outside told on the way to it, worth writing down whatever the end is.
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

    after: seconds, the least that the next pause may be. away: whoever was called serves nobody at the moment, so
    that others need not call either. answered: on the contrary, it is there and said so itself. `gateway` (who was
    called) and `within` (seconds after which there is no use in trying) are the engine's to set.
    """

    gateway: str | None = None
    within: float | None = None

    def __init__(
        self, code: str, detail: str = "", after: float | None = None, *, away: bool = False, answered: bool = False
    ) -> None:
        super().__init__(code, detail)
        self.after, self.away, self.answered = after, away, answered


class Unknown(TryAgain):
    """Nobody here knows whether it happened. Only the same key may be used to find out."""


class Wait(Outcome):
    """Someone else must act first. `seconds` until the deadline, then refused with `code`.

    `output` is remembered in the journal while waiting (the shopper's next action, say).
    """

    def __init__(self, code: str, detail: str = "", *, seconds: float, output: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.seconds = seconds
        self.output = output


class More(Outcome):
    """A part is done and committed, and more is to do: a long step taken in turns. `after` is in seconds."""

    def __init__(self, after: float = 0.0) -> None:
        super().__init__("more_to_do")
        self.after = after
