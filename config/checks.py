"""What a setting may not be: fine on a laptop and dangerous where strangers are, or in need of what is not there."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from environs import Env

OURS_ALONE, OTHERS = 0o700, 0o077


class InsecureSetting(RuntimeError):
    """A setting that is fine on a laptop and dangerous where strangers can reach it."""


class WrongSetting(ValueError):
    """A setting that means nothing."""


class MissingExtra(RuntimeError):
    """A setting that needs a package which is not installed."""


def only_at_home(allowed: bool, environment: str) -> bool:
    if allowed and environment == "production":
        raise InsecureSetting("WEBHOOKS_ALLOW_PRIVATE lets whoever may name a URL reach what lies inside")
    return allowed


def secret_reader(env: Env, state_dir: Path, environment: str) -> Callable[[str], str]:
    def read(name: str) -> str:
        value: str | None = env.str(name, None)
        if environment == "production":
            return _strong(name, value)
        return value or _own_secret(state_dir / "secrets" / name.lower())

    return read


def previous(secret: str) -> str:
    """A secret that was in use before: none, or as long as a secret has to be."""
    return _strong("JWT_SECRET_PREVIOUS", secret) if secret else ""


def stripe_reader(env: Env, *, needed: bool) -> Callable[..., str]:
    """Stripe's secrets say by their first letters what they are; a wrong one is told of at the start, not shown."""

    def read(name: str, *beginnings: str) -> str:
        value: str = env.str(name, "")
        if needed and not value.startswith(beginnings):
            raise InsecureSetting(f"{name} must be set, and begin with {' or '.join(beginnings)}")
        return value

    return read


def check_stripe(api_base: str | None, environment: str) -> None:
    if find_spec("stripe") is None:
        raise MissingExtra(
            "PAYMENT_PROVIDER=stripe needs its SDK: deploy/install.sh .venv stripe; REQUIREMENTS=stripe for the image"
        )
    if environment == "production" and api_base and not api_base.startswith("https://"):
        raise InsecureSetting("STRIPE_API_BASE must begin with https:// in production: the secret key is sent there")


def origins(said: list[str]) -> tuple[str, ...]:
    """Pages of which sites may call the API. A pattern would let in more of them than it seems to."""
    for origin in said:
        if origin != "*" and not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin):
            raise InsecureSetting(f"CORS_ORIGINS: {origin!r} is no origin such as https://shop.example.com, nor *")
    return tuple(said)


def addresses(said: list[str]) -> tuple[str, ...]:
    """Mail addresses by comma."""
    for address in said:
        if not re.fullmatch(r"[^\s@,]+@[^\s@,]+", address.strip()):
            raise WrongSetting(f"OPERATORS_MAIL: {address!r} is no mail address")
    return tuple(address.strip() for address in said)


def storefront(said: str) -> str | None:
    """Where the shop's own pages are; None: nowhere but in the API."""
    if said and not re.fullmatch(r"https?://[^\s?#]+", said):
        raise WrongSetting(f"STOREFRONT_URL: {said!r} is no address such as https://shop.example.com")
    return said.rstrip("/") or None


STOREFRONT = {
    "home": "/",
    "order": "/orders/{id}",
    "cart": "/cart",
    "product": "/products/{slug}",
    "reset-password": "/reset-password",
    "verify-email": "/verify-email",
    "unsubscribe": "/unsubscribe",
}
"""Paths below STOREFRONT_URL, unless STOREFRONT_PATHS says others."""


def storefront_paths(said: list[str]) -> dict[str, str]:
    """`order=/my/orders/{id},cart=/basket`, over the defaults. No path may hold a token."""
    paths = dict(STOREFRONT)
    for one in said:
        name, _, path = one.strip().partition("=")
        may_name = re.findall(r"{\w+}", STOREFRONT.get(name, ""))
        bare = path.replace(may_name[0], "") if may_name else path
        if name not in STOREFRONT or not re.fullmatch(r"/[^\s{}#]*", bare):
            raise WrongSetting(f"STOREFRONT_PATHS: {one!r} is no page and path such as order=/orders/{{id}}")
        paths[name] = path
    return paths


def _strong(name: str, value: str | None) -> str:
    if not value or len(value) < 32:
        raise InsecureSetting(f"{name} must be set to at least 32 characters in production")
    return value


def private_folder(folder: Path) -> None:
    """Make it, for its owner alone; one that others could look into is shut. What everybody may write to is left."""
    folder.mkdir(parents=True, exist_ok=True, mode=OURS_ALONE)
    mode = folder.stat().st_mode
    if mode & OTHERS and not mode & stat.S_ISVTX and folder.stat().st_uid == os.geteuid():
        folder.chmod(mode & ~OTHERS & 0o7777)


def private_file(path: Path) -> None:
    """Make it, empty and for its owner alone, if it is not there; shut it to others if it is.

    Never opened when it is there: to close it would free SQLite's locks on it, all that this process has.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    _shut(path)


def shut_all(folder: Path) -> None:
    """The files right below it, and in its folders of logs and secrets: written before this program was so careful."""
    for place in (folder, folder / "logs", folder / "secrets"):
        for path in place.glob("*"):
            if path.is_file() and not path.is_symlink():
                _shut(path)


def _shut(path: Path) -> None:
    found = path.stat()
    if found.st_mode & OTHERS and found.st_uid == os.geteuid():
        path.chmod(found.st_mode & ~OTHERS & 0o7777)


def _own_secret(path: Path) -> str:
    """A laptop's secret: made once, kept beside its database, shared by the processes of one copy."""
    private_folder(path.parent.parent)
    private_folder(path.parent)
    try:
        with path.open("x") as new:
            path.chmod(0o600)
            new.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    return path.read_text()
