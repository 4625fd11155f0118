"""Coupons, promotions and rates over HTTP."""
