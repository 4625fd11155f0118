"""The Flask app: one for each container, made from one table of blueprints.

How to add a noun: write `api/<area>/<noun>.py` with `blp = Blueprint("<noun>", __name__)` from `api.http.blueprint`,
and name its module under its service below. In a view

    @blp.post("/api/orders")                       the whole path, as it stands in the contract
    @signed_in                                     api.http.security: signed_in, maybe_signed_in, roles("admin")
    @blp.arguments(PlaceOrderSchema)               api.http.schemas.Schema; location="query", PageQuery for lists
    @blp.response(202, accepted_with(order=OrderSchema))
    @blp.idempotent                                documents the key; run_command honours it
    def place(wish):
        def work(session): ...; return accepted(session, run.id, order=OrderSchema().dump(order))
        return run_command(work)

A refusal is raised (shop.kernel.errors), never returned: api.http.problems renders it. `caller()` and `visitor()`
return the account behind the request. Ids in paths are `<uuid:id>`; turn them into text with `str`. Reads use
`db.reading()`. Lists use api.http.paging.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from importlib import import_module
from typing import Any, NoReturn

from flask import Flask, Request, Response
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix

import engine
import logs
import workflows  # noqa: F401 - whom the shop starts by name
from api.catalogue import cache as catalogue_cache
from api.http import access_tokens, conflict_retry, cors, problems, rate_limits, request_hooks, verbs
from api.http.health import health
from api.openapi import strictness
from api.openapi.document import Api
from api.openapi.swagger_ui import docs
from api.orders import papers
from api.pages import start as start_page
from api.pages import storefront as account_pages
from config import settings
from shop.kernel.times import rfc3339

EVERYWHERE: tuple[str, ...] = ()  # mounted whatever the services
SERVICES: dict[str, tuple[str, ...]] = {
    "user": (
        "api.accounts.users",
        "api.accounts.preferences",
        "api.accounts.addresses",
        "api.stock.alerts",
        "api.accounts.admin",
        "api.payments.wallets",
        "api.payments.wallet_grants",
    ),
    "auth": ("api.accounts.auth", "api.accounts.sessions", "api.accounts.recovery"),
    "product": (
        "api.catalogue.products",
        "api.catalogue.products_admin",
        "api.catalogue.categories",
        "api.catalogue.imports",
        "api.stock.stock",
        "api.stock.locations",
    ),
    "cart": ("api.carts.carts", "api.pricing.promotions", "api.pricing.coupons", "api.pricing.rates"),
    "order": (
        "api.orders.orders",
        "api.orders.guest_links",
        "api.fulfilment.fulfilments",
        "api.fulfilment.returns",
        "api.orders.invoices",
        "api.orders.credit_notes",
        "api.orders.reorder",
        "api.orders.staff_notes",
        "api.jobs.jobs",
        "api.jobs.schedule",
    ),
    "payment": (
        "api.payments.payments",
        "api.payments.staff_actions",
        "api.payments.bank_transfers",
        "api.payments.reconciliations",
        "api.payments.provider_events",
    ),
    "notification": (
        "api.notifications.notifications",
        "api.notifications.staff_messages",
        "api.campaigns.campaigns",
        "api.campaigns.transitions",
        "api.campaigns.reports",
        "api.webhooks.endpoints",
        "api.accounts.unsubscribe",
        "api.accounts.suppressions",
    ),
}


class UnknownService(ValueError):
    """The list of services contains an unknown name. The app does not start, rather than serve with a part missing."""


def create_app(services: Iterable[str] | None = None) -> Flask:
    """Make the shop's WSGI app.

    services: which of SERVICES to mount. None mounts those of the setting SERVICES, or all when that is empty.
    Raises UnknownService, UnknownWorkflow, and InsecureSetting for a short JWT_SECRET.
    """
    logs.configure(settings().log_level)
    engine.check_names()
    papers.warn_of_no_seller()
    app = Door("api", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=request_hooks.LARGEST_BODY, MAX_FORM_MEMORY_SIZE=request_hooks.LARGEST_BODY)
    app.json = Json(app)
    for part in (request_hooks, cors, rate_limits, access_tokens, catalogue_cache):
        part.init_app(app)
    for plain in (health, docs, account_pages.blp, start_page.blp):
        app.register_blueprint(plain)
    openapi = Api(app)
    _mount(openapi, list(services or settings().services or SERVICES))
    strictness.init_app(app, openapi)
    problems.init_app(app)
    _trust_proxies(app, settings().trusted_proxies)
    return app


class Door(Flask):
    """The Flask app with Allow headers for every verb of a path and a retry of requests that clashed."""

    def ensure_sync(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Return the view as it is: none is asynchronous, and Flask would check a dozen times per request."""
        return view

    largest_body = staticmethod(request_hooks.largest_body)
    """Bytes of a body by path. `server` calls it, to refuse a larger body before it has arrived."""

    def make_default_options_response(self) -> Response:
        answer = self.response_class()
        answer.allow.update(verbs.of_this_path(self))
        return answer

    def raise_routing_exception(self, request: Request) -> NoReturn:
        if isinstance(request.routing_exception, MethodNotAllowed):
            raise MethodNotAllowed(verbs.of_this_path(self))
        super().raise_routing_exception(request)

    def dispatch_request(self) -> ResponseReturnValue:
        return conflict_retry.until_alone(super().dispatch_request)


class Json(DefaultJSONProvider):
    """JSON with its fields in the order of the code and times as RFC 3339."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        return rfc3339(value) if isinstance(value, datetime) else DefaultJSONProvider.default(value)


def _mount(api: Api, services: Iterable[str]) -> None:
    services = list(services)
    if strange := set(services) - set(SERVICES):
        raise UnknownService(f"no service is called {', '.join(sorted(strange))}; there are {', '.join(SERVICES)}")
    for module in (*EVERYWHERE, *(module for service in services for module in SERVICES[service])):
        api.register_blueprint(import_module(module).blp)


def _trust_proxies(app: Any, number: int) -> None:
    """Read the client's address from X-Forwarded-For of the nearest `number` proxies; with 0, from the connection."""
    if number:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=number, x_proto=number, x_host=0, x_port=0, x_prefix=0)
