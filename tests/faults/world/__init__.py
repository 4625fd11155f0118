"""The world breaks while customers order: broker, database, bank, mail server, clocks."""
