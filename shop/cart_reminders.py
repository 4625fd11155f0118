"""Reminders of carts that were left: a sequence that ends with an order, a no, or any change of the cart."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from sql import At, Base, Id, new_id, now


class CartReminderRow(Base):
    """The `number`th reminder of a cart as it was at `changed_at`. The key lets each be sent once."""

    __tablename__ = "cart_reminders"
    __table_args__ = (Index("ix_cart_reminders_user", "user_id", "created_at"),)

    cart_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    changed_at: Mapped[At] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[Id] = mapped_column(unique=True, default=new_id)
    user_id: Mapped[Id]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    detail: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[At] = mapped_column(default=now())
