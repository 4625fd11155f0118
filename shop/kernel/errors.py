"""The refusals of the shop: each is a class with its code and its HTTP status; one handler renders them all."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A rule of the shop was not met. `detail` is for people; `code` is stable; `more` joins the problem document."""

    status = 409
    code = "refused"
    title = "Not possible"

    def __init__(self, detail: str = "", **more: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.more = more


class NotFound(Refusal):
    """The resource does not exist or belongs to another customer: the answer is the same."""

    status, code, title = 404, "not_found", "Not found"


class Invalid(Refusal):
    """The request is well-formed and makes no sense; `errors` says which field and why."""

    status, code, title = 422, "validation_failed", "Validation failed"

    def __init__(self, errors: dict[str, list[str]], detail: str = "") -> None:
        super().__init__(detail or "Some fields are not as they must be.", errors=errors)


class Unauthenticated(Refusal):
    status, code, title = 401, "unauthenticated", "Authentication needed"


class Forbidden(Refusal):
    status, code, title = 403, "forbidden", "Not allowed"


class IllegalMove(Refusal):
    """The current state of the resource does not allow this transition."""

    code, title = "illegal_state", "Not possible in this state"


class Unconditional(Refusal):
    """An edit without an If-Match header: it must say which version it was made from."""

    status, code, title = 428, "precondition_required", "If-Match needed"


class Stale(Refusal):
    """The resource was edited after the version that this edit was made from."""

    status, code, title = 412, "stale", "Changed in the meantime"
