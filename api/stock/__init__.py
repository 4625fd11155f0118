"""Stock and its locations over HTTP."""
