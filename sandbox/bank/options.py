"""The options of the bank: from flags, else from the environment, else from the shop's settings."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path

import config


@dataclass(frozen=True)
class Options:
    host: str
    port: int
    db: Path
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    webhook_url: str
    public_url: str
    latency_ms: float
    slow_seconds: float
    webhook_backoff: float
    webhooks: str


def read(argv: list[str] | None = None) -> Options:
    """Parse the command line. Secrets are better given by environment: flags show in `ps`."""
    given = vars(_parser(config.settings()).parse_args(argv))
    given["public_url"] = given["public_url"] or f"http://127.0.0.1:{given['port']}"
    return Options(**given)


def _parser(known: config.Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m sandbox.bank", description=__doc__)
    add = parser.add_argument
    add("--host", default=known.host)
    add("--port", type=int, default=known.bank_port)
    add("--db", type=Path, default=known.state_dir / "bank.db")
    add("--api-key", default=known.bank_key)
    add("--webhook-secret", default=known.bank_webhook_secret)
    add("--webhook-url", default=f"{known.public_url}/api/webhooks/payments/sandbox")
    add("--public-url", default=os.environ.get("BANK_PUBLIC_URL"), help="where a shopper's browser finds this bank")
    add("--latency-ms", type=float, default=os.environ.get("BANK_LATENCY_MS", "0"), help="added to each charge")
    add("--slow-seconds", type=float, default=os.environ.get("BANK_SLOW_SECONDS", "3"), help="what tok_slow takes")
    add("--webhook-backoff", type=float, default=os.environ.get("BANK_WEBHOOK_BACKOFF", "1"), help="first pause, s")
    add("--webhooks", choices=["asynchronous", "all"], default=os.environ.get("BANK_WEBHOOKS", "asynchronous"))
    return parser
