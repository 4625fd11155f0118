"""The banner of a running copy: the addresses of its services, and the demo accounts."""

from __future__ import annotations

from config import Settings
from demo.accounts import ACCOUNTS, kept_password
from deploy.console import paint
from deploy.processes import processes
from server.settings import stands_alone


def text(chosen: Settings) -> str:
    lines = [f"  {name:<12}{paint(url, 'blue')}" for name, url in _places(chosen)]
    told = [*lines, *_accounts(), *_warnings(chosen)]
    return "\n".join(["", paint("Orderwave is up.", "bold"), *told, "", "  Ctrl-C stops it.", ""])


def _places(chosen: Settings) -> list[tuple[str, str]]:
    running = {process.name for process in processes(chosen)}
    here = f"http://127.0.0.1:{chosen.port}"
    places = [
        ("shop API", f"{here}/api/products", "api"),
        ("API docs", f"{here}/api/docs", "api"),
        ("Flower", f"http://127.0.0.1:{chosen.flower_port}/tasks", "flower"),
        ("mail sink", f"http://127.0.0.1:{chosen.sink_port}/", "mailsink"),
        ("bank", f"http://127.0.0.1:{chosen.bank_port}/", "bank"),
    ]
    return [(name, url) for name, url, process in places if process in running]


def _warnings(chosen: Settings) -> list[str]:
    alone = "TRUSTED_PROXIES is 0: nothing stands in front that takes TLS and floods from many addresses."
    return [paint(f"  {alone}", "yellow")] if stands_alone(chosen) else []


def _accounts() -> list[str]:
    password = kept_password()
    if password is None:
        return []
    return [f"  {'accounts':<12}{', '.join(ACCOUNTS)}", f"  {'password':<12}{password}"]
