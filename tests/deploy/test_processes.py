"""What runs follows from the settings."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

import celery_app
import config
import workflows  # noqa: F401 - so that every step task is known
from config import checks
from deploy import banner
from deploy.processes import Process, processes
from engine.steps import step_tasks

ROOT = Path(__file__).parent.parent.parent
SECRETS = dict.fromkeys(("JWT_SECRET", "BANK_KEY", "BANK_WEBHOOK_SECRET"), "x" * 32)


def listed(**variables: str) -> dict[str, Process]:
    with mock.patch.dict(os.environ, SECRETS | {"PATH": os.environ["PATH"]} | variables, clear=True):
        return {process.name: process for process in processes(config.load())}


def queues_of(process: Process) -> set[str]:
    return set(process.argv[process.argv.index("-Q") + 1].split(","))


def test_on_a_laptop_the_sandboxes_run_beside_the_shop() -> None:
    assert list(listed()) == [
        *("bank", "mailsink", "worker-steps", "worker-payments", "worker-notifications"),
        *("worker-campaigns", "worker-webhooks", "clock", "flower", "api"),
    ]


def test_a_real_mail_server_needs_no_sink() -> None:
    assert "mailsink" not in listed(SMTP_URL="smtp://mail.example.com:587")


def test_another_provider_or_a_bank_elsewhere_needs_no_bank() -> None:
    assert "bank" not in listed(PAYMENT_PROVIDER="instant")
    assert "bank" not in listed(BANK_URL="http://bank.internal:9000")


def test_every_queue_has_exactly_one_worker() -> None:
    workers = [process for process in listed(QUEUE_PREFIX="mine.").values() if process.node]
    taken = [queue for worker in workers for queue in queues_of(worker)]
    assert sorted(taken) == sorted("mine." + module.split(".")[-1] for module in celery_app.TASK_MODULES)


def test_queues_are_called_as_celery_app_calls_them() -> None:
    chosen = config.settings()
    workers = [process for process in processes(chosen) if process.node]
    assert {queue for worker in workers for queue in queues_of(worker)} == {q.name for q in celery_app.queues()}


def test_steps_that_call_the_outside_have_workers_of_their_own() -> None:
    steps = {queue.removeprefix("orderwave.") for queue in queues_of(listed()["worker-steps"])}
    remote = {name.split(".")[0] for name, step in step_tasks.items() if step.call}
    assert remote >= {"payments", "notifications"}
    assert steps & remote <= {"maintenance"}  # what the clock runs has a thread of its own, and asks the database only


def test_modules_of_others_are_served_with_the_local_steps() -> None:
    assert "orderwave.gifts" in queues_of(listed(EXTRA_TASK_MODULES="plugins.gifts")["worker-steps"])


def test_only_redis_allows_a_second_api_process() -> None:
    assert workers_of(listed()["api"]) == "1"
    assert workers_of(listed(REDIS_URL="redis://localhost/0")["api"]) == "2"


def test_two_copies_take_different_ports() -> None:
    first, second = listed(PORT="8000"), listed(PORT="9000")
    assert not {p for process in first.values() for p in process.ports} & {
        p for process in second.values() for p in process.ports
    }


def test_flower_is_only_seen_from_here_and_only_to_be_looked_at() -> None:
    argv = listed(HOST="0.0.0.0")["flower"].argv
    assert {"--address=127.0.0.1", "--read_only=True", "--persistent=True"} <= set(argv)


def test_flower_is_open_to_nobody_in_production() -> None:
    production = {"ORDERWAVE_ENV": "production"}
    with pytest.raises(checks.InsecureSetting, match="FLOWER_BASIC_AUTH"):
        listed(**production)
    flower = listed(**production, FLOWER_BASIC_AUTH="ada:secret")["flower"]
    assert flower.environment == {"FLOWER_UNAUTHENTICATED_API": "false"}
    assert "secret" not in " ".join(flower.argv), "arguments are seen by everybody on the machine"
    assert "FLOWER_BASIC_AUTH: ${FLOWER_BASIC_AUTH:?" in (ROOT / "docker-compose.yml").read_text()


def workers_of(process: Process) -> str:
    return process.argv[process.argv.index("--workers") + 1]


def test_production_behind_no_proxy_says_so_when_it_starts() -> None:
    production = {"ORDERWAVE_ENV": "production", "FLOWER_BASIC_AUTH": "ada:secret"}
    assert "TRUSTED_PROXIES is 0" in told_at_start(**production)
    assert "TRUSTED_PROXIES" not in told_at_start(**production, TRUSTED_PROXIES="1")
    assert "TRUSTED_PROXIES" not in told_at_start()


def told_at_start(**variables: str) -> str:
    with mock.patch.dict(os.environ, SECRETS | {"PATH": os.environ["PATH"]} | variables, clear=True):
        return banner.text(config.load())
