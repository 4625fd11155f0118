"""What somebody may be called. A name stands in mails that strangers can have sent to others: it carries no message."""

from __future__ import annotations

import re

from letters.links import holds_link

MARKUP = re.compile(r"[<>{}\[\]]|&#?\w+;")
UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e007f]"
)
"""What hides or turns letters, or is blank. Joiners are not among them: Persian and Hindi names need them."""


def problem(name: str) -> str | None:
    """What is wrong with it; None: nothing."""
    if UNSEEN.search(name):
        return "May hold no invisible characters."
    if MARKUP.search(name):
        return "May hold no markup (< > { } [ ])."
    if holds_link(name):
        return "May hold no web or mail address, and nothing that looks like one; write a space after a full stop."
    return None
