"""The catalogue of faults from which a soak draws, kind by kind."""

from __future__ import annotations

from functools import partial

from tests.faults.soak.fault import Act, Fault
from tests.faults.soak.locks import Lock
from tests.faults.soak.processes import bring_back, deploys, freezes, kills
from tests.faults.soak.proxied_stack import Ground
from tests.faults.world.faketime import Clock
from tests.proxy import Mode, Proxy
from tests.stack import Handle

Kind = list[Fault]

BACK = 25.0  # seconds: longer than any lease
ALWAYS = 10**6  # calls


def kinds(ground: Ground) -> list[Kind]:
    stack = ground.world.stack
    workers = [handle for handle in stack.handles.values() if handle.process.node]
    of_processes = [[make(h, parts_mails=_mails(h)) for h in workers] for make in (kills, deploys, freezes)]
    common = [*of_processes, [kills(stack.api)], _bank(ground), _mail(ground)]
    clocks = [_clock(ground.clock)] if ground.clock else []
    return [*common, *clocks, *(_services(ground) if ground.private else _files(ground))]


def _mails(handle: Handle) -> bool:
    """Say whether this worker sends mails, by the names of its queues."""
    return "notifications" in " ".join(handle.process.argv)


# --- the outside world -------------------------------------------------------------------------------


def _bank(ground: Ground) -> Kind:
    bank = ground.world.stack.bank
    fair = partial(bank.control, fail=0, drop=0, latency_ms=0, silent=False)
    weathers: dict[str, Act] = {
        "the bank answers 503 ten times": partial(bank.control, fail=10),
        "the bank drops five answers": partial(bank.control, drop=5),
        "the bank takes a second": partial(bank.control, latency_ms=1000),
    }
    outages: dict[str, Act] = {
        "the bank is away (503)": partial(bank.control, fail=ALWAYS),
        "the bank is silent": partial(bank.control, silent=True),
    }
    stormy = [Fault(name, "bank", begin, fair, 2, 8) for name, begin in weathers.items()]
    away = [Fault(name, "bank", begin, fair, 10, 30) for name, begin in outages.items()]
    line = _line("bank", ground.world.bank, "refuse", "swallow")
    return [kills(ground.world.stack.handles["bank"]), *stormy, *away, *line]


def _mail(ground: Ground) -> Kind:
    sink = ground.world.stack.sink
    modes = ("defer", "drop_after_data", "drop_after_data_stored")
    moods = [
        Fault(
            f"the mail server: {mode}",
            "mailsink",
            partial(sink.control, mode),
            partial(sink.control, "accept"),
            1,
            8,
            True,
        )
        for mode in modes
    ]
    server, line = ground.world.stack.handles["mailsink"], ground.world.smtp
    gone = Fault("there is no mail server", "mailsink", server.kill9, partial(bring_back, server), 10, 30, True)
    killed = kills(server, parts_mails=True)
    return [killed, gone, *moods, *_line("mailsink", line, "refuse", "swallow", parts_mails=True)]


def _line(target: str, proxy: Proxy, *modes: Mode, parts_mails: bool = False) -> Kind:
    """Make the faults of a connection: refused, reset or swallowed by its proxy."""
    pass_ = partial(proxy.mode, "pass")
    return [
        Fault(f"the line to {target}: {mode}", target, partial(proxy.mode, mode), pass_, 1, 8, parts_mails)
        for mode in modes
    ]


# --- the clock --------------------------------------------------------------------------------------


def _clock(clock: Clock) -> Kind:
    """Set the clock of every process back, on the embedded pair the database's too, and then right again."""
    begin, mend = partial(clock.set, -int(BACK)), partial(clock.set, 0)
    return [Fault(f"the clock goes back by {BACK:g} s", "clock", begin, mend, 10, 30)]


# --- the services -------------------------------------------------------------------------------------


def _services(ground: Ground) -> list[Kind]:
    world, private = ground.world, ground.private
    assert private is not None
    broker = [
        Fault("kill -9 RabbitMQ", "broker", private.broker.kill, private.broker.start, 1, 6),
        *_line("broker", world.broker, "refuse", "reset", "swallow", "half_open"),
    ]
    database = [
        Fault("PostgreSQL stops at once", "database", private.database.stop, private.database.start, 0.2, 3, True),
        Fault(
            "five COMMITs lose their answer",
            "database",
            partial(world.database.lose, 5),
            _no_more_lost(ground),
            2,
            6,
            True,
        ),
        *_line("database", world.database, "refuse", "reset", parts_mails=True),
    ]
    redis = [
        Fault("kill -9 Redis", "redis", private.redis.kill, private.redis.start, 1, 8),
        *_line("redis", world.redis, "refuse", "swallow"),
    ]
    return [broker, database, redis]


def _no_more_lost(ground: Ground) -> Act:
    return partial(ground.world.database.lose, 0)


def _files(ground: Ground) -> list[Kind]:
    """Make the faults of the SQLite files: another program holds the write lock."""
    folder = ground.world.stack.state_dir
    broker, shop = Lock(folder / "broker.db"), Lock(folder / "shop.db")
    return [
        [Fault("broker.db is locked", "broker", broker.take, broker.give_back, 1, 8)],
        [Fault("shop.db is locked", "database", shop.take, shop.give_back, 1, 8, True)],
    ]
