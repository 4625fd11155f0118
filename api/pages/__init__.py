"""Small pages for people: the start page, and what mails link to where the shop has no storefront."""
