"""What is on the shelf and promised: the ledger of movements, reservations, locations, backorders, stock alerts."""
