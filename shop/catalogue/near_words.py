"""Words nearly like those searched for: every word of the search index, cut into trigrams, in a table.

It works the same on both databases. A word that no product has any more stays, and finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapidfuzz.distance import OSA
from sqlalchemy import Index, String, func, literal, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import inserting
from db.functions import in_list
from db.schema import Base
from db.statements import table_of
from shop.catalogue.search_words import LONGEST_WORD

SHORTEST = 4  # letters of a word that may be mistyped
LONG = 8  # letters from which on two errors are forgiven
MOST = 8  # near words
CANDIDATES = 1000


class WordGramRow(Base):
    __tablename__ = "word_grams"

    word: Mapped[str] = mapped_column(String(LONGEST_WORD), primary_key=True)
    gram: Mapped[str] = mapped_column(String(3), primary_key=True)

    __table_args__ = (Index("ix_word_grams_gram", "gram", "word"),)


def add(session: Session, words: Iterable[str]) -> None:
    """Add words that can be found by a mistyped one. Words that are in the table already are skipped."""
    new = missing(session, words)
    if new:
        _ADD(session, [{"word": word, "gram": gram} for word in new for gram in grams(word)])


def missing(session: Session, words: Iterable[str]) -> list[str]:
    """List those of the words that should be in the table and are not, sorted."""
    wanted = set(filter(is_kept, words))
    known = set(session.scalars(_KNOWN, {"words": list(wanted)})) if wanted else set()
    return sorted(wanted - known)


def is_kept(word: str) -> bool:
    """Tell whether a word belongs in the table.

    Numbers and codes must not be mistaken for each other, and short words would be near to too many.
    """
    return len(word) >= SHORTEST - 1 and word.isalpha()


def near(session: Session, word: str) -> list[str]:
    """List indexed words that are one error away, two from LONG letters on; the nearest first, at most MOST."""
    if len(word) < SHORTEST or not word.isalpha():
        return []
    errors = 2 if len(word) >= LONG else 1
    length = func.length(WordGramRow.word).between(len(word) - errors, len(word) + errors)
    alike = select(WordGramRow.word).where(in_list(WordGramRow.gram, "grams"), length).group_by(WordGramRow.word)
    found = session.scalars(alike.order_by(func.count().desc(), WordGramRow.word).limit(CANDIDATES), _grams_of(word))
    far = {other: OSA.distance(word, other, score_cutoff=errors) for other in found if other != word}
    return sorted((other for other in far if far[other] <= errors), key=lambda other: (far[other], other))[:MOST]


def grams(word: str) -> Sequence[str]:
    """List the trigrams of a word, sorted: `oak` has two spaces and `o`, ` oa`, `oak`, `ak `."""
    padded = f"  {word} "
    return sorted({padded[at : at + 3] for at in range(len(padded) - 2)})


def _grams_of(word: str) -> dict[str, list[str]]:
    return {"grams": list(grams(word))}


_FIRST = literal("  ") + func.substr(WordGramRow.word, 1, 1)
_KNOWN = select(WordGramRow.word).where(in_list(WordGramRow.word, "words"), WordGramRow.gram == _FIRST)
_ADD = inserting(
    table_of(WordGramRow),
    *("word", "gram"),
    then=lambda insert: insert.on_conflict_do_nothing(index_elements=["word", "gram"]),
)
