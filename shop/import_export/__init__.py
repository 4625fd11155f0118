"""The catalogue as files: imports from our own format and those of other shops, and exports."""
