"""bare_smtp URL MAILS CONNECTIONS: send mails with smtplib in a loop, without a database. Prints mails per second."""

from __future__ import annotations

import json
import smtplib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from functools import partial
from urllib.parse import urlsplit

TEXT = "ten per cent off everything made of wood, until Sunday. " * 8


def main(url: str, mails: int, connections: int) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(connections) as hands:
        list(hands.map(partial(_send, url, connections, mails), range(connections)))
    return mails / (time.perf_counter() - begun)


def _send(url: str, connections: int, mails: int, first: int) -> None:
    parts = urlsplit(url)
    with smtplib.SMTP(str(parts.hostname), int(parts.port or 25)) as line:
        for number in range(first, mails, connections):
            line.send_message(_mail(number))


def _mail(number: int) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", f"p-{number}@example.com", "Spring"
    mail["Message-ID"] = f"<{number}@bare>"
    mail.set_content(TEXT)
    return mail


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
