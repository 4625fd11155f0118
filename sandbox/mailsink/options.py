"""The options of the mail sink: from flags, else from the shop's settings."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import config


@dataclass(frozen=True)
class Options:
    host: str
    smtp_port: int
    http_port: int
    db: Path


def read(argv: list[str] | None = None) -> Options:
    known = config.settings()
    parser = argparse.ArgumentParser("python -m sandbox.mailsink", description=__doc__)
    parser.add_argument("--host", default=known.host)
    parser.add_argument("--smtp-port", type=int, default=known.smtp_port)
    parser.add_argument("--http-port", type=int, default=known.sink_port)
    parser.add_argument("--db", type=Path, default=known.state_dir / "mail.db")
    return Options(**vars(parser.parse_args(argv)))
