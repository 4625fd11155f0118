"""P12: a request that clashes with another in the database is repeated as a whole, with or without a key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.http import conflict_retry
from tests.api import probe
from tests.api.clients import People, post, problem


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    probe.done.clear()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_of_two_that_lock_each_other_out_both_are_answered_and_each_is_done_once(app: Flask, people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    pairs = [(ada.email, bob.email), (bob.email, ada.email)]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda pair: post(app, f"/probe/both/{pair[0]}/{pair[1]}").status_code, pairs))
    assert said == [200, 200]
    assert len(probe.done) == 5, "the one that was ended had changed one, and then both"
    assert [who.get("/api/users/me").json["name"] for who in (ada, bob)] == ["Ada!!", "Bob!!"]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_whoever_has_slept_is_repeated_however_late_it_is(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflict_retry, "PATIENCE", 0)
    assert client.post("/probe/sleep").status_code == 200
    assert probe.done == ["sleep"] * 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_clash_without_end_is_a_503_and_what_was_committed_is_not_repeated(client: FlaskClient) -> None:
    for when, tries in (("for-ever", 5), ("after-a-commit", 1)):
        answer = client.post(f"/probe/clash/{when}")
        assert problem(answer) == (503, "unavailable")
        assert "Retry-After" in answer.headers
        assert probe.done.count(when) == tries
