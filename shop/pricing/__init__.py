"""What things cost: offers, coupons, shipping and tax rates, quotes. It knows SKUs and categories as words only."""
