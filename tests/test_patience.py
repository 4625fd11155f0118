"""A process that does not start is told of in one sentence, with the end of its log; how long to wait is a setting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sandboxes
from tests.sandboxes import Process, free_port

DEAF = "import time; print('thinking', flush=True); time.sleep(60)"


def started(code: str, folder: Path) -> Process:
    url = f"http://127.0.0.1:{free_port()}/healthz"
    return Process(["-c", code], {"PYTHONUNBUFFERED": "1"}, url, folder / "child.log")


def test_one_that_is_late_is_a_sentence_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandboxes, "START_SECONDS", 0.5)
    process = started(DEAF, tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"not ready after 0\.5 s \(DRILL_START_SECONDS\)") as told:
        process.start()
    process.kill()
    assert "thinking" in str(told.value)
    assert not told.value.pytrace


def test_one_that_ended_is_not_waited_for(tmp_path: Path) -> None:
    process = started("raise SystemExit('no such port')", tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"(?s)ended at once.*no such port"):
        process.start()


@pytest.mark.parametrize(("said", "seconds"), [({}, "120.0"), ({"DRILL_START_SECONDS": "7"}, "7.0")])
def test_how_long_is_a_setting(said: dict[str, str], seconds: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DRILL_START_SECONDS"} | said
    command = [sys.executable, "-c", "from tests.sandboxes import START_SECONDS; print(START_SECONDS)"]
    done = subprocess.run(command, cwd=sandboxes.ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == seconds
