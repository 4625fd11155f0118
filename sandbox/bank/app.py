"""The URLs of the bank."""

from __future__ import annotations

from tornado.web import Application

from sandbox import web
from sandbox.bank import api, pages, statements, transfers
from sandbox.bank.bank import Bank


def create_app(bank: Bank) -> Application:
    parts = {"bank": bank}
    return Application(
        [
            (r"/v1/charges", api.Charges, parts),
            (r"/v1/charges/([^/]+)", api.OneCharge, parts),
            (r"/v1/charges/([^/]+)/capture", api.Capture, parts),
            (r"/v1/charges/([^/]+)/void", api.Void, parts),
            (r"/v1/charges/([^/]+)/refunds", api.Refunds, parts),
            (r"/v1/requests/(.+)", api.LookUp, parts),
            (r"/v1/ledger", statements.Statement, parts),
            (r"/v1/transfers", transfers.Transfers, parts),
            (r"/v1/transfers/([^/]+)", transfers.OneTransfer, parts),
            (r"/transfers", transfers.Sent, parts),
            (r"/3ds/([^/]+)", pages.Challenge, parts),
            (r"/3ds/([^/]+)/complete", pages.Complete, parts),
            (r"/ledger", pages.Ledger, parts),
            (r"/control", pages.Control, parts),
            (r"/healthz", web.Health),
            (r"/style.css", web.Style),
            (r"/", pages.Home, parts),
        ],
        default_handler_class=web.NotFound,
        log_function=web.silent,
        compress_response=False,
    )
