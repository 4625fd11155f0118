"""Strict fields for schemas: no value is coerced from another type."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from shop.accounts import email_addresses, person_names
from shop.invoicing import vat_ids
from shop.kernel.times import in_bounds, rfc3339

BREAKS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")  # Unicode's Cc, Zl and Zp, which are fixed
SAFE = 2**53 - 1  # the largest integer that every JSON reader holds exactly


class Integer(fields.Integer):
    """A whole number from `least` to `most`: not 1.9, not "1", not true."""

    def __init__(self, *, least: int = -SAFE, most: int = SAFE, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(least, most), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class Percent(fields.Decimal):
    """More than 0 and at most 100 per cent with up to two decimals: in JSON a number, in Python an int of hundredths.

    The number is read by its decimal digits, not as a binary fraction: 12.35 is 1235.
    """

    FINEST = Decimal("0.01")

    def __init__(self, **kwargs: Any) -> None:
        said = {"example": 12.5, "exclusiveMinimum": 0, "maximum": 100, "description": "with at most two decimals"}
        super().__init__(metadata=said, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:  # type: ignore[override]
        if type(value) not in (int, float):
            raise self.make_error("invalid")
        said = Decimal(repr(value))
        if not 0 < said <= 100 or said % self.FINEST:
            raise ValidationError("Must be more than 0 and at most 100, with at most two decimals.")
        return int(said / self.FINEST)

    def _serialize(self, value: int | None, *args: Any, **kwargs: Any) -> int | float | None:  # type: ignore[override]
        if value is None:
            return None
        return value // 100 if value % 100 == 0 else float(value * self.FINEST)


class QueryInteger(Integer):
    """A whole number written in a query: digits, perhaps a minus sign, nothing else."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,16}", value):
            raise self.make_error("invalid")
        return int(value)


class Boolean(fields.Boolean):
    """true or false: not "yes", not 1."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


class QueryBoolean(fields.Boolean):
    """`true` or `false` written in a query."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(truthy={"true"}, falsy={"false"}, **kwargs)


class Text(fields.String):
    """Text of bounded length in Unicode's form NFC, white space around it taken off; empty only if `least` is 0."""

    def __init__(self, *, least: int = 1, most: int, **kwargs: Any) -> None:
        checks = kwargs.pop("validate", [])
        more = checks if isinstance(checks, list) else [checks]
        super().__init__(validate=[validate.Length(least, most), *more], **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        return unicodedata.normalize("NFC", str(super()._deserialize(value, *args, **kwargs))).strip()


class Line(Text):
    """Text without line breaks and other control characters: what may become a mail header."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        line = super()._deserialize(value, *args, **kwargs)
        if BREAKS.search(line):
            raise ValidationError("Must be a single line.")
        return line


class PersonName(Line):
    """The name of a person: no e-mail or web address, no markup, no invisible characters."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, *args, **kwargs)
        if problem := person_names.problem(name):
            raise ValidationError(problem)
        return name


class Few(fields.List[Any]):
    """A list of at most `most` items, counted before any of them is validated."""

    def __init__(self, inner: Any, *, least: int = 0, most: int, checks: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(inner, validate=[validate.Length(least, most), *checks], **kwargs)
        self._most = most

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > self._most:
            raise ValidationError(f"At most {self._most}.")
        return super()._deserialize(value, *args, **kwargs)


class Shown(fields.String):
    """An e-mail address, given out with its domain in Unicode instead of punycode."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> str | None:
        return email_addresses.shown(value) if value else value


class Email(Shown):
    """One e-mail address, taken in any spelling and loaded in the shop's normal form."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"format": "email", **kwargs.pop("metadata", {})}, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        try:
            return email_addresses.checked(super()._deserialize(value, *args, **kwargs))
        except email_addresses.NotAnAddress as error:
            raise ValidationError(str(error)) from error


class VatId(Line):
    """One VAT id, taken with spaces and dots and loaded without."""

    def __init__(self, **kwargs: Any) -> None:
        about = {"example": vat_ids.EXAMPLE, **kwargs.pop("metadata", {})}
        super().__init__(most=2 * vat_ids.LONGEST, metadata=about, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        try:
            return vat_ids.normalised(super()._deserialize(value, *args, **kwargs))
        except vat_ids.NotAVatId as error:
            raise ValidationError(str(error)) from error


class Moment(fields.AwareDateTime):
    """A time, given out as RFC 3339 in UTC; taken with any offset but never without one, of the years 1900 to 9997."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        """Load the time, cut to milliseconds, which is what `_serialize` gives out."""
        try:
            taken = in_bounds(super()._deserialize(value, *args, **kwargs))
        except (OverflowError, ValueError) as error:
            if isinstance(error, ValidationError):
                raise
            raise ValidationError("Must be a moment of the years 1900 to 9997.") from error
        return taken.replace(microsecond=taken.microsecond // 1000 * 1000)

    def _serialize(self, value: datetime | None, *args: Any, **kwargs: Any) -> str | None:
        return rfc3339(value) if value else None
