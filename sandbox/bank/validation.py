"""Validate the bodies of requests before any rule of a charge. A Refusal from here is not stored under the key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.web import Refusal

LARGEST_AMOUNT = 10**12
ISO_4217 = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"""
CURRENCIES = frozenset(ISO_4217.split())


@dataclass(frozen=True)
class NewCharge:
    amount: int
    currency: str
    source: str = field(repr=False)
    capture: bool
    reference: str


@dataclass(frozen=True)
class NewTransfer:
    """`reference`: the purpose that the sender wrote. `told`: whether an event is sent; false loses it on purpose."""

    amount: int
    currency: str
    reference: str
    told: bool


@dataclass(frozen=True)
class CaptureWish:
    """`amount`: in minor units, None for all that is left. `final`: the rest is voided."""

    amount: int | None
    final: bool


def new_charge(body: dict[str, Any]) -> NewCharge:
    _only(body, {"amount", "currency", "source", "capture", "reference"})
    return NewCharge(
        amount=_amount(body.get("amount")),
        currency=_currency(body.get("currency")),
        source=_text(body, "source"),
        capture=_flag(body.get("capture", True), "capture"),
        reference=_text(body, "reference"),
    )


def new_transfer(body: dict[str, Any]) -> NewTransfer:
    _only(body, {"amount", "currency", "reference", "told"})
    return NewTransfer(
        amount=_amount(body.get("amount")),
        currency=_currency(body.get("currency")),
        reference=_text(body, "reference") if body.get("reference") else "",
        told=_flag(body.get("told", True), "told"),
    )


def amount(body: dict[str, Any]) -> int:
    """Return the amount of a refund in minor units; it is required."""
    _only(body, {"amount"})
    return _amount(body.get("amount"))


def capture_wish(body: dict[str, Any]) -> CaptureWish:
    _only(body, {"amount", "final"})
    amount = None if body.get("amount") is None else _amount(body["amount"])
    return CaptureWish(amount, _flag(body.get("final", True), "final"))


def nothing(body: dict[str, Any]) -> None:
    _only(body, set())


def _only(body: dict[str, Any], allowed: set[str]) -> None:
    if unknown := sorted(set(body) - allowed):
        raise _invalid("unknown_parameter", f"Unknown parameter: {unknown[0][:40]}.")


def _amount(value: object) -> int:
    if type(value) is not int or not 0 < value <= LARGEST_AMOUNT:  # `type is`: True is an int too
        raise _invalid("invalid_amount", "amount must be a whole number of minor units above zero.")
    return value


def _currency(value: object) -> str:
    code = value.upper() if isinstance(value, str) else None
    if code not in CURRENCIES:
        raise _invalid("invalid_currency", "currency must be an ISO 4217 code.")
    return code


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200 or not value.isprintable():
        raise _invalid(f"invalid_{name}", f"{name} must be 1 to 200 printable characters.")
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise _invalid(f"invalid_{name}", f"{name} must be true or false.")
    return value


def _invalid(code: str, message: str) -> Refusal:
    return Refusal(422, code, message)
