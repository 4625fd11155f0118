"""Who sends them: somebody with a role and one of everything, so that not every id that is aimed at is unknown."""

from __future__ import annotations

from typing import Any

from flask import Flask
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.catalogue_data import put_on_shelf
from tests.api.clients import People
from tests.api.http.test_foreign_ids import Belongings
from tests.fixtures import empty

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Sender:
    def __init__(self, app: Flask, role: str) -> None:
        self._app, self._role = app, role
        self.sent: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """In an empty shop: what was sent before may have ended the session, the role, or the goods."""
        empty()
        put_on_shelf("CHAIR", on_hand=1000)
        people = People(self._app)
        self.person = people.join("Fuzz", role=self._role)
        self._has = Belongings(self.person if self._role == "customer" else people.join("Ada"))

    def send(self, case: Case, *, aimed: bool) -> None:
        """Raises what is not as the document says."""
        if aimed and case.path_parameters:
            case.path_parameters.update(self._known(case.operation.path))
        case.headers.pop("Authorization", None)
        if isinstance(case.query.get("wait"), int):
            case.query["wait"] = min(case.query["wait"], 0)  # nothing would change meanwhile
        self.sent.add(case.operation.label)
        case.call_and_validate(headers=self.person.headers, checks=CHECKS)

    def _known(self, path: str) -> dict[str, Any]:
        """One that there is, taken apart into its parameters."""
        elsewhere = {"{provider}": {"provider": "sandbox"}, "{token}": {}}  # a token is in mails alone
        for name, known in elsewhere.items():
            if name in path:
                return known
        pairs = zip(path.split("/"), self._has.aim(path).split("/"), strict=True)
        return {name.strip("{}"): value for name, value in pairs if name.startswith("{")}
