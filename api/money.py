"""How rows tell money: a number of minor units beside a `currency` on the same object."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from api.schemas import MoneySchema


class Amount(fields.Nested):
    """`total = Amount()` shows `row.total` of a row with a `row.currency` as `{"amount": ..., "currency": ...}`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(MoneySchema, **kwargs)

    def _serialize(self, nested_obj: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return None if nested_obj is None else {"amount": nested_obj, "currency": obj.currency}
