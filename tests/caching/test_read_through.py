"""What is kept is given out until somebody says that it has changed, and never what was read before that."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import caching
from caching import Cache, Kept
from caching.memory import InProcess
from caching.version_file import Board
from config import settings
from db.schema import new_id
from tests.fixtures import Configure
from tests.proxy import Proxy
from tests.services.session import Services

OLD, NEW = Kept('{"price": 1}', '"1"'), Kept('{"price": 2}', '"2"')


@pytest.fixture(params=["in process", "in redis"])
def cache(request: pytest.FixtureRequest, configure: Configure, tmp_path: Path) -> Cache:
    """Of this process; a second one of the same shop is had by `caching.opened` once more."""
    url = request.getfixturevalue("services").redis.url if request.param == "in redis" else ""
    configure(STATE_DIR=str(tmp_path), REDIS_URL=url, QUEUE_PREFIX=f"{new_id()}.")
    return _opened()


def _opened() -> Cache:
    cache = caching.opened(settings())
    assert cache is not None
    return cache


def never() -> Kept:
    raise AssertionError("it was read from the database")


def read(cache: Cache | None, load: Callable[[], Kept], topics: tuple[str, ...] = ("tree", "chair")) -> Kept:
    return caching.read_through(cache, "chair", topics, load)


def test_it_is_read_once_and_again_when_one_of_its_topics_has_changed(cache: Cache) -> None:
    assert read(cache, lambda: OLD) == read(cache, never) == OLD
    caching.forget(["table", "lists"])
    assert read(cache, never) == OLD
    caching.forget(["chair"])
    assert read(cache, lambda: NEW) == read(cache, never) == NEW
    caching.forget(["tree"])
    assert read(cache, lambda: OLD) == OLD


def test_what_a_slow_reader_keeps_after_the_change_is_given_to_nobody(cache: Cache) -> None:
    """It reads the old price; the new one is committed and told of; then it keeps the old one."""

    def overtaken() -> Kept:
        caching.forget(["chair"])
        return OLD

    assert read(cache, overtaken) == OLD, "it did begin before the change"
    assert read(cache, lambda: NEW) == read(cache, never) == NEW


def test_a_slow_reader_does_not_hide_what_a_quick_one_has_kept_for_long(cache: Cache) -> None:
    def overtaken() -> Kept:
        caching.forget(["chair"])
        assert read(cache, lambda: NEW) == NEW
        return OLD

    read(cache, overtaken)
    assert read(cache, lambda: NEW) == NEW


def test_another_process_is_told_as_well(cache: Cache) -> None:
    other = _opened()
    assert read(other, lambda: OLD) == read(other, never) == OLD
    caching.forget(["chair"])
    assert read(other, lambda: NEW) == NEW


def test_what_can_not_be_read_is_not_kept(cache: Cache) -> None:
    with pytest.raises(AssertionError):
        read(cache, never)
    assert read(cache, lambda: NEW) == NEW


def test_nothing_is_kept_for_longer_than_it_may(configure: Configure, services: Services, tmp_path: Path) -> None:
    for url in ("", services.redis.url):
        configure(STATE_DIR=str(tmp_path), REDIS_URL=url, QUEUE_PREFIX=f"{new_id()}.", CATALOGUE_CACHE_SECONDS="0.05")
        cache = _opened()
        read(cache, lambda: OLD)
        time.sleep(0.06)
        assert read(cache, lambda: NEW) == NEW
    configure(CATALOGUE_CACHE_SECONDS="0")
    assert caching.opened(settings()) is None
    assert (read(None, lambda: OLD), read(None, lambda: NEW)) == (OLD, NEW)


def test_in_process_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = InProcess(Board(tmp_path / "marks"), 60, most=30)
    kept = {name: Kept("x" * 10, name) for name in "abcd"}

    def keys() -> str:
        return "".join(name for name in "abcd" if cache.look(name, ()).kept)

    for name in "abca":
        cache.keep(name, [], kept[name])
    cache.keep("d", [], kept["d"])
    assert keys() == "acd"
    cache.keep("b", [], Kept("x" * 31, "b"))
    assert keys() == "", "what is too large for it is not kept either"


def test_a_redis_that_is_silent_costs_one_patience_and_fails_nobody(configure: Configure, services: Services) -> None:
    with Proxy.before(services.redis.url) as proxy:
        configure(REDIS_URL=proxy.url(services.redis.url), QUEUE_PREFIX=f"{new_id()}.")
        cache = _opened()
        assert read(cache, lambda: OLD) == read(cache, never) == OLD
        proxy.mode("swallow")
        began = time.monotonic()
        for _ in range(50):
            assert read(cache, lambda: NEW) == NEW
            caching.forget(["chair"])
        assert time.monotonic() - began < 1.5
