"""The fault proxy misbehaves as told, and only then."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

import psycopg
import pytest
from sqlalchemy import make_url

from tests.proxy import ForgetfulProxy, Proxy
from tests.services.session import Services


class Echo(StreamRequestHandler):
    def handle(self) -> None:
        with suppress(ConnectionError):
            for line in self.rfile:
                self.wfile.write(line)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with Proxy(*server.server_address[:2]) as proxy:
            yield proxy
        server.shutdown()


def call(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=0.5)


def ask(line: socket.socket) -> bytes:
    line.sendall(b"hello\n")
    return line.recv(100)


def test_it_passes_both_ways(proxy: Proxy) -> None:
    with call(proxy) as line:
        assert ask(line) == b"hello\n"


def test_refused_is_refused_and_open_lines_are_reset(proxy: Proxy) -> None:
    with call(proxy) as line:
        assert ask(line) == b"hello\n"
        proxy.mode("refuse")
        with pytest.raises(ConnectionResetError):
            ask(line)
    with pytest.raises(ConnectionRefusedError):
        call(proxy)
    proxy.mode("pass")
    with call(proxy) as line:
        assert ask(line) == b"hello\n"


def test_reset_takes_the_line_first(proxy: Proxy) -> None:
    proxy.mode("reset")
    with pytest.raises(ConnectionResetError), call(proxy) as line:
        line.recv(1)


def test_a_black_hole_takes_everything_and_answers_nothing(proxy: Proxy) -> None:
    with call(proxy) as before:
        assert ask(before) == b"hello\n"
        proxy.mode("swallow")
        for line in (before, call(proxy)):
            with closing(line), pytest.raises(TimeoutError):
                ask(line)


def test_half_open_is_silence_for_who_is_there_and_nothing_for_who_comes(proxy: Proxy) -> None:
    with call(proxy) as before:
        assert ask(before) == b"hello\n"
        proxy.mode("half_open")
        with pytest.raises(TimeoutError):
            ask(before)
    with call(proxy) as after:
        assert ask(after) == b"hello\n"


def test_delay_is_added_in_each_direction(proxy: Proxy) -> None:
    proxy.mode("pass", delay=0.1)
    with call(proxy) as line:
        begun = time.monotonic()
        assert ask(line) == b"hello\n"
        assert 0.2 <= time.monotonic() - begun < 5


def test_a_lost_answer_to_commit_is_an_error_to_the_client_and_a_row_in_the_table(services: Services) -> None:
    with services.postgresql.database() as url:
        real = make_url(url)
        with ForgetfulProxy(real.host or "", real.port or 5432) as proxy:
            name = {"dbname": real.database, "user": real.username, "password": real.password}
            with psycopg.connect(host="127.0.0.1", port=proxy.port, **name) as cut_off:
                cut_off.execute("CREATE TABLE t (n int)")
                cut_off.commit()
                cut_off.execute("INSERT INTO t VALUES (1)")
                proxy.lose(1)
                with pytest.raises(psycopg.OperationalError):
                    cut_off.commit()
            with psycopg.connect(host="127.0.0.1", port=proxy.port, **name) as another:
                assert another.execute("SELECT n FROM t").fetchall() == [(1,)]
                another.commit()
            assert proxy.lost == 1
