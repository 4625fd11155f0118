"""What a word is, the same for what is written and for what is looked for, on every database.

Letters and digits; whatever else stands between them. Case, accents and umlauts make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST_WORD = 60
MOST_WORDS = 8  # that are looked for

_WORDS = re.compile(r"[^\W_]+")
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def words_of(text: str) -> list[str]:
    """`Crème-Brûlée, 2 Stück` is `creme brulee 2 stuck`."""
    return [word[:LONGEST_WORD] for word in _WORDS.findall(_plain(text))]


def both_spellings(text: str) -> list[str]:
    """As `words_of`, and behind them those that are also written without their umlauts: `stuehle` for `Stühle`."""
    spelled = unicodedata.normalize("NFC", text).casefold().translate(_SPELLED)
    plain = words_of(text)
    return plain + [word for word in words_of(spelled) if word not in plain]


def sought(q: str) -> list[str]:
    """The words that somebody looks for: each once, and no more than can be meant."""
    return list(dict.fromkeys(words_of(q)))[:MOST_WORDS]


def line(words: Iterable[str]) -> str:
    """As they are stored: one space between them."""
    return " ".join(words)


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter)).casefold()
