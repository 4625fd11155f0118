"""Products, variants, categories and price lists, and the index by which products are found."""
