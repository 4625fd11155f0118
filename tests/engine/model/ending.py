"""How a story must end once the faults are over: every run final, and everything as if nothing had gone wrong."""

from __future__ import annotations

from engine import FINAL, State
from tests.engine.model.story import DO, UNDONE_BY
from tests.engine.model.world import Order, World
from tests.engine.parcels import carrier

DAY = 86400


def end(world: World) -> None:
    for turn in range(80):
        while world.driver.mail:
            world.deliver(world.driver.mail.pop(0))
        if all(standing.run["state"] in FINAL for standing in world.watch.now.values()):
            break
        world.driver.pass_time(210 if turn < 12 else 3700)
        world.sweep()
        world.driver.return_probes()
    for order in world.orders:
        _check(world, order)
    _nothing_comes_of_what_is_late(world)


def _check(world: World, order: Order) -> None:
    job, effects = world.driver.job(order.id), world.driver.effects(order.id)
    assert job.status in FINAL, f"{order.name} never ends: {job}"
    forward = [step for step in job.steps if step.direction == "do" and step.status != "pending"]
    undone = [step.name for step in job.steps if (step.direction, step.status) == ("undo", "done")]
    skipped = {(step.name, step.direction) for step in job.steps if step.status == "skipped"}
    if job.status == State.SUCCEEDED:
        assert [step.name for step in forward] == list(DO)
        assert [step for step in DO if step in effects or (step, "do") in skipped] == list(DO), effects
        assert not undone
        assert "returned" not in effects
    elif job.status == State.FAILED:
        owed = [step.name for step in reversed(forward) if step.name in UNDONE_BY]
        owed = [step for step in owed if (step, "undo") not in skipped]
        assert undone == owed, f"{order.name} undid {undone}, not {owed}"
        assert [step for step in effects if step in UNDONE_BY.values()] == [UNDONE_BY[step] for step in undone]
        assert effects[-1] == "returned"
        assert "hand_over" not in effects
        if ("label", "undo") not in skipped:
            _check_the_outside(order)
    else:
        assert job.error is not None, order.name
        assert job.error["step"] in [step.name for step in job.steps if step.status != "pending"]
        assert "returned" not in effects


def _check_the_outside(order: Order) -> None:
    """What the carrier did for a run that failed it has been asked to undo, afterwards."""
    keys = [key.removeprefix(f"{order.id}:") for key in carrier.acted if key.startswith(order.id)]
    if any(key in ("label", "label:1") for key in keys):
        assert keys[-1].startswith("label:undo"), f"the carrier still has a label for {order.name}: {keys}"


def _nothing_comes_of_what_is_late(world: World) -> None:
    """Every answer still on the line, every message once more, and another day: none of it changes anything."""
    before = world.state()
    for slow in list(world.calls.late):
        world.answer(slow)
    for message in dict.fromkeys(world.delivered):
        world.deliver(message)
        world.driver.lose_all()
    world.driver.sweep_after(DAY)
    assert world.state() == before
    assert not world.driver.mail, "somebody was sent on after the end"
