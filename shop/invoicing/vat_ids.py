"""VAT ids of buyers, checked by their form only: the country's letters and what it writes behind them. Whether an id is
in use is not asked.

Source: the European Commission's VIES FAQ, "What is the format of a VAT number?"; other countries by the letters of
ISO 3166-1 and up to 15 letters and digits.
"""

from __future__ import annotations

import re

from shop.kernel.countries import CODES

LONGEST = 20
EXAMPLE = "DE123456789"
_BRITISH = r"\d{9}(\d{3})?|(GD|HA)\d{3}"
_FORMS = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CH": r"E\d{9}(MWST|TVA|IVA)?",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}",
    "GB": _BRITISH,
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9]\d{5}[A-Z]{1,2}",
    "IT": r"\d{11}",
    "LT": r"\d{9}(\d{3})?",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "NO": r"\d{9}(MVA)?",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": _BRITISH,
}
_ELSEWHERE = r"(?=.*\d)[A-Z0-9]{2,15}"


class NotAVatId(ValueError):
    """The text does not have the form of a VAT id."""


def normalised(said: str) -> str:
    """Return the id in capitals, without spaces, dots, dashes and slashes; Greece is `EL`. Raises NotAVatId."""
    id = re.sub(r"[\s.\-/]", "", said).upper()
    if id.startswith("GR"):
        id = f"EL{id[2:]}"
    form = _FORMS.get(id[:2]) or (_ELSEWHERE if id[:2] in CODES else None)
    if form is None or not re.fullmatch(form, id[2:], re.ASCII):
        raise NotAVatId(f"Must be a VAT id with its country's letters, such as {EXAMPLE}.")
    return id
