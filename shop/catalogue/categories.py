"""The tree of categories. Each change locks all of it: it is small, and changes rarely."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.statements import for_update
from shop.catalogue import cache_invalidation, index_writing
from shop.catalogue.rules import LONGEST_PATH
from shop.catalogue.tables import CategoryRow, ProductRow
from shop.kernel.errors import IllegalMove, Invalid, NotFound, Refusal
from shop.pricing import offers


class PathTaken(Refusal):
    code, title = "path_taken", "There is such a category"


class CategoryInUse(Refusal):
    code, title = "category_in_use", "The category is not empty"


def create(session: Session, path: str, name: str) -> CategoryRow:
    """Create a category. Its parent must exist. Raises Invalid and PathTaken."""
    _hold_tree(session)
    _check_place(session, path)
    row = CategoryRow(path=path, name=name)
    session.add(row)
    _flush(session, path)
    return row


def edit(session: Session, id: str, *, path: str | None = None, name: str | None = None) -> CategoryRow:
    """Rename a category or move it, with everything below it, and reindex its products.

    Raises NotFound, PathTaken, Invalid, and IllegalMove for a move below itself.
    """
    _hold_tree(session)
    row = _get(session, id)
    if path is not None and path != row.path:
        _move(session, row, path)
    if name is not None:
        row.name = name
    session.flush()
    session.refresh(row)
    _index_below(session, row.path)
    return row


def delete(session: Session, id: str) -> None:
    """Delete an empty category.

    Raises CategoryInUse while products, also archived ones, or other categories are in it; NotFound.
    """
    _hold_tree(session)
    row = _get(session, id)
    if session.scalar(select(exists().where(_below(row.path)))):
        raise CategoryInUse("There are categories below it.")
    if session.scalar(select(exists().where(ProductRow.category_id == row.id))):
        raise CategoryInUse("There are products in it.")
    session.delete(row)
    session.flush()


def id_of(session: Session, path: str) -> str:
    """Return the id of a category and lock it FOR KEY SHARE, so that it stays until the transaction ends.

    Raises Invalid.
    """
    found = select(CategoryRow.id).where(CategoryRow.path == path).with_for_update(read=True, key_share=True)
    id = session.scalar(found)
    if id is None:
        raise Invalid({"category": ["There is no such category."]})
    return id


def _hold_tree(session: Session) -> None:
    cache_invalidation.tree_changed(session)
    session.execute(select(CategoryRow.id).order_by(CategoryRow.path).with_for_update()).all()


def _index_below(session: Session, path: str) -> None:
    """Reindex the products in and below a category: they are found by the names of their categories."""
    inside = select(CategoryRow.id).where(_at_or_below(path))
    products = select(ProductRow.id).where(ProductRow.category_id.in_(inside)).order_by(ProductRow.id)
    index_writing.index(session, session.scalars(for_update(products, of=ProductRow)).all())


def _get(session: Session, id: str) -> CategoryRow:
    row = session.get(CategoryRow, id, populate_existing=True)
    if row is None:
        raise NotFound("There is no such category.")
    return row


def _move(session: Session, row: CategoryRow, path: str) -> None:
    old = row.path
    if path.startswith(f"{old}/"):
        raise IllegalMove("A category can not be moved below itself.")
    _check_place(session, path)
    longest = session.scalar(select(func.max(func.length(CategoryRow.path))).where(_at_or_below(old))) or 0
    if longest - len(old) + len(path) > LONGEST_PATH:
        raise Invalid({"path": ["Something below it would get too long a path."]})
    moved: Any = path + func.substr(CategoryRow.path, len(old) + 1)
    try:
        session.execute(update(CategoryRow).where(_at_or_below(old)).values(path=moved))
    except IntegrityError as error:
        raise PathTaken(f"There is a category {path}.") from error
    offers.rename_category(session, old, path)
    session.expire_all()


def _check_place(session: Session, path: str) -> None:
    parent = path.rpartition("/")[0]
    if parent and not _is_there(session, parent):
        raise Invalid({"path": [f"There is no category {parent}."]})
    if _is_there(session, path):
        raise PathTaken(f"There is a category {path}.")


def _is_there(session: Session, path: str) -> bool:
    return bool(session.scalar(select(exists().where(CategoryRow.path == path))))


def _flush(session: Session, path: str) -> None:
    try:
        session.flush()
    except IntegrityError as error:  # an import has created it at the same moment
        raise PathTaken(f"There is a category {path}.") from error


def _below(path: str) -> ColumnElement[bool]:
    return func.substr(CategoryRow.path, 1, len(path) + 1) == f"{path}/"


def _at_or_below(path: str) -> ColumnElement[bool]:
    return or_(CategoryRow.path == path, _below(path))
