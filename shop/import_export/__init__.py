"""The catalogue as files: in, from our own format and those of other shops, and out."""
