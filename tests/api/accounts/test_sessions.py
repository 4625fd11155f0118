"""Where one is signed in, and signing out from afar. I13: what was ended opens nothing."""

from __future__ import annotations

from typing import Any

from flask import Flask

from tests.api.clients import PASSWORD, People, Person, ask, post, problem

PATH = "/api/auth/sessions"


def sessions(person: Person, query: str = "") -> Any:
    answer = person.get(PATH + query)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_each_login_is_listed_with_its_device_until_it_ends(app: Flask, people: People) -> None:
    ada = people.join()
    login = {"email": ada.email, "password": PASSWORD}
    phone = Person(app, ada.id, ada.email).holding(
        post(app, "/api/auth/login", login, **{"User-Agent": "Phone\t1 " + "x" * 300})
    )
    newest, first = sessions(ada)["items"]
    assert (newest["current"], first["current"]) == (False, True)
    assert newest["device"] == ("Phone1 " + "x" * 300)[:200]
    assert first["created_at"] <= first["last_used_at"] < first["expires_at"]
    page = sessions(ada, "?limit=1")
    assert sessions(ada, f"?limit=1&cursor={page['next']}")["items"] == [first]

    assert ada.ask("DELETE", f"{PATH}/{newest['id']}").status_code == 204
    assert problem(phone.get("/api/users/me")) == (401, "invalid_token")
    assert post(app, "/api/auth/refresh", {"refresh_token": phone.refresh}).status_code == 401
    assert sessions(ada)["items"] == [first]
    assert problem(ada.ask("DELETE", f"{PATH}/{newest['id']}")) == (404, "not_found")
    assert "Phone1" not in ada.get("/api/users/me/export").text, "forgotten with the session"

    assert ada.ask("DELETE", f"{PATH}/{first['id']}").status_code == 204, "one's own is a logout"
    assert problem(ada.get(PATH)) == (401, "invalid_token")


def test_p13_nobody_sees_or_ends_somebody_elses(app: Flask, people: People) -> None:
    ada, eve = people.join("Ada"), people.join("Eve", role="admin")
    [hers] = sessions(ada)["items"]
    assert hers["id"] not in eve.get(PATH).text
    assert problem(eve.ask("DELETE", f"{PATH}/{hers['id']}")) == (404, "not_found")
    assert problem(ask(app, "GET", PATH))[0] == 401
    assert ada.get("/api/users/me").status_code == 200
