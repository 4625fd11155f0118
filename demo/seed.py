"""python -m demo.seed: add a catalogue, its stock, and the demo accounts. Safe to repeat: it adds what is missing."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config import settings
from db import transaction
from demo.accounts import make_accounts
from shop.catalogue import upsert as catalogue_upsert
from shop.catalogue.tables import VariantRow
from shop.pricing import rate_admin
from shop.stock import adjustments, backorders

CATALOGUE = Path(__file__).parent / "catalogue.csv"
TAXES = {"standard": 1900, "reduced": 700}  # of Germany, in basis points
TO_ORDER = {"LANGBORD-DINING-TABLE-260": 20, "CANE-FRONT-SIDEBOARD-NAT": 5}  # without stock; the limit of backorders


def seed() -> tuple[int, int]:
    """Add the goods and accounts that are missing, and leave existing goods as they are.

    Returns how many SKUs were added, and how many accounts were made or changed.
    """
    with transaction() as session:
        goods = put_on_shelf(session, read(CATALOGUE))
        if not rate_admin.taxes(session, limit=1, after=None):
            _set_taxes(session)
    return goods, make_accounts()


def read(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="") as file:
        return [{**row, "options": json.loads(row["options"])} for row in csv.DictReader(file)]


def put_on_shelf(session: Session, rows: list[dict[str, Any]]) -> int:
    known = set(session.scalars(select(VariantRow.sku)))
    new = [row for row in rows if row["sku"] not in known]
    catalogue_upsert.import_rows(session, new)
    for row in new:
        if quantity := int(row["on_hand"]):
            adjustments.receive(session, row["sku"], quantity, "demo catalogue")
    skus = {row["sku"] for row in new}
    backorders.allow(session, {sku: limit for sku, limit in TO_ORDER.items() if sku in skus})
    return len(new)


def _set_taxes(session: Session) -> None:
    for tax_class, rate in TAXES.items():
        rate_admin.set_tax(session, (settings().shop_country, tax_class), rate, shipping=None)


if __name__ == "__main__":
    if settings().environment == "production":
        sys.exit("The demo accounts and goods are not for production.")
    print("demo: {} new SKUs, {} accounts made or changed".format(*seed()))
