"""The promises: one file, one workflow, one tuple of steps."""

from workflows.account_mail import send_account_mail
from workflows.place_order import place_order

__all__ = ["place_order", "send_account_mail"]
