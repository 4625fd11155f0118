"""`/`: the start page, for opening the shop's address in a browser."""

from __future__ import annotations

from flask import Blueprint, Response

from api.pages import rendering
from config import Settings, settings

blp = Blueprint("start_page", __name__)


@blp.get("/")
def start() -> Response:
    """Link to the API's document and, outside production, to the other services on this machine."""
    return rendering.page("start", "style-src 'self'; form-action 'none'", **_beside(settings()))


def _beside(chosen: Settings) -> dict[str, str | None]:
    """Return the addresses of Flower, bank and mail sink; None for each in production, where they are not public."""
    if chosen.environment == "production":
        return dict.fromkeys(("flower", "bank", "sink"))
    return {
        "flower": f"http://127.0.0.1:{chosen.flower_port}/tasks",
        "bank": f"{chosen.bank_url}/" if chosen.payment_provider == "sandbox" else None,
        "sink": f"http://127.0.0.1:{chosen.sink_port}/",
    }
