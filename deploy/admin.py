"""Make the first administrator: `python -m deploy.admin someone@example.com`, an account that is registered already.

Every later one is made by an administrator, with PATCH /api/users/{id}.
"""

from __future__ import annotations

import sys

from db import transaction
from shop.accounts import users
from shop.accounts.users import Role


def main(arguments: list[str]) -> int:
    """Give the account the role admin. Returns the exit code: 1 for an unknown address, 2 for wrong arguments."""
    if len(arguments) != 1:
        print("say who: python -m deploy.admin someone@example.com", file=sys.stderr)
        return 2
    with transaction() as session:
        account = users.by_email(session, users.normal(arguments[0]))
        if account is None:
            print(f"nobody has registered as {arguments[0]}", file=sys.stderr)
            return 1
        users.change_role(session, account.id, Role.ADMIN)
    print(f"{arguments[0]} is an administrator now")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
