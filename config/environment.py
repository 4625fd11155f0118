"""Every setting of the program, read once from the environment and never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from environs import Env, validate

from config import checks

DEMO_ACCOUNT = "Orderwave Demo, IBAN DE02 1203 0000 0000 2020 51"
DEMO_SELLER = ("Orderwave Demo", "Demo Street 1|10115 Berlin|Germany", "DE123456789", "shop@example.com")
CAPTURE = validate.OneOf(("immediate", "on_fulfilment"))


@dataclass(frozen=True)
class Settings:
    environment: str
    state_dir: Path
    database_url: str = field(repr=False)
    database_connections: int
    database_processes: int
    broker_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    smtp_url: str = field(repr=False)
    mail_from: str
    operators_mail: tuple[str, ...]
    payment_provider: str
    payment_capture: str
    transfer_days: int
    transfer_account: str
    seller_name: str
    seller_address: tuple[str, ...]
    seller_vat_id: str
    seller_tax_number: str
    seller_email: str
    authorisation_days: int
    payment_retry_minutes: int
    credit_ceiling: int
    instant_bank_ms: int
    bank_url: str
    bank_key: str = field(repr=False)
    bank_webhook_secret: str = field(repr=False)
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secret: str = field(repr=False)
    stripe_api_base: str | None
    stripe_return_url: str | None
    jwt_secret: str = field(repr=False)
    jwt_secret_previous: str = field(repr=False)
    public_url: str
    storefront_url: str | None
    storefront_paths: Mapping[str, str]
    host: str
    port: int
    bank_port: int
    sink_port: int
    smtp_port: int
    flower_port: int
    flower_basic_auth: str = field(repr=False)
    queue_prefix: str
    task_modules: tuple[str, ...]
    trusted_proxies: int
    connections_per_address: int
    cors_origins: tuple[str, ...]
    access_minutes: int
    refresh_days: int
    reservation_minutes: int
    authentication_minutes: int
    order_minutes: int
    catalogue_cache_seconds: float
    payment_reminder_seconds: int
    prices_include_tax: bool
    shop_country: str
    keep_finished_days: int
    time_zone: str
    webhooks_allow_private: bool
    call_threads: int
    smtp_connections: int
    campaign_connections: int
    cart_reminder_hours: tuple[float, ...]
    cart_reminders_a_month: int
    log_level: str
    services: tuple[str, ...]
    bcrypt_cost: int
    rate_limit: str
    login_limit: str
    account_limit: str
    register_limit: str
    mail_limit: str
    job_waiters: int

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def on_rabbitmq(self) -> bool:
        return self.broker_url.startswith(("amqp", "pyamqp"))


def load(env: Env | None = None) -> Settings:
    """Read the settings from `env`; None: from the process's environment and `.env`.

    Raises the errors of `config.checks`, of environs and of ZoneInfo. Production needs secrets of its own.
    """
    env = env or _environment()
    state_dir = Path(env.str("STATE_DIR", ".run")).resolve()
    port = env.int("PORT", 8000)
    bank_port = env.int("BANK_PORT", port + 1)
    smtp_port = env.int("SMTP_PORT", port + 3)
    environment = env.str("ORDERWAVE_ENV", "development")
    secret = checks.secret_reader(env, state_dir, environment)
    provider = env.str("PAYMENT_PROVIDER", "sandbox")
    bank_secret = secret if provider == "sandbox" else (lambda name: env.str(name, ""))
    stripe = checks.stripe_reader(env, needed=provider == "stripe")
    stripe_api_base = env.str("STRIPE_API_BASE", None) or None  # None: Stripe itself
    if provider == "stripe":
        checks.check_stripe(stripe_api_base, environment)
    seller, street, vat_id, mail = ("", "", "", "") if environment == "production" else DEMO_SELLER
    return Settings(
        environment=environment,
        state_dir=state_dir,
        database_url=env.str("DATABASE_URL", f"sqlite:///{state_dir}/shop.db"),
        database_connections=env.int("DATABASE_CONNECTIONS", 12),
        database_processes=env.int("DATABASE_PROCESSES", 0),  # of the whole deployment; 0: unknown
        broker_url=env.str("BROKER_URL", f"litebroker:///{state_dir}/broker.db"),
        redis_url=env.str("REDIS_URL", None),
        smtp_url=env.str("SMTP_URL", f"smtp://127.0.0.1:{smtp_port}"),
        mail_from=env.str("MAIL_FROM", "Orderwave <shop@example.com>"),
        operators_mail=checks.addresses(
            env.list("OPERATORS_MAIL", [])
        ),  # recipients of mails about jobs that need attention
        payment_provider=provider,
        payment_capture=env.str("PAYMENT_CAPTURE", "immediate", validate=CAPTURE),
        transfer_account=env.str("TRANSFER_ACCOUNT", "" if environment == "production" else DEMO_ACCOUNT),
        seller_name=env.str("SELLER_NAME", seller),
        seller_address=_lines(env.str("SELLER_ADDRESS", street)),
        seller_vat_id=env.str("SELLER_VAT_ID", vat_id),
        seller_tax_number=env.str("SELLER_TAX_NUMBER", ""),
        seller_email=env.str("SELLER_EMAIL", mail),
        transfer_days=env.int("TRANSFER_DAYS", 7),  # for so long an order waits for its bank transfer
        authorisation_days=env.int("AUTHORISATION_DAYS", 6),  # then an uncaptured one is voided; banks void after 7
        payment_retry_minutes=env.int("PAYMENT_RETRY_MINUTES", 0),  # 0: a declined card ends the order
        credit_ceiling=env.int("CREDIT_CEILING", 50_000),  # minor units of credit by one member of staff a day
        instant_bank_ms=env.int("INSTANT_BANK_MS", 0),
        bank_url=env.str("BANK_URL", f"http://127.0.0.1:{bank_port}"),
        bank_key=bank_secret("BANK_KEY"),
        bank_webhook_secret=bank_secret("BANK_WEBHOOK_SECRET"),
        stripe_secret_key=stripe("STRIPE_SECRET_KEY", "sk_", "rk_"),
        stripe_webhook_secret=stripe("STRIPE_WEBHOOK_SECRET", "whsec_"),
        stripe_api_base=stripe_api_base,
        stripe_return_url=env.str("STRIPE_RETURN_URL", None) or None,
        jwt_secret=secret("JWT_SECRET"),
        jwt_secret_previous=checks.previous(env.str("JWT_SECRET_PREVIOUS", "")),
        public_url=env.str("PUBLIC_URL", f"http://127.0.0.1:{port}"),
        storefront_url=checks.storefront(env.str("STOREFRONT_URL", "")),  # None: the API's own small pages
        storefront_paths=checks.storefront_paths(env.list("STOREFRONT_PATHS", [])),
        host=env.str("HOST", "127.0.0.1"),
        port=port,
        bank_port=bank_port,
        sink_port=env.int("SINK_PORT", port + 2),
        smtp_port=smtp_port,
        flower_port=env.int("FLOWER_PORT", port + 4),
        flower_basic_auth=env.str("FLOWER_BASIC_AUTH", ""),  # user:password; Flower reads it by itself
        queue_prefix=env.str("QUEUE_PREFIX", "orderwave."),
        task_modules=tuple(env.list("EXTRA_TASK_MODULES", [])),
        trusted_proxies=env.int("TRUSTED_PROXIES", 0),
        connections_per_address=env.int("CONNECTIONS_PER_ADDRESS", 512, validate=validate.Range(min=1)),
        cors_origins=checks.origins(env.list("CORS_ORIGINS", [])),
        access_minutes=env.int("ACCESS_TOKEN_MINUTES", 15),
        refresh_days=env.int("REFRESH_TOKEN_DAYS", 30),
        reservation_minutes=env.int("RESERVATION_MINUTES", 30),
        authentication_minutes=env.int("AUTHENTICATION_MINUTES", 15),
        order_minutes=env.int("ORDER_MINUTES", 60),
        catalogue_cache_seconds=env.float("CATALOGUE_CACHE_SECONDS", 5.0),  # 0: every answer is read afresh
        payment_reminder_seconds=env.int("PAYMENT_REMINDER_SECONDS", 120),
        prices_include_tax=env.bool("PRICES_INCLUDE_TAX", True),
        shop_country=env.str("SHOP_COUNTRY", "DE"),  # whose tax a cart shows before it has an address
        keep_finished_days=env.int("KEEP_FINISHED_DAYS", 90),
        time_zone=ZoneInfo(env.str("TIME_ZONE", "UTC")).key,  # ZoneInfoNotFoundError names a wrong one
        webhooks_allow_private=checks.only_at_home(env.bool("WEBHOOKS_ALLOW_PRIVATE", False), environment),
        call_threads=env.int("CALL_THREADS", 128),
        smtp_connections=env.int("SMTP_CONNECTIONS", 16),
        campaign_connections=env.int("CAMPAIGN_CONNECTIONS", 16),
        cart_reminder_hours=tuple(sorted(float(hours) for hours in env.list("CART_REMINDER_HOURS", ["1", "24", "72"]))),
        cart_reminders_a_month=env.int("CART_REMINDERS_A_MONTH", 3),
        log_level=env.str("LOG_LEVEL", "INFO"),
        services=tuple(env.list("SERVICES", [])),
        bcrypt_cost=env.int("BCRYPT_COST", 12),
        rate_limit=env.str("RATE_LIMIT", "6000 per minute"),  # by address, for everything
        login_limit=env.str("LOGIN_LIMIT", "120 per minute"),  # by address
        account_limit=env.str("ACCOUNT_LIMIT", "20 per 15 minutes"),  # failed logins to one account, from anywhere
        register_limit=env.str("REGISTER_LIMIT", "120 per minute"),  # by address
        mail_limit=env.str("MAIL_LIMIT", "5 per hour"),  # mails that a mailbox did not ask for
        job_waiters=env.int("JOB_WAITERS", 16),  # requests that wait for a job in one process: fewer than its threads
    )


@cache
def settings() -> Settings:
    """Return the settings of this process, read at the first call."""
    return load()


def _lines(said: str) -> tuple[str, ...]:
    r"""Split at |, at line breaks and at a line break written as the two characters \n; leave out empty parts."""
    parts = said.replace("\\n", "|").replace("\n", "|").split("|")
    return tuple(part.strip() for part in parts if part.strip())


def _environment() -> Env:
    env = Env()
    env.read_env(".env", recurse=False)
    return env
