"""Checks of settings: they refuse what is insecure in production, has no meaning, or needs a missing package."""

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
    """A setting that has no meaning: it cannot be parsed."""


class MissingExtra(RuntimeError):
    """A setting that needs a package which is not installed."""


def only_at_home(allowed: bool, environment: str) -> bool:
    """Return `allowed`. Raises InsecureSetting for True in production."""
    if allowed and environment == "production":
        raise InsecureSetting("WEBHOOKS_ALLOW_PRIVATE lets whoever may name a URL reach what lies inside")
    return allowed


def secret_reader(env: Env, state_dir: Path, environment: str) -> Callable[[str], str]:
    """Return a function that reads a secret by name.

    In production it raises InsecureSetting for one that is missing or shorter than 32 characters; elsewhere it makes a
    missing one and keeps it below `state_dir`.
    """

    def read(name: str) -> str:
        value: str | None = env.str(name, None)
        if environment == "production":
            return _strong(name, value)
        return value or _own_secret(state_dir / "secrets" / name.lower())

    return read


def previous(secret: str) -> str:
    """Return the secret that was in use before, or "". Raises InsecureSetting if it is shorter than 32 characters."""
    return _strong("JWT_SECRET_PREVIOUS", secret) if secret else ""


def stripe_reader(env: Env, *, needed: bool) -> Callable[..., str]:
    """Return a function that reads one of Stripe's secrets, which begin with letters that say what they are.

    If `needed`, it raises InsecureSetting for another beginning; the message does not hold the secret.
    """

    def read(name: str, *beginnings: str) -> str:
        value: str = env.str(name, "")
        if needed and not value.startswith(beginnings):
            raise InsecureSetting(f"{name} must be set, and begin with {' or '.join(beginnings)}")
        return value

    return read


def check_stripe(api_base: str | None, environment: str) -> None:
    """Raise MissingExtra without Stripe's SDK, and InsecureSetting for an API base without TLS in production."""
    if find_spec("stripe") is None:
        raise MissingExtra(
            "PAYMENT_PROVIDER=stripe needs its SDK: deploy/install.sh .venv stripe; REQUIREMENTS=stripe for the image"
        )
    if environment == "production" and api_base and not api_base.startswith("https://"):
        raise InsecureSetting("STRIPE_API_BASE must begin with https:// in production: the secret key is sent there")


def origins(said: list[str]) -> tuple[str, ...]:
    """Return the origins whose pages may call the API.

    Raises InsecureSetting for a pattern, which would admit more than it seems to.
    """
    for origin in said:
        if origin != "*" and not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin):
            raise InsecureSetting(f"CORS_ORIGINS: {origin!r} is no origin such as https://shop.example.com, nor *")
    return tuple(said)


def addresses(said: list[str]) -> tuple[str, ...]:
    """Return the mail addresses, stripped. Raises WrongSetting."""
    for address in said:
        if not re.fullmatch(r"[^\s@,]+@[^\s@,]+", address.strip()):
            raise WrongSetting(f"OPERATORS_MAIL: {address!r} is no mail address")
    return tuple(address.strip() for address in said)


def storefront(said: str) -> str | None:
    """Return the URL of the shop's own pages, without a slash at its end; None: there are only the API's.

    Raises WrongSetting.
    """
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
"""Paths below STOREFRONT_URL, unless STOREFRONT_PATHS sets others."""


def storefront_paths(said: list[str]) -> dict[str, str]:
    """Return the default paths, changed by settings such as `order=/my/orders/{id}`. Raises WrongSetting.

    No path may hold a token: only the placeholder of the default may stand in it.
    """
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
    """Create the folder for its owner alone; take the rights of others to an existing one away.

    One of another user, or with the sticky bit, as /tmp has it, is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=OURS_ALONE)
    mode = folder.stat().st_mode
    if mode & OTHERS and not mode & stat.S_ISVTX and folder.stat().st_uid == os.geteuid():
        folder.chmod(mode & ~OTHERS & 0o7777)


def private_file(path: Path) -> None:
    """Create the file, empty and for its owner alone; take the rights of others to an existing one away.

    An existing file is not opened: closing it would free all locks that SQLite has on it in this process.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    _shut(path)


def shut_all(folder: Path) -> None:
    """Take the rights of others away from the files in this folder and in its `logs` and `secrets`.

    Earlier versions left them readable.
    """
    for place in (folder, folder / "logs", folder / "secrets"):
        for path in place.glob("*"):
            if path.is_file() and not path.is_symlink():
                _shut(path)


def _shut(path: Path) -> None:
    found = path.stat()
    if found.st_mode & OTHERS and found.st_uid == os.geteuid():
        path.chmod(found.st_mode & ~OTHERS & 0o7777)


def _own_secret(path: Path) -> str:
    """Read a development secret from its file, making it if it is missing. The processes of one copy share it."""
    private_folder(path.parent.parent)
    private_folder(path.parent)
    try:
        with path.open("x") as new:
            path.chmod(0o600)
            new.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    return path.read_text()
