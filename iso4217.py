"""ISO 4217: the currency codes, and how many digits each currency has behind the point.

It is the one table wherever an amount is written or read. The habits of a language (CLDR drops the cents of RSD, say)
do not count: a customer must see the exact amount that is charged.
"""

from __future__ import annotations

_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS
INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND
VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_IN_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"

CODES = frozenset(_CODES.split())
DIGITS = dict.fromkeys(_WHOLE.split(), 0) | dict.fromkeys(_IN_THOUSANDTHS.split(), 3)
"""Digits behind the point of the currencies that have not two."""


def digits(currency: str) -> int:
    """Return how many digits the currency has behind the point; 2 also for an unknown code."""
    return DIGITS.get(currency, 2)


def decimal(amount: int, currency: str) -> str:
    """Return an amount in minor units as a decimal: `19.99` for 1999 EUR cents, `1999` for 1999 JPY."""
    sign, places = "-" if amount < 0 else "", digits(currency)
    whole, rest = divmod(abs(amount), 10**places)
    return f"{sign}{whole}" + (f".{rest:0{places}d}" if places else "")


def shown(amount: int, currency: str) -> str:
    """Return an amount in minor units with its currency: `19.99 EUR`, `1999 JPY`."""
    return f"{decimal(amount, currency)} {currency}"
