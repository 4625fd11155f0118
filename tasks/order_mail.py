"""What customers are written about their orders. It states only what is committed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from config import settings
from gateways.mail import Mail
from shop import order_tokens
from shop.money import Money
from shop.notifications import OrderMail
from shop.return_mail import ReturnMail


def order_confirmed(notice: OrderMail) -> Mail:
    told = f"Thank you for your order {notice.number}. It is paid and confirmed."
    return _mail(notice, f"Your order {notice.number} is confirmed", told, _sums(notice))


def order_cancelled(notice: OrderMail) -> Mail:
    told = f"Your order {notice.number} is cancelled. What you paid for it goes back the way it came."
    return _mail(notice, f"Your order {notice.number} is cancelled", told)


def return_asked(notice: ReturnMail) -> Mail:
    number = notice.order.number
    told = f"You want to send back something of your order {number}. We let you know as soon as it is here."
    return _mail(notice.order, f"Your return for order {number} is noted", told, notice.goods)


def return_rejected(notice: ReturnMail) -> Mail:
    number = notice.order.number
    told = f"We can not take back what you wanted to return of your order {number}. The reason: {notice.answer}"
    return _mail(notice.order, f"Your return for order {number} is not accepted", told, notice.goods)


def order_link(notice: OrderMail) -> Mail:
    told = f"With this link you see your order {notice.number}. Whoever has the link can do the same: keep it to you."
    return _mail(notice, f"The link to your order {notice.number}", told)


def _sums(notice: OrderMail) -> list[str]:
    """How the total comes about, as the order says it: lines, what was taken off, shipping, tax."""

    def line(label: str, amount: int) -> str:
        return f"{label}: {Money(amount, notice.currency)}"

    parts = [line(part["label"], part["amount"]) for part in notice.breakdown]
    coupon = [f"With the coupon {notice.coupon_code}"] if notice.coupon_code else []
    tax = [line("Tax, included", notice.tax)] if notice.tax and notice.tax_included else []
    return [*parts, *coupon, line("Total", notice.total), *tax]


def _mail(notice: OrderMail, subject: str, told: str, lines: Sequence[str] = ()) -> Mail:
    dear, link = f"Dear {notice.address.get('name', '')},", _link(notice)
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return Mail(
        to=notice.email,
        subject=subject,
        text="\n".join([dear, "", told, "", *lines, *([""] if lines else []), link]),
        html=f"<p>{escape(dear)}</p><p>{escape(told)}</p>{f'<ul>{items}</ul>' if items else ''}"
        f'<p><a href="{escape(link)}">{escape(link)}</a></p>',
        message_id=f"<{notice.id}@orderwave>",
    )


def _link(notice: OrderMail) -> str:
    """Guests get their token with it; the others sign in."""
    if notice.token:
        return order_tokens.link(notice.order_id, notice.token)
    return f"{settings().public_url}/api/orders/{notice.order_id}"
