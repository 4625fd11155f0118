"""Whoever is late is told of and started again; the door is open meanwhile."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

import config
from deploy import lateness, up
from deploy.processes import Process
from deploy.up import Foreground
from tests.sandboxes import free_port, request, wait_until

DOOR = """
import sys; from http.server import BaseHTTPRequestHandler, HTTPServer
class Door(BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
HTTPServer(("127.0.0.1", int(sys.argv[1])), Door).serve_forever()
"""
LATE = "import time; print('thinking', flush=True); time.sleep(60)"


def test_the_door_is_open_while_one_is_late_and_that_one_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lateness, "LATE", 1.0)
    door, nowhere = (f"http://127.0.0.1:{free_port()}/healthz" for _ in range(2))
    port = door.split(":")[2].partition("/")[0]
    wanted = [
        Process("bank", (sys.executable, "-c", LATE), url=nowhere),
        Process("api", (sys.executable, "-c", DOOR, port), url=door),
    ]
    monkeypatch.setattr(up, "processes", lambda chosen: wanted)
    copy = Foreground(replace(config.settings(), state_dir=tmp_path))
    first: list[int] = []
    said: list[str] = []

    def look() -> None:
        late = copy._supervisor.kept[0]
        try:
            wait_until(lambda: late.started, what="it to be started")
            first.append(late.child.pid)
            wait_until(lambda: late.again_at is None and late.child.pid != first[0], what="the late one to be another")
            first.append(request("GET", door).status)
            said.extend(capsys.readouterr().out.splitlines())
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    watching = threading.Thread(target=look)
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    watching.start()
    try:
        assert copy.run(demo=False) == 0
    finally:
        watching.join()
        for name, handler in before.items():
            signal.signal(name, handler)
    assert first[1:] == [200]
    assert "Orderwave is up." in said
    told = "\n".join(said)
    assert "bank                  is not ready yet" in told
    assert "bank                  not ready after 1 s, starts again; the end of" in told
    assert "thinking" in said
    assert told.index("is up.") < told.index("not ready after 1 s")
