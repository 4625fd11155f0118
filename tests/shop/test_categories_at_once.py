"""The tree of categories stays a tree, however many change it at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import db
from shop.catalogue import categories, products
from shop.catalogue.tables import CategoryRow, ProductRow
from shop.catalogue.upsert import import_rows
from tests.fixtures import Database
from tests.shop.at_once import at_once


@pytest.fixture(autouse=True)
def _tree(database: Database) -> None:
    with db.transaction() as session:
        for path in ("a", "a/x", "b", "b/y"):
            categories.create(session, path, path)


def ids() -> dict[str, str]:
    with db.reading() as session:
        return dict(session.execute(select(CategoryRow.path, CategoryRow.id)).all())


def moving(id: str, path: str) -> Callable[[Session], Any]:
    return lambda session: categories.edit(session, id, path=path)


def deleting(id: str) -> Callable[[Session], Any]:
    return lambda session: categories.delete(session, id)


def making(slug: str, category: str) -> Callable[[Session], Any]:
    return lambda session: products.create(session, slug=slug, name="P", category=category)


def is_a_tree() -> bool:
    paths = set(ids())
    return all(path.rpartition("/")[0] in paths | {""} for path in paths)


def test_two_that_move_below_each_other_do_not_both_do_it() -> None:
    for _ in range(5):
        known = ids()
        said = at_once(
            moving(known["a"], "b/a"),
            moving(known["b"], "a/b"),
        )
        assert sorted(said) == ["done", "validation_failed"]
        assert is_a_tree()
        moved = next(path for path in ids() if path in ("b/a", "a/b"))
        with db.transaction() as session:
            categories.edit(session, ids()[moved], path=moved[-1])
    assert sorted(ids()) == ["a", "a/x", "b", "b/y"]


def test_a_category_is_not_deleted_under_what_is_just_put_into_it() -> None:
    for number in range(5):
        said = at_once(
            deleting(ids()["a/x"]),
            making(f"p{number}", "a/x"),
        )
        assert said in (["done", "validation_failed"], ["category_in_use", "done"])
        with db.transaction() as session:
            for product in session.scalars(select(ProductRow)):
                session.delete(product)
            if said[0] == "done":
                categories.create(session, "a/x", "X")
        assert is_a_tree()


def test_imports_that_make_the_same_branch_while_it_moves_leave_a_tree() -> None:
    row = {"name": "P", "description": "", "image_url": "", "variant_name": "P", "options": {}, "price_cents": 1}
    row |= {"currency": "EUR", "category": "a/x/new/leaf"}

    def bring(number: int) -> Callable[[Session], int]:
        return lambda session: import_rows(session, [row | {"slug": f"p{number}", "sku": f"P{number}"}])

    said = at_once(*(bring(n) for n in range(4)), moving(ids()["a"], "b/a"))
    assert said == ["done"] * 5
    assert is_a_tree()
    with db.reading() as session:
        paths = set(session.scalars(select(CategoryRow.path).join(ProductRow)))
    assert paths <= {"a/x/new/leaf", "b/a/x/new/leaf"}
