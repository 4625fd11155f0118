"""`/`: where to go from here, for whoever opens the shop's address in a browser."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import Blueprint, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from config import Settings, settings

CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

blp = Blueprint("start_page", __name__)


@blp.get("/")
def start() -> Response:
    """The API's document and, in a copy for development, what stands beside it on this machine."""
    page = _template().render(beside=_beside(settings()))
    return Response(page, mimetype="text/html", headers={"Content-Security-Policy": CSP})


def _beside(chosen: Settings) -> list[tuple[str, str, str]]:
    """What a production shop has of these is for nobody outside, and elsewhere."""
    if chosen.environment == "production":
        return []
    here = f"http://127.0.0.1:{chosen.flower_port}/tasks"
    places = [("Flower", here, "every task of every worker, as it runs")]
    if chosen.payment_provider == "sandbox":
        places.append(("Sandbox bank", f"{chosen.bank_url}/", "its ledger, and the page that asks for 3-D Secure"))
    return [*places, ("Mail sink", f"http://127.0.0.1:{chosen.sink_port}/", "every mail that the shop has sent")]


@cache
def _template() -> Template:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined
    )
    return pages.get_template("start.html")
