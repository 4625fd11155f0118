"""The mail of a cart reminder, with the unsubscribe link that every marketing mail has."""

from __future__ import annotations

import letters
from gateways.mail import Mail, message_id
from shop.campaigns.cart_reminders import Reminder
from shop.consent import unsubscribe_links
from shop.consent.topics import Topic
from shop.kernel import links
from shop.kernel.links import Place


def compose(reminder: Reminder) -> Mail:
    who, out = reminder.who, unsubscribe_links.way_out(reminder.who.id, reminder.who.email, Topic.REMINDERS)
    goods = [f"{quantity} x {name}" for quantity, name in reminder.lines]
    said = {"name": who.name, "goods": goods, "link": links.link(Place.CART), "unsubscribe": out.page}
    letter = letters.write("cart_reminder", said, who.language)
    id, headers = message_id(reminder.mark), unsubscribe_links.headers(out.url)
    return Mail(who.email, letter.subject, letter.text, letter.html, message_id=id, headers=headers)
