"""`/`: where to go from here, for whoever opens the shop's address in a browser."""

from __future__ import annotations

from flask import Blueprint, Response

from api.pages import rendering
from config import Settings, settings

blp = Blueprint("start_page", __name__)


@blp.get("/")
def start() -> Response:
    """The API's document and, in a copy for development, what stands beside it on this machine."""
    return rendering.page("start", "style-src 'self'; form-action 'none'", **_beside(settings()))


def _beside(chosen: Settings) -> dict[str, str | None]:
    """What a production shop has of these is for nobody outside, and elsewhere."""
    if chosen.environment == "production":
        return dict.fromkeys(("flower", "bank", "sink"))
    return {
        "flower": f"http://127.0.0.1:{chosen.flower_port}/tasks",
        "bank": f"{chosen.bank_url}/" if chosen.payment_provider == "sandbox" else None,
        "sink": f"http://127.0.0.1:{chosen.sink_port}/",
    }
