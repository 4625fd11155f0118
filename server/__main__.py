"""python -m server [--host HOST] [--port PORT] [--workers N] module:app

What is left out comes from the settings; LISTEN_FD is the number of a listening socket that was handed over.
"""

from __future__ import annotations

import argparse
import logging
import sys
from importlib import import_module

import logs
from config import Settings, settings
from server.listening import listener
from server.loop import Loop
from server.requests import environ_of
from server.settings import limits_for, stands_alone, workers_for
from server.workers import Workers

log = logging.getLogger("server")


def main(arguments: list[str]) -> int:
    chosen = settings()
    wish = _wish(arguments, chosen)
    logs.configure(chosen.log_level)
    if stands_alone(chosen):
        log.warning("TRUSTED_PROXIES is 0: nothing stands in front that takes TLS and floods from many addresses")
    limits = limits_for(chosen, wish.workers)
    socket = listener(wish.host, wish.port)

    def serve(parent: int | None = None) -> None:
        module, _, name = wish.app.partition(":")
        base = environ_of(wish.host, wish.port, processes=wish.workers > 1)
        Loop(getattr(import_module(module), name), socket, base, limits).run(parent)

    if wish.workers == 1:
        serve()
        return 0
    return Workers(wish.workers, serve, patience=limits.grace + 2).run()


def _wish(arguments: list[str], chosen: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    parser.add_argument("--host", default=chosen.host)
    parser.add_argument("--port", type=int, default=chosen.port)
    parser.add_argument("--workers", type=int, default=workers_for(chosen))
    parser.add_argument("app")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
