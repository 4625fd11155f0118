"""The bank's tables. Their CHECK constraints are the last guard against a charge that is overdrawn."""

SCHEMA = """
create table if not exists charges (
    seq integer primary key,
    id text not null unique,
    reference text not null,
    status text not null check (status in ('requires_action', 'authorized', 'succeeded', 'failed', 'voided')),
    amount integer not null check (amount > 0),
    currency text not null,
    captured integer not null default 0 check (captured between 0 and amount),
    refunded integer not null default 0 check (refunded between 0 and captured),
    source text not null,
    wants_capture integer not null,
    failure_code text,
    refund_refusals integer not null default 0,
    idempotency_key text not null,
    created_at text not null
);
create index if not exists charges_by_reference on charges (reference);

create table if not exists entries (
    id integer primary key,
    charge text not null,
    reference text not null,
    kind text not null check (kind in ('authorise', 'capture', 'refund', 'void')),
    amount integer not null check (amount >= 0),
    currency text not null,
    key text,
    at text not null
);
create index if not exists entries_by_reference on entries (reference);
create index if not exists entries_by_charge on entries (charge);
create index if not exists entries_by_time on entries (at, id);

create table if not exists transfers (
    seq integer primary key,
    id text not null unique,
    amount integer not null check (amount > 0),
    currency text not null,
    reference text not null,
    at text not null
);
create index if not exists transfers_by_time on transfers (at, seq);

create table if not exists requests (
    key text primary key,
    fingerprint text not null,
    path text not null,
    status integer not null,
    response text not null,
    at text not null
) without rowid;

create table if not exists outbox (
    seq integer primary key,
    id text not null unique,
    body text not null,
    created real not null,
    attempts integer not null default 0,
    due real,
    delivered real,
    last_error text
);
create index if not exists outbox_due on outbox (due) where due is not null;
"""
