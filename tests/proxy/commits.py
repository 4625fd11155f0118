"""A proxy that understands one thing of PostgreSQL's protocol: COMMIT. The answer to it can be lost."""

from __future__ import annotations

from tests.proxy.line import Line
from tests.proxy.proxy import Proxy

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # a simple query, as psycopg sends it
COMMITTED = b"COMMIT\x00"  # the tag of the answer


class ForgetfulProxy(Proxy):
    """`lose(3)`: the next three COMMITs are carried out, and whoever asked for them is cut off before the answer."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._to_lose = 0
        self._losing: set[Line] = set()
        self.lost = 0

    def lose(self, count: int) -> None:
        self._to_lose = count

    def passing(self, line: Line, data: bytes, *, from_client: bool) -> bool:
        if from_client:
            self._listen(line, data)
        elif line in self._losing and COMMITTED in data:
            self._lose(line)
            return False
        return super().passing(line, data, from_client=from_client)

    def _listen(self, line: Line, data: bytes) -> None:
        if self._to_lose and data.endswith(COMMIT):
            self._to_lose -= 1
            self._losing.add(line)

    def _lose(self, line: Line) -> None:
        self._losing.discard(line)
        self.lost += 1
        line.cut()
