"""Accounts: the `users` table, its roles and its queries."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, String, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import for_update, upsert
from shop.accounts import email_addresses
from shop.kernel.errors import NotFound, Refusal
from shop.kernel.languages import LANGUAGES


class EmailTaken(Refusal):
    code, title = "email_taken", "This e-mail address has an account"


class Role(StrEnum):
    CUSTOMER = "customer"
    STAFF = "staff"  # runs the shop
    ADMIN = "admin"  # and decides who is staff


class LastAdmin(Refusal):
    code, title = "last_admin", "Somebody must be admin"


class UserRow(Base):
    """An account. A deleted one keeps its id, for the orders that name it, and no personal data."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role IN ('customer', 'staff', 'admin')", name="role"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(String(320), unique=True)  # as `normal` writes it; None: deleted
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(20), default=Role.CUSTOMER)
    email_hash: Mapped[str | None] = mapped_column(String(64))  # by which suppressions refer to the address
    language: Mapped[str] = mapped_column(String(10), default=LANGUAGES[0], server_default=LANGUAGES[0])
    email_verified_at: Mapped[At | None]
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time(), onupdate=transaction_time())
    deleted_at: Mapped[At | None]


def normal(email: str) -> str:
    """Normalise an address to its stored spelling, without validating it."""
    return email_addresses.normal(email)


def mailbox(email: str) -> str:
    """Return the address without its `+` tag: `sam+shop@example.com` is `sam@example.com`."""
    local, at, domain = normal(email).rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def register(
    session: Session,
    *,
    email: str,
    name: str,
    password_hash: str,
    role: str = Role.CUSTOMER,
    language: str = LANGUAGES[0],
) -> UserRow:
    """Create an account. Raises EmailTaken. The address is not verified by that."""
    values = {"id": new_id(), "name": name, "password_hash": password_hash, "role": role, "language": language}
    statement = upsert(session, UserRow).values(values | _address(email))
    id = session.scalar(statement.on_conflict_do_nothing(index_elements=["email"]).returning(UserRow.id))
    if id is None:
        raise EmailTaken("There is an account with this e-mail address. Sign in, or reset the password.")
    return get(session, id)


def get(session: Session, id: str) -> UserRow:
    """Load an account. Raises NotFound where there is none or it was deleted."""
    row = find_active(session, id)
    if row is None:
        raise NotFound("There is no such user.")
    return row


def find_active(session: Session, id: str) -> UserRow | None:
    """Load an account. None where there is none or it was deleted."""
    row = session.get(UserRow, id)
    return None if row is None or row.deleted_at else row


def hold(session: Session, id: str) -> bool:
    """Lock the account until this transaction ends, against deletion and credit. Returns whether it is not deleted."""
    row = UserRow
    return session.scalar(for_update(select(row.id).where(row.id == id, row.deleted_at.is_(None)))) is not None


def by_email(session: Session, email: str) -> UserRow | None:
    """Find the account with this address. None: there is none.

    Rows from before domains had one spelling are found too. Two may have collided: that is preferred which is spelled
    as `email` is.
    """
    spellings = email_addresses.spellings(email)
    found = {row.email: row for row in session.scalars(select(UserRow).where(UserRow.email.in_(spellings)))}
    return next((found[one] for one in spellings if one in found), None)


def newest(session: Session, *, limit: int, before: str | None = None, role: str | None = None) -> list[UserRow]:
    """List accounts that are not deleted, newest first, beginning below the id `before`."""
    query = select(UserRow).where(UserRow.deleted_at.is_(None)).order_by(UserRow.id.desc()).limit(limit)
    if before:
        query = query.where(UserRow.id < before)
    if role:
        query = query.where(UserRow.role == role)
    return list(session.scalars(query))


def rename(session: Session, id: str, name: str) -> None:
    get(session, id).name = name


def change_email(session: Session, id: str, email: str) -> bool:
    """Change the address, which then waits to be verified. Returns False if it is the same one.

    Raises EmailTaken.
    """
    row = get(session, id)
    if row.email == normal(email):
        return False
    row.email_verified_at = None
    for name, value in _address(email).items():
        setattr(row, name, value)
    try:
        session.flush()
    except IntegrityError as error:
        raise EmailTaken("There is an account with this e-mail address.") from error
    return True


def verify_email(session: Session, id: str, email: str) -> bool:
    """Mark the address as verified. Returns False if it is verified already or is not the account's any more."""
    return _changed(
        session, id, UserRow.email == email, UserRow.email_verified_at.is_(None), email_verified_at=transaction_time()
    )


def change_password(session: Session, id: str, *, old_hash: str, new_hash: str) -> bool:
    """Replace the password hash. Returns False if it is not `old_hash` any more."""
    return _changed(session, id, UserRow.password_hash == old_hash, password_hash=new_hash)


def change_language(session: Session, id: str, language: str) -> None:
    get(session, id).language = language


def change_role(session: Session, id: str, role: str) -> UserRow:
    """Change the role. Locks all admins. Raises LastAdmin, and NotFound."""
    admins = session.scalars(
        select(UserRow.id).where(UserRow.role == Role.ADMIN, UserRow.deleted_at.is_(None)).order_by(UserRow.id)
        .with_for_update()
    ).all()  # fmt: skip
    if role != Role.ADMIN and list(admins) == [id]:
        raise LastAdmin("Make somebody else admin first.")
    row = get(session, id)
    row.role = role
    return row


def erase(session: Session, id: str) -> None:
    """Delete the account: its row keeps the id, the language and the times, and no personal data.

    Raises LastAdmin for the only admin, and NotFound.
    """
    change_role(session, id, Role.CUSTOMER)
    session.flush()
    gone: dict[str, Any] = {"email": None, "name": "", "password_hash": "", "role": Role.CUSTOMER}
    _changed(session, id, email_hash=None, email_verified_at=None, deleted_at=transaction_time(), **gone)


def export_for(session: Session, id: str) -> dict[str, str | bool | datetime | None]:
    """Export the user's profile."""
    row = get(session, id)
    names = ("id", "email", "name", "role", "language", "email_verified_at", "created_at", "updated_at")
    return {name: getattr(row, name) for name in names}


def _address(email: str) -> dict[str, str]:
    return {"email": normal(email), "email_hash": email_addresses.hashed(normal(email))}


def _changed(session: Session, id: str, *conditions: Any, **values: Any) -> bool:
    live = (UserRow.id == id, UserRow.deleted_at.is_(None))
    statement = update(UserRow).where(*live, *conditions).values(values)
    return session.scalar(statement.returning(UserRow.id)) is not None
