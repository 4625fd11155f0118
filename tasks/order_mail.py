"""What customers are written about their orders. It states only what is committed."""

from __future__ import annotations

from html import escape

from config import settings
from gateways.mail import Mail
from shop.money import Money
from shop.notifications import OrderMail


def order_confirmed(notice: OrderMail) -> Mail:
    lines = [f"{line.quantity} x {line.name}: {Money(line.total, notice.currency)}" for line in notice.lines]
    total = f"Total, shipping included: {Money(notice.total, notice.currency)}"
    greeting = f"Thank you for your order {notice.number}. It is paid and confirmed."
    name = str(notice.address.get("name", ""))
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return Mail(
        to=notice.email,
        subject=f"Your order {notice.number} is confirmed",
        text="\n".join([f"Dear {name},", "", greeting, "", *lines, total, "", _link(notice.order_id)]),
        html=f"<p>Dear {escape(name)},</p><p>{escape(greeting)}</p><ul>{items}</ul><p>{escape(total)}</p>",
        message_id=f"<{notice.id}@orderwave>",
    )


def order_cancelled(notice: OrderMail) -> Mail:
    name = str(notice.address.get("name", ""))
    told = f"Your order {notice.number} is cancelled. What you paid for it goes back the way it came."
    return Mail(
        to=notice.email,
        subject=f"Your order {notice.number} is cancelled",
        text="\n".join([f"Dear {name},", "", told, "", _link(notice.order_id)]),
        html=f"<p>Dear {escape(name)},</p><p>{escape(told)}</p>",
        message_id=f"<{notice.id}@orderwave>",
    )


def _link(order_id: str) -> str:
    return f"{settings().public_url}/api/orders/{order_id}"
