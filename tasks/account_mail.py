"""The words of mails about accounts. Links start with PUBLIC_URL, whatever host a request named."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from config import settings
from gateways.mail import Mail
from shop.account_links import Kind
from shop.users import UserRow


class Words(NamedTuple):
    subject: str
    path: str
    please: str
    otherwise: str


WORDS = {
    Kind.VERIFY_EMAIL: Words(
        subject="Please confirm your e-mail address",
        path="/account/verify-email",
        please="Open this link to confirm that this address is yours:",
        otherwise="If you did not open an account with us, you need not do anything.",
    ),
    Kind.PASSWORD_RESET: Words(
        subject="Choose a new password",
        path="/account/reset-password",
        please="Open this link within an hour to choose a new password:",
        otherwise="If you did not ask for it, you need not do anything: your password stays as it is.",
    ),
}


def compose(kind: Kind, user: UserRow, token: str, run_id: str) -> Mail:
    """The token stands behind the #, where no server log and no Referer header can see it."""
    words = WORDS[kind]
    link = f"{settings().public_url}{words.path}#token={token}"
    return Mail(
        to=user.email or "",
        subject=words.subject,
        text=f"Dear {user.name},\n\n{words.please}\n\n{link}\n\n{words.otherwise}\n",
        html=f"<p>Dear {escape(user.name)},</p><p>{escape(words.please)}</p>"
        f'<p><a href="{escape(link)}">{escape(link)}</a></p><p>{escape(words.otherwise)}</p>',
        message_id=f"<{run_id}@orderwave>",
    )
