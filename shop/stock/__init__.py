"""Stock: the ledger of movements, reservations, locations, backorders and stock alerts."""
