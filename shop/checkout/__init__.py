"""From a cart to orders."""
