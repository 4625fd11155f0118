"""Resident memory of the idle stack, as `make up` starts it, by process and by import."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks import proc
from benchmarks.ground import Ground
from benchmarks.report import Page, Row
from benchmarks.run import Run
from deploy.child_process import ROOT

TITLE = "resident memory of the idle stack"
CAVEATS = (
    "PSS shares what several processes map among them, so that it can be added up; RSS counts it for each.",
    "PostgreSQL, RabbitMQ and Redis are not in it. Nothing was ordered yet; a busy worker holds more.",
    "Imports are told one after another in one fresh interpreter: what an earlier one brought is not counted again.",
)
IDLE = 10.0
IMPORTS = ("sqlalchemy.orm", "psycopg", "celery", "celery.app.amqp", "celery_app", "workflows", "flask", "api.wsgi")


def measure(run: Run, page: Page) -> None:
    for site in run.sites:
        with site.ground(quick=False) as here:
            page.row(Row(f"resident memory of the idle stack, {site.pair}, MB PSS", _stack(here, page), "none", None))
    _imports(page)


def _stack(here: Ground, page: Page) -> float:
    up = here.start("up", (sys.executable, "-m", "deploy.up"))
    here.wait(lambda: "Orderwave is up" in up.log.read_text(), "the stack to be up", seconds=120, pause=0.5)
    time.sleep(IDLE)
    held = {pid: (_name(pid), proc.memory(pid)) for pid in proc.family(up.pid)}
    page.say(f"{here.pair:34} {'PSS':>8} {'own':>8} {'mapped':>8} {'RSS':>8}   MB")
    for name, kinds in sorted(held.values(), key=lambda one: one[0]):
        page.say(_line(name, kinds))
    here.dismiss(up)
    total = {kind: sum(kinds[kind] for _, kinds in held.values()) for kind in ("Pss", "Pss_Anon", "Pss_File", "Rss")}
    page.say(_line(f"all {len(held)} processes", total))
    return total["Pss"]


def _line(name: str, kinds: dict[str, float]) -> str:
    figures = (kinds[kind] for kind in ("Pss", "Pss_Anon", "Pss_File", "Rss"))
    return f"{name:34} " + " ".join(f"{figure:8.1f}" for figure in figures)


def _name(pid: int) -> str:
    """Return a short name of the process, read from its command line."""
    words = proc.command(pid)
    for mark, name in (("server", "api"), ("beat", "clock"), ("flower", "flower"), ("deploy.up", "supervisor")):
        if mark in words:
            return name
    if "-n" in words:
        return f"worker {words[words.index('-n') + 1].partition('@')[0]}"
    return words[words.index("-m") + 1] if "-m" in words else words[0]


_SAY = "import {}; print(next(line.split()[1] for line in open('/proc/self/smaps_rollup') if line[:4] == 'Rss:'))"


def _imports(page: Page) -> None:
    before = 0.0
    for number in range(len(IMPORTS) + 1):
        names = ", ".join(("sys", *IMPORTS[:number]))
        done = subprocess.run([sys.executable, "-c", _SAY.format(names)], cwd=ROOT, capture_output=True, check=True)
        held = int(done.stdout) / 1024
        page.say(f"import {(IMPORTS[number - 1] if number else 'nothing'):20} {held - before:+7.1f} MB  {held:7.1f}")
        before = held
