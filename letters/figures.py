"""Money and dates in the format of the reader's language and country."""

from __future__ import annotations

from copy import copy
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import pass_context
from jinja2.runtime import Context

import iso4217
from config import settings


@lru_cache(maxsize=256)
def locale_of(language: str) -> Locale:
    """Parse a language tag such as `de-AT`; with an unknown country, only its language."""
    try:
        return Locale.parse(language, sep="-")
    except UnknownLocaleError:
        return Locale.parse(language.split("-", maxsplit=1)[0])


@pass_context
def money(context: Context, amount: int, currency: str) -> str:
    """Format `amount`, in minor units."""
    return amount_in(amount, currency, context["locale"])


@pass_context
def day(context: Context, moment: datetime) -> str:
    """Format a moment's date in the shop's time zone."""
    return day_in(shops_day(moment), context["locale"])


def shops_day(moment: datetime) -> date:
    """Return the date of a moment in the shop's time zone."""
    return moment.astimezone(ZoneInfo(settings().time_zone)).date()


@lru_cache(maxsize=4096)  # formatting takes longer than all the rest of a letter, and prices are few
def amount_in(amount: int, currency: str, locale: Locale) -> str:
    """Format minor units with the digits of ISO 4217, in the locale's pattern."""
    pattern, places = copy(locale.currency_formats["standard"]), iso4217.digits(currency)
    pattern.frac_prec = (places, places)
    return str(pattern.apply(Decimal(amount).scaleb(-places), locale, currency=currency, currency_digits=False))


@lru_cache(maxsize=64)
def day_in(on: date, locale: Locale) -> str:
    return format_date(on, "long", locale=locale)
