"""Prices: offers, coupons, shipping and tax rates, quotes. SKUs and categories are only names here."""
