"""Checkout: place orders from carts, and give the carts back what failed orders took."""
