"""Carts: their lines, currency and coupons, and what they cost now."""
