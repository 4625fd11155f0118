"""python -m sandbox.bank"""

from __future__ import annotations

import asyncio
import logging

from sandbox import serve
from sandbox.bank import options
from sandbox.bank.app import create_app
from sandbox.bank.bank import open_bank
from sandbox.bank.schema import SCHEMA
from sandbox.store import Store


async def run(chosen: options.Options) -> None:
    store = Store(chosen.db, SCHEMA)
    bank = open_bank(chosen, store)
    server = serve.listen(create_app(bank), chosen.host, chosen.port)
    postman = asyncio.create_task(bank.postman.run())
    await serve.until_told_to_stop(postman)
    await serve.close(server, postman)
    store.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(run(options.read()))
