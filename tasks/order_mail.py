"""What customers are written about their orders. It states only what is committed."""

from __future__ import annotations

from html import escape

from config import settings
from gateways.mail import Mail
from shop.money import Money
from shop.notifications import OrderMail


def order_confirmed(notice: OrderMail) -> Mail:
    order = notice.order
    lines = [f"{line.quantity} x {line.name}: {Money(line.total, order.currency)}" for line in order.lines]
    total = f"Total, shipping included: {Money(order.total, order.currency)}"
    greeting = f"Thank you for your order {order.number}. It is paid and confirmed."
    name = str(order.shipping_address.get("name", ""))
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return Mail(
        to=order.email,
        subject=f"Your order {order.number} is confirmed",
        text="\n".join([f"Dear {name},", "", greeting, "", *lines, total, "", _link(order.id)]),
        html=f"<p>Dear {escape(name)},</p><p>{escape(greeting)}</p><ul>{items}</ul><p>{escape(total)}</p>",
        message_id=f"<{notice.id}@orderwave>",
    )


def _link(order_id: str) -> str:
    return f"{settings().public_url}/api/orders/{order_id}"
