"""A fault proxy of our own: stands before a broker, a database, a bank or a mail server and misbehaves as told."""

from tests.proxy.commits import ForgetfulProxy
from tests.proxy.proxy import Mode, Proxy

__all__ = ["ForgetfulProxy", "Mode", "Proxy"]
