"""Render a paper as PDF, in a font that has Latin, Greek, Cyrillic, Armenian and Georgian.

The font has no Chinese, Japanese, Korean, Indic scripts or emoji, and nothing here lays out text from right to left:
such characters are replaced by a box, and a line at the end says so. The page in HTML shows them.

The libraries are imported when the first paper is asked for: a sixth of an API's start-up, and 15 MB of each process.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from letters.papers import Paper

FONT = Path(__file__).parent.parent / "fonts" / "DejaVuSans.ttf"
BOX = "\N{WHITE SQUARE}"
GOODS, RATES = (42, 50, 20, 16, 26, 26), (48, 44, 44, 44)
"""The widths of both tables in millimetres."""

GREY = 200
PADDING = 0.8


def render(paper: Paper) -> bytes:
    page = _Page()
    page.begin(paper.title, paper.language)
    page.block(paper.seller)
    page.block(paper.buyer)
    page.heading(paper.title)
    page.block(paper.about)
    if paper.rows:
        page.rows(paper.rows, GOODS, texts=2)
        page.space()
    page.sums(paper.sums)
    page.space()
    page.rows(paper.rates, RATES, texts=1)
    page.space()
    page.block(paper.notes)
    page.say_what_is_missing(paper.missing)
    return page.printed()


class _Page:
    def __init__(self) -> None:
        from fpdf import FPDF

        self._pdf = FPDF(format="A4")
        self._pdf.add_font("DejaVu", fname=FONT)
        self._pdf.set_margin(15)
        self._pdf.set_auto_page_break(True, margin=15)
        self._pdf.set_draw_color(GREY)
        self._pdf.add_page()
        self._boxed = False

    def space(self) -> None:
        self._pdf.ln(4)

    def printed(self) -> bytes:
        return bytes(self._pdf.output())

    def begin(self, title: str, language: str) -> None:
        self._pdf.set_title(title)
        self._pdf.set_lang(language)
        self._pdf.set_font("DejaVu", size=9)

    def heading(self, text: str) -> None:
        self._pdf.set_font("DejaVu", size=18)
        self._pdf.cell(text=text, new_x="LMARGIN", new_y="NEXT", h=12)
        self._pdf.set_font("DejaVu", size=9)

    def block(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.text_line(line)
        self._pdf.ln(4)

    def text_line(self, text: str) -> None:
        self._pdf.multi_cell(0, 5, self._fit(text), new_x="LMARGIN", new_y="NEXT", align="LEFT")

    def rows(self, rows: Sequence[tuple[str, ...]], widths: tuple[int, ...], *, texts: int) -> None:
        """Draw a table: the first `texts` columns flush left, the others, which are figures, flush right."""
        from fpdf.fonts import FontFace

        plain = FontFace(emphasis="")
        align = tuple("LEFT" if n < texts else "RIGHT" for n in range(len(widths)))
        with self._pdf.table(
            col_widths=widths,
            text_align=align,
            borders_layout="HORIZONTAL_LINES",
            headings_style=plain,
            line_height=5,
            padding=PADDING,
        ) as table:
            for row in rows:
                first, *others = (self._fit(cell) for cell in row)
                table.row([self._broken(first, widths[0] - 2 * PADDING), *others])

    def _broken(self, text: str, width: float) -> str:
        """Break a SKU that is longer than its column after a hyphen, not in the middle of a word."""
        lines = [""]
        for part in re.split("(?<=-)", text):
            if lines[-1] and self._pdf.get_string_width(lines[-1] + part) > width:
                lines.append("")
            lines[-1] += part
        return "\n".join(lines)

    def sums(self, rows: Sequence[tuple[str, str]]) -> None:
        for label, amount in rows:
            self._pdf.cell(140, 6, self._fit(label), border="B")
            self._pdf.cell(40, 6, self._fit(amount), border="B", align="R", new_x="LMARGIN", new_y="NEXT")

    def say_what_is_missing(self, text: str) -> None:
        if self._boxed:
            self._pdf.ln(6)
            self.text_line(text)

    def _fit(self, text: str) -> str:
        fitting = printable(text)
        self._boxed = self._boxed or BOX in fitting
        return fitting


def printable(text: str) -> str:
    """Return the text as this font can show it, with one box for each run of characters that it cannot."""
    seen = "".join(_shown(letter) for letter in unicodedata.normalize("NFC", text))
    return re.sub(f"{BOX}+", BOX, seen)


def _shown(letter: str) -> str:
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs"):
        return " " if letter.isspace() else ""
    right_to_left = unicodedata.bidirectional(letter) in ("R", "AL", "AN")
    return letter if ord(letter) in _glyphs() and not right_to_left else BOX


@cache
def _glyphs() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(FONT, lazy=True) as font:
        return frozenset(font.getBestCmap())
