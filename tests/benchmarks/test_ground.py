"""What goes wrong in a process of a benchmark is an error with its log; the kernel's figures are those of our own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import proc
from benchmarks.ground import Died, Ground


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground("test", {"STATE_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/shop.db"})
    yield made
    made.close()


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_a_process_that_ends_is_an_error_with_its_log(ground: Ground) -> None:
    ground.start("worker", python("raise SystemExit('no such broker')"))
    with pytest.raises(Died, match="worker ended with 1:\nno such broker"):
        ground.wait(lambda: False, "anything")


def test_a_wait_in_vain_says_for_what(ground: Ground) -> None:
    ground.start("worker", python("import time; time.sleep(60)"))
    with pytest.raises(Died, match="in vain for three orders"):
        ground.wait(lambda: False, "three orders", seconds=0.1)


def test_an_act_that_fails_is_an_error_with_its_log(ground: Ground) -> None:
    with pytest.raises(Died, match=r"benchmarks\.acts\.nothing ended with 1:(.|\n)*No module named"):
        ground.run("benchmarks.acts.nothing")


def test_nothing_outlives_its_ground(ground: Ground) -> None:
    child = ground.start("worker", python("import time; time.sleep(60)"))
    ground.close()
    assert not Path(f"/proc/{child.pid}/stat").exists()


def test_the_cpu_of_a_group_is_what_its_processes_took(ground: Ground) -> None:
    child = ground.start("busy", python("import time\nwhile time.process_time() < 0.3: pass\ntime.sleep(60)"))
    ground.wait(lambda: proc.cpu_of_groups({child.pid}) >= 0.25, "a quarter second of CPU", seconds=20)


def test_a_family_is_a_process_and_its_descendants() -> None:
    assert os.getpid() in proc.family(os.getppid())
    assert os.getppid() not in proc.family(os.getpid())


def test_who_is_dismissed_puts_its_things_away_first(ground: Ground) -> None:
    wait = "signal.signal(signal.SIGTERM, lambda *_: exit(print('put away', flush=True)))"
    child = ground.start("up", python(f"import signal, time\n{wait}\nprint('up', flush=True)\ntime.sleep(60)"))
    ground.wait(lambda: "up" in ground.end_of_log("up"), "it to be up", seconds=20)
    ground.dismiss(child)
    assert ground.end_of_log("up") == "up\nput away"
    assert ground.children == []
