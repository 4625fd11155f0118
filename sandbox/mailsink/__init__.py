"""The mail sink, a mail server for development: it takes any mail by SMTP, delivers none, shows all in a browser."""
