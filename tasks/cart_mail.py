"""The words of a reminder of a cart, in the customer's language."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from config import settings
from gateways.mail import Mail
from shop import unsubscribing
from shop.cart_reminders import Reminder
from shop.topics import Topic


class Words(NamedTuple):
    subject: str
    hello: str
    said: str
    link: str
    out: str


WORDS = {
    "en": Words("Your cart is waiting", "Dear", "This is still in your cart:", "To your cart", "No more reminders"),
    "de": Words(
        subject="Ihr Warenkorb wartet",
        hello="Guten Tag",
        said="Das liegt noch in Ihrem Warenkorb:",
        link="Zum Warenkorb",
        out="Keine Erinnerungen mehr",
    ),
}


def compose(reminder: Reminder) -> Mail:
    who, words = reminder.who, WORDS.get(reminder.who.language.split("-")[0], WORDS["en"])
    cart, out = f"{settings().public_url}/api/cart/me", unsubscribing.link(who.id, who.email, Topic.REMINDERS)
    lines = [f"{quantity} x {name}" for quantity, name in reminder.lines]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    head = f"{words.hello} {who.name},"
    return Mail(
        to=who.email,
        subject=words.subject,
        text="\n".join([head, "", words.said, "", *lines, "", f"{words.link}: {cart}", "", f"{words.out}: {out}", ""]),
        html=f"<p>{escape(head)}</p><p>{escape(words.said)}</p><ul>{items}</ul>"
        f'<p><a href="{escape(cart)}">{words.link}</a></p><p><a href="{escape(out)}">{words.out}</a></p>',
        message_id=f"<{reminder.id}@orderwave>",
        headers=unsubscribing.headers(out),
    )
