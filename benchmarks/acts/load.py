"""load PORT FILE CONNECTIONS SECONDS WARM_UP [PATH]: POST /api/orders, once with each token of the file, until the
time is up; with a PATH, GET that repeatedly instead, without a token (FILE is - then).

A closed loop: every connection is kept alive and sends its next request as soon as it has the answer. Plain sockets,
so that the generator takes little of the machine it shares. Prints a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

ADDRESS = {"name": "C. Customer", "line1": "1 Loop", "city": "Bonn", "postal_code": "53111", "country": "DE"}
ORDER = {
    "cart": "me",
    "shipping_address": ADDRESS,
    "shipping_method": "standard",
    "payment": {"method": "card", "token": "tok_ok"},
}
BODY = json.dumps(ORDER).encode()


Answer = tuple[float, float, int]  # when it came, how long it took, its status


class Load:
    def __init__(self, port: int, requests: Iterable[bytes], seconds: float) -> None:
        self._port, self._seconds = port, seconds
        self._left = iter(requests)
        self._until = 0.0
        self.answers: list[Answer] = []

    async def run(self, connections: int) -> None:
        self._until = time.monotonic() + self._seconds
        await asyncio.gather(*(self._connection() for _ in range(connections)))

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for request in self._left:
            begun = time.time()
            writer.write(request)
            status = await _answer(reader)
            ended = time.time()
            self.answers.append((ended, ended - begun, status))
            if time.monotonic() > self._until:
                break
        writer.close()


def _visit(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def _order(token: str) -> bytes:
    head = (
        "POST /api/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
    await reader.readexactly(int(length))
    return int(head.split(b" ", 2)[1])


def told(answers: list[Answer], warm_up: float) -> dict[str, object]:
    """Summarise the answers after the first `warm_up` seconds; p50 and p99 in milliseconds.

    The rate, per second, is taken between the first and the last answer, which leaves the connecting out.
    """
    first = min(at for at, _, _ in answers)
    answers = [answer for answer in answers if answer[0] >= first + warm_up]
    times = sorted(at for at, _, _ in answers)
    taken = sorted(took for _, took, _ in answers)
    return {
        "answers": len(answers),
        "first": times[0],
        "rate": (len(answers) - 1) / (times[-1] - times[0]),
        "p50": 1000 * taken[len(taken) // 2],
        "p99": 1000 * taken[len(taken) * 99 // 100],
        "statuses": Counter(str(status) for _, _, status in answers),
    }


if __name__ == "__main__":
    port, file, connections, seconds, warm_up, *visited = sys.argv[1:]
    requests = repeat(_visit(*visited)) if visited else map(_order, Path(file).read_text().split())
    load = Load(int(port), requests, float(seconds))
    asyncio.run(load.run(int(connections)))
    print(json.dumps(told(load.answers, float(warm_up))))
