"""An address on a paper is written as its country writes it."""

from __future__ import annotations

import pytest

from shop.accounts import postal_forms

SAM = {"name": "Sam %n Lee", "line1": "Main Street 1"}


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ({"country": "DE", "postal_code": "10969", "city": "Berlin"}, ["10969 Berlin", "Deutschland"]),
        ({"country": "US", "city": "Salem", "region": "OR", "postal_code": "97301"},
         ["Salem, OR 97301", "Vereinigte Staaten"]),
        ({"country": "US", "region": "OR", "postal_code": "97301"}, ["OR 97301", "Vereinigte Staaten"]),
        ({"country": "GB", "line2": "Flat 2", "city": "Leeds", "postal_code": "LS1 1AA"},
         ["Flat 2", "Leeds", "LS1 1AA", "Vereinigtes Königreich"]),
        ({"country": "FR", "postal_code": "75001", "city": "Paris", "region": "Nord"},
         ["75001 Paris", "Nord", "Frankreich"]),
    ],
)  # fmt: skip
def test_its_parts_stand_where_its_country_has_them(address: dict[str, str], written: list[str]) -> None:
    assert postal_forms.lines(SAM | address, "de-AT") == ["Sam %n Lee", "Main Street 1", *written]


def test_in_the_far_east_the_largest_comes_first() -> None:
    address = {"name": "田中", "line1": "千代田1", "region": "東京都", "postal_code": "100-0001", "country": "JP"}
    assert postal_forms.lines(address, "en") == ["100-0001", "東京都", "千代田1", "田中", "Japan"]


def test_of_who_was_forgotten_the_country_is_left() -> None:
    assert postal_forms.lines({"country": "DE"}, "en") == ["Germany"]
