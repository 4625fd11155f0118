"""python -m sandbox.mailsink"""

from __future__ import annotations

import asyncio
import logging

from sandbox import serve
from sandbox.mailsink import mailbox, options, smtp
from sandbox.mailsink.app import create_app
from sandbox.mailsink.delivery_mode import DeliveryMode
from sandbox.store import Store


async def run(chosen: options.Options) -> None:
    store, mood = Store(chosen.db, mailbox.SCHEMA), DeliveryMode()
    post = await smtp.listen(store, mood, chosen.host, chosen.smtp_port)
    server = serve.listen(create_app(store, mood), chosen.host, chosen.http_port)
    await serve.until_told_to_stop()
    post.close()
    await serve.close(server)
    store.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # a line for every command would drown the rest
    asyncio.run(run(options.read()))
