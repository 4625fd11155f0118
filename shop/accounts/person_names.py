"""What a person's name may hold.

It stands in mails that a stranger can have sent to others: it must carry no message.
"""

from __future__ import annotations

import re

from letters.links import holds_link

MARKUP = re.compile(r"[<>{}\[\]]|&#?\w+;")
UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that are blank, or hide or turn letters. Joiners are not among them: Persian and Hindi names need them."""


def problem(name: str) -> str | None:
    """Say what is wrong with a name, as an error message. None: nothing."""
    if UNSEEN.search(name):
        return "May hold no invisible characters."
    if MARKUP.search(name):
        return "May hold no markup (< > { } [ ])."
    if holds_link(name):
        return "May hold no web or mail address, and nothing that looks like one; write a space after a full stop."
    return None
