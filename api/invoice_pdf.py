"""An invoice as PDF, in a font that has Latin, Greek, Cyrillic, Armenian and Georgian.

It has no Chinese, Japanese, Korean, Indic scripts or emoji, and nothing here orders what is written from right to
left: in place of those stands a box, and a line at the end says so. The page in HTML shows them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from shop.invoices import Invoice

FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
BOX = "\N{WHITE SQUARE}"
MISSING = f"{BOX} stands for what this font does not have. The invoice as a web page shows it."
HEADS = ("SKU", "Article", "Quantity", "Price", "Total")
WIDTHS = (34, 62, 20, 32, 32)
ALIGN = ("LEFT", "LEFT", "RIGHT", "RIGHT", "RIGHT")
GREY = 200


def render(invoice: Invoice) -> bytes:
    page = _Page()
    page.heading(f"Invoice {invoice.number}", title=f"Invoice {invoice.number}")
    page.text_line(f"Order {invoice.order.number}")
    page.text_line(invoice.row.issued_at.strftime("%Y-%m-%d"))
    page.ln(4)
    for line in invoice.address:
        page.text_line(line)
    page.ln(4)
    page.rows([HEADS, *_lines(invoice)])
    page.sums(_below(invoice))
    page.say_what_is_missing()
    return bytes(page.output())


def _lines(invoice: Invoice) -> list[tuple[str, ...]]:
    money = invoice.money
    return [
        (line.sku, line.name, str(line.quantity), str(money(line.unit_price)), str(money(line.total)))
        for line in invoice.order.lines
    ]


def _below(invoice: Invoice) -> list[tuple[str, str]]:
    found = [(label, str(amount)) for label, amount in invoice.sums]
    found.append(("Total", str(invoice.money(invoice.order.total))))
    found += [(label, str(amount)) for label, amount in invoice.paid]
    found += [(f"Refunded {at.strftime('%Y-%m-%d')}", f"-{amount}") for at, amount in invoice.refunds]
    return found


class _Page(FPDF):
    def __init__(self) -> None:
        super().__init__(format="A4")
        self.add_font("DejaVu", fname=FONT)
        self.set_margin(15)
        self.set_auto_page_break(True, margin=15)
        self.set_draw_color(GREY)
        self.add_page()
        self._boxed = False

    def heading(self, text: str, *, title: str) -> None:
        self.set_title(title)
        self.set_lang("en")
        self.set_font("DejaVu", size=18)
        self.cell(text=text, new_x="LMARGIN", new_y="NEXT", h=12)
        self.set_font("DejaVu", size=9)

    def text_line(self, text: str) -> None:
        self.multi_cell(0, 5, self._fit(text), new_x="LMARGIN", new_y="NEXT", align="LEFT")

    def rows(self, rows: list[tuple[str, ...]]) -> None:
        plain = FontFace(emphasis="")
        layout = TableBordersLayout.HORIZONTAL_LINES
        with self.table(
            col_widths=WIDTHS, text_align=ALIGN, borders_layout=layout, headings_style=plain, line_height=5
        ) as table:
            for row in rows:
                table.row([self._fit(cell) for cell in row])

    def sums(self, rows: list[tuple[str, str]]) -> None:
        for label, amount in rows:
            self.cell(148, 6, self._fit(label), border="B")
            self.cell(32, 6, amount, border="B", align="R", new_x="LMARGIN", new_y="NEXT")

    def say_what_is_missing(self) -> None:
        if self._boxed:
            self.ln(6)
            self.text_line(MISSING)

    def _fit(self, text: str) -> str:
        fitting = printable(text)
        self._boxed = self._boxed or BOX in fitting
        return fitting


def printable(text: str) -> str:
    """As this font can show it: one box for each run of characters that it cannot."""
    seen = "".join(_shown(letter) for letter in unicodedata.normalize("NFC", text))
    return re.sub(f"{BOX}+", BOX, seen)


def _shown(letter: str) -> str:
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs"):
        return " " if letter.isspace() else ""
    right_to_left = unicodedata.bidirectional(letter) in ("R", "AL", "AN")
    return letter if ord(letter) in _glyphs() and not right_to_left else BOX


@cache
def _glyphs() -> frozenset[int]:
    with TTFont(FONT, lazy=True) as font:
        return frozenset(font.getBestCmap())
