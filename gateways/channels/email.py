"""Mail as a channel. The Message-ID is made of the message's mark, so that a second copy (P4) is known as one."""

from __future__ import annotations

from gateways.channels.contract import Message
from gateways.mail import Mail, mailer, message_id


class EmailChannel:
    def send(self, message: Message) -> str:
        mail = Mail(message.to, message.subject, message.text, message.html, message_id=message_id(message.mark))
        mailer().send(mail)
        return "The mail server answered 250."
