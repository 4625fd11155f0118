"""Products, variants, categories and price lists, and the index that they are found by."""
