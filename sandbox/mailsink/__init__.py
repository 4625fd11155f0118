"""A mailbox for everybody: takes any mail by SMTP, sends none on, shows all in a browser."""
