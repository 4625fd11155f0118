"""Rendering a campaign's templates for one recipient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from letters.links import defanged
from shop.accounts import email_addresses
from shop.campaigns import templates
from shop.campaigns.tables import CampaignRow
from shop.consent import unsubscribe_links
from shop.consent.eligibility import Recipient
from shop.consent.unsubscribe_links import WayOut
from shop.kernel import links
from shop.kernel.links import Place

SAMPLE = Recipient("00000000-0000-7000-8000-000000000000", "casey@example.com", "Casey Customer", "en")
NOBODYS = "https://shop.example.com/unsubscribe"
"""The unsubscribe link of a preview, which is sent to no recipient."""


@dataclass(frozen=True)
class Content:
    """The templates of a campaign, without a recipient."""

    topic: str
    subject: str
    text: str
    html: str | None


@dataclass(frozen=True)
class Letter:
    to: str
    subject: str
    text: str
    html: str | None
    headers: Mapping[str, str]


def content(campaign: CampaignRow) -> Content:
    return Content(campaign.topic, campaign.subject, campaign.text, campaign.html)


def check(said: Content) -> None:
    """Render the templates for a sample recipient. Raises Invalid that names the template and the line."""
    values = _values(SAMPLE, "SPRING-SAMPLE", NOBODYS)
    templates.check({"subject": said.subject, "text": said.text, "html": said.html}, values)


def written(said: Content, who: Recipient, coupon: str | None, *, out: str | None = None) -> Letter:
    """Render the mail to one recipient. An unsubscribe link is appended where the templates have none.

    `out`: an unsubscribe link in place of the real one. Raises TemplateFailed.
    """
    way_out = WayOut(out, out) if out else unsubscribe_links.way_out(who.id, who.email, said.topic)
    url = way_out.page
    values = _values(who, coupon or "", url)
    text = templates.render("text", said.text, values)
    html = templates.render("html", said.html, values) if said.html else None
    if url not in text:
        text += f"\n\nUnsubscribe: {url}\n"
    if html and escape(url) not in html:
        html += f'<p><a href="{escape(url)}">Unsubscribe</a></p>'
    subject = templates.render("subject", said.subject, values)
    return Letter(who.email, subject, text, html, unsubscribe_links.headers(way_out.url))


def _values(who: Recipient, coupon: str, url: str) -> dict[str, str]:
    name = defanged(who.name)
    return {
        "name": name,
        "first_name": name.split(" ")[0],
        "email": email_addresses.shown(who.email),
        "coupon": coupon,
        "shop_url": links.link(Place.HOME),
        "unsubscribe_url": url,
    }
