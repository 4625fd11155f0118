"""How text is split into words, the same for what is indexed and what is searched, on every database.

Words are letters and digits; everything else separates them. Case, accents and umlauts make no difference, nor do Latin
letters that are letters of their own (ø, ł, ß). Other scripts keep what tells their words apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from anyascii import anyascii

LONGEST_WORD = 60
MOST_WORDS = 8  # of one search
LONGEST_SORT_KEY = 300

_ASCII_WORDS = re.compile(r"[a-z0-9]+")
_APOSTROPHES = "'\u2018\u2019\u02bc\u02bb\u02b9\u2032\uff07`\u00b4"
_INSIDE = re.compile(rf"(?<=\w)[{_APOSTROPHES}](?=\w)")
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_PARTS = re.compile(r"[a-z]+|[0-9]+|[^a-z0-9]+")
_ZERO_WIDTH_SPACE = "\u200b"


def fold(text: str) -> str:
    """Fold case and accents: `Crème IŞIK Smørrebrød` is `creme isik smorrebrod`."""
    if text.isascii():
        return text.casefold()
    letters = "".join(map(_folded, unicodedata.normalize("NFKD", text.casefold())))
    return unicodedata.normalize("NFC", letters.casefold())


def words_of(text: str) -> list[str]:
    """Split text into words: `Crème-Brûlée, 2 Stück for Men's` is `creme brulee 2 stuck for mens`."""
    return _split(fold(_INSIDE.sub("", text)))


def spellings(text: str) -> list[str]:
    """Split as `words_of`, and append other spellings: `stuehle` for `Stühle`, `ete` for `d'été`."""
    plain = words_of(text)
    if text.isascii() and not _INSIDE.search(text):
        return plain
    spelled = unicodedata.normalize("NFC", text).casefold().translate(_SPELLED)
    others = [*words_of(spelled), *_split(fold(_INSIDE.sub(" ", text)))]
    return plain + [word for word in dict.fromkeys(others) if word not in plain]


def code_words(code: str) -> list[str]:
    """Split a SKU: `AB12-X` is `ab12 x`, followed by `ab 12 x ab12x`."""
    plain = words_of(code)
    parts = [part for word in plain for part in _PARTS.findall(word)]
    return list(dict.fromkeys([*plain, *parts, "".join(plain)[:LONGEST_WORD]])) if plain else []


def sought(q: str) -> list[str]:
    """Split a search into its words, each once, at most MOST_WORDS."""
    return list(dict.fromkeys(words_of(q)))[:MOST_WORDS]


def line(words: Iterable[str]) -> str:
    """Join words as they are stored: with one space between them."""
    return " ".join(words)


def sort_key(text: str) -> str:
    """Return a key that sorts alphabetically when compared byte by byte: `apfel`, `Äpfel`, `Ast`, `Zebra`.

    Behind the folded text stands what was folded away, so that those alike have an order: without accents first, then
    small letters before capitals.
    """
    whole = unicodedata.normalize("NFD", text)
    alike = (" ".join(fold(text).split()), whole.casefold(), whole.swapcase())
    return "\t".join(level[:LONGEST_SORT_KEY] for level in alike)


def _split(folded: str) -> list[str]:
    found = _ASCII_WORDS.findall(folded) if folded.isascii() else "".join(map(_or_space, folded)).split()
    return [word[:LONGEST_WORD] for word in found]


@lru_cache(maxsize=4096)
def _or_space(letter: str) -> str:
    """Replace what separates words by a space. Marks are parts of words: vowels of Thai and Hindi are."""
    return letter if unicodedata.category(letter)[0] in "LNM" else " "


@lru_cache(maxsize=4096)
def _folded(letter: str) -> str:
    if _is_accent(letter) or (unicodedata.category(letter) == "Cf" and letter != _ZERO_WIDTH_SPACE):
        return ""
    latin = not letter.isascii() and unicodedata.name(letter, "").startswith("LATIN ")
    return anyascii(letter).lower() if latin else letter


def _is_accent(letter: str) -> bool:
    """Tell accents from marks that make another syllable.

    Accents are strokes, marks above and below, and points of Hebrew and Arabic.
    """
    kind = unicodedata.combining(letter)
    return kind == 1 or 10 <= kind <= 36 or kind >= 200 or "\ufe00" <= letter <= "\ufe0f"
