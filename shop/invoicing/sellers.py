"""The seller as invoices name it, read from the settings."""

from __future__ import annotations

from typing import Any

from config import Settings, settings
from shop.kernel.errors import Refusal


class SellerUnknown(Refusal):
    """The settings lack the seller's name, address, or VAT id and tax number: no tax office takes such an invoice."""

    code, title = "seller_unknown", "Nobody has said who sells"


def is_known(ours: Settings) -> bool:
    return bool(ours.seller_name and ours.seller_address and (ours.seller_vat_id or ours.seller_tax_number))


def is_known_here() -> bool:
    return is_known(settings())


def ours() -> dict[str, Any]:
    """Return the seller by the settings. Raises SellerUnknown."""
    said = settings()
    if not is_known(said):
        raise SellerUnknown("Set SELLER_NAME, SELLER_ADDRESS and SELLER_VAT_ID or SELLER_TAX_NUMBER first.")
    return {
        "name": said.seller_name,
        "address": list(said.seller_address),
        "vat_id": said.seller_vat_id,
        "tax_number": said.seller_tax_number,
        "email": said.seller_email,
    }
