"""The three demo accounts, the only ones in the program that exist without a registration."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config import settings
from db import transaction
from shop.accounts import passwords, users
from shop.accounts.users import Role

ACCOUNTS = {
    "customer@example.com": ("Casey Customer", Role.CUSTOMER),
    "staff@example.com": ("Sam Staff", Role.STAFF),
    "admin@example.com": ("Alex Admin", Role.ADMIN),
}


def kept_password() -> str | None:
    """Return the password of this copy's demo accounts; None before they were made."""
    return _file().read_text().strip() if _file().exists() else None


def make_accounts() -> int:
    """Make the demo accounts that are missing, and set the password of the others if DEMO_PASSWORD has changed.

    Returns how many were made or changed. Safe to call twice.
    """
    before = kept_password()
    password = os.environ.get("DEMO_PASSWORD") or before or secrets.token_urlsafe(12)
    changed = sum(_make(email, password, same=password == before) for email in ACCOUNTS)
    _keep(password)
    return changed


def _make(email: str, password: str, *, same: bool) -> bool:
    name, role = ACCOUNTS[email]
    with transaction() as session:
        account = users.by_email(session, email)
    if account and same:
        return False
    fresh = passwords.hash_password(password)  # takes its time, so outside of a transaction
    with transaction() as session:
        if account is None:
            users.register(session, email=email, name=name, password_hash=fresh, role=role)
        else:
            users.change_password(session, account.id, old_hash=account.password_hash, new_hash=fresh)
    return True


def _keep(password: str) -> None:
    new = _file().with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(new, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(password + "\n")
    new.replace(_file())


def _file() -> Path:
    return settings().state_dir / "demo-password"
