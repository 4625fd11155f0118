"""The repair of stock shows first, does what it showed, and leaves to people what it can not know."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import db
from db.schema import new_id
from doctor.repair import main
from doctor.stock import reservations_add_up, stock_is_conserved
from shop.stock import adjustments, backorders, locations, reservations
from tests.api.catalogue_data import put_on_shelf, shelf
from tests.api.http.test_foreign_ids import everything
from tests.fixtures import Database


@pytest.fixture(autouse=True)
def _goods(database: Database) -> None:
    put_on_shelf("CHAIR", on_hand=5)
    put_on_shelf("TABLE", on_hand=5)


def change(statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    code = main(list(arguments))
    return code, capsys.readouterr().out.splitlines()


def test_where_all_is_well_nothing_is_said_or_done(capsys: pytest.CaptureFixture[str]) -> None:
    before = everything()
    for arguments in ((), ("--do",)):
        assert said(capsys, *arguments) == (0, ["stock is what its ledger and its reservations say"])
    assert everything() == before


def test_it_shows_first_and_then_does_just_that(capsys: pytest.CaptureFixture[str]) -> None:
    with db.transaction() as session:
        reservations.reserve(session, {new_id(): {"CHAIR": 2}})
    change("UPDATE stock SET on_hand = 9, reserved = 1 WHERE sku = 'CHAIR'")
    before = everything()
    code, lines = said(capsys)
    assert (code, lines[0]) == (1, "would set CHAIR: on hand 9 -> 5, reserved 1 -> 2")
    assert lines[1:] == ["Nothing was changed. `--do` does it."]
    assert everything() == before
    assert said(capsys, "--do") == (0, ["set CHAIR: on hand 9 -> 5, reserved 1 -> 2"])
    assert (shelf("CHAIR"), shelf("TABLE")) == ((5, 2), (5, 0))
    assert said(capsys)[0] == 0


def test_goods_are_put_where_their_movements_say(capsys: pytest.CaptureFixture[str]) -> None:
    with db.transaction() as session:
        locations.add(session, {"code": "berlin", "name": "Berlin"})
        adjustments.transfer(session, "CHAIR", 2, "", None, location="main", to="berlin")
    before = everything()
    change("UPDATE stock_levels SET on_hand = 3")
    change("UPDATE stock SET elsewhere = 0")
    told = "CHAIR: on hand 5 -> 5, reserved 0 -> 0, in berlin 3 -> 2, elsewhere 0 -> 2"
    assert said(capsys)[1][0] == f"would set {told}"
    assert said(capsys, "--do") == (0, [f"set {told}"])
    assert everything() == before


def test_goods_that_turn_up_go_to_who_has_waited(capsys: pytest.CaptureFixture[str]) -> None:
    with db.transaction() as session:
        backorders.allow(session, {"CHAIR": 9})
        reservations.reserve(session, {(order := new_id()): {"CHAIR": 7}})
    change("UPDATE stock_movements SET quantity = 8 WHERE sku = 'CHAIR'")
    assert said(capsys, "--do") == (0, ["set CHAIR: on hand 5 -> 8, reserved 5 -> 5"])
    assert shelf("CHAIR") == (8, 7)
    with db.reading() as session:
        assert backorders.waiting(session, [order]) == {order: {}}
        assert list(stock_is_conserved(session)) == list(reservations_add_up(session)) == []


def test_what_the_ledger_can_not_explain_is_left_to_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    with db.transaction() as session:
        reservations.reserve(session, {new_id(): {"CHAIR": 2}})
    change("UPDATE stock_movements SET quantity = 1 WHERE sku = 'CHAIR'")
    before = everything()
    told = "needs a person: CHAIR: on hand 5 -> 1, reserved 2 -> 2"
    assert said(capsys, "--do") == (1, [told])
    assert everything() == before


def test_an_unknown_word_does_nothing() -> None:
    before = everything()
    with pytest.raises(SystemExit):
        main(["--force"])
    assert everything() == before
