"""Staff decide nothing to their own benefit: no store credit, no refund, no payment of their own marked as received."""

from __future__ import annotations

from sqlalchemy.orm import Session

from shop.accounts import users
from shop.accounts.users import UserRow
from shop.kernel.errors import Forbidden
from shop.orders import orders


class OwnBusiness(Forbidden):
    """The staff member would decide about their own account or order."""

    code, title = "own_business", "Not for your own account"


def check(session: Session, by: str, customer_id: str | None, email: str | None) -> None:
    """Raise OwnBusiness if this customer or address is the staff member `by`, or shares their mailbox."""
    me = session.get_one(UserRow, by)
    if customer_id == by or (email and me.email and users.mailbox(email) == users.mailbox(me.email)):
        raise OwnBusiness("Somebody else has to decide about what is your own.")


def check_account(session: Session, by: str, account_id: str) -> None:
    """Do as `check` for an account, which may have been deleted since."""
    account = session.get(UserRow, account_id)
    check(session, by, account_id, account.email if account else None)


def check_order(session: Session, by: str, order_id: str) -> None:
    """Do as `check` for an order, which may have been placed signed in or as a guest. Raises NotFound as well."""
    order = orders.get(session, order_id)
    check(session, by, order.customer_id, order.email)
