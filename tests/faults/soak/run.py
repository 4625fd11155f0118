"""Run a soak from its seed to its tally."""

from __future__ import annotations

from pathlib import Path

from tests.faults.judge import Judge
from tests.faults.soak.catalogue import BACK, kinds
from tests.faults.soak.customers import Customers
from tests.faults.soak.fault import draw
from tests.faults.soak.processes import bring_back
from tests.faults.soak.proxied_stack import Ground, ground
from tests.faults.soak.soak import Soak
from tests.faults.tally import Tally
from tests.services.session import Services

CUSTOMERS = 8
PAUSE = 1.0
QUIET_SECONDS = 300.0  # what is open when it is quiet has to end within: 3-D Secure waits for two minutes


def hold(
    pair: str, services: Services, folder: Path, *, seed: int, seconds: float, customers: int = CUSTOMERS
) -> Tally:
    """Run the soak on one pair and return its tally. Prints each fault, then the tally and how to repeat it."""
    _say(f"\n{pair}: {seconds:g} s of faults, seed {seed}")
    with ground(pair, services, folder) as made:
        judge = Judge(made.world.stack, behind=BACK)
        with Soak(made.world.stack, judge, _say) as soak:
            complaints = _under_load(made, judge, soak, customers, seed, seconds)
            tally = judge.verdict(QUIET_SECONDS)
    tally.unexpected += complaints + soak.wrong
    again = f"{len(judge.told_again)} told again within SMTP's window"
    _say(
        f"{soak.faults} faults, {soak.died} processes ended by themselves, {again}, {len(judge) / seconds:.1f} orders/s"
    )
    _say(f"{tally}  ({pair}, seed {seed}, {seconds:g} s)")
    for fault in tally.faults[:30]:
        _say(f"    {fault}")
    return tally


def _under_load(made: Ground, judge: Judge, soak: Soak, count: int, seed: int, seconds: float) -> list[str]:
    """Run the faults under load, bring all processes back, and return the customers' complaints."""
    with Customers(made.world.stack, judge, count=count, pause=PAUSE, seed=seed) as customers:
        soak.hold(draw(kinds(made), seed, seconds), seconds)
    for handle in made.world.stack.handles.values():
        bring_back(handle)
    judge.faults_are_over()
    return customers.complaints


def _say(text: str) -> None:
    print(text, flush=True)
