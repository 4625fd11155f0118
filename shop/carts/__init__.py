"""Carts: lines, currency, coupons, and what they would cost now."""
