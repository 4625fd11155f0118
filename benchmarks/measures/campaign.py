"""A campaign into the mail sink, compared with smtplib in a loop on the same sink, by the number of connections."""

from __future__ import annotations

from benchmarks.ground import Ground
from benchmarks.report import Page, Row
from benchmarks.run import Run
from benchmarks.site import Site
from benchmarks.times import seconds
from deploy import processes
from deploy.readiness import answers

TITLE = "a campaign's recipients a second into the SMTP sink"
CAVEATS = (
    "From the moment the audience is frozen to the record of the last mail. One worker process, as shipped.",
    "Ours asks consent and suppression, renders in a sandbox, signs a link to unsubscribe and records each recipient.",
    "The loop composes a mail of the same words and sends it; it could not say afterwards who got one.",
    "The sink is one Python process and shares the two cores: much of what is measured is the sink.",
)
CONNECTIONS = (1, 4, 16)
PEOPLE = 6000
LEFT = "SELECT count(*) FROM campaign_recipients WHERE state IN ('waiting', 'sending')"


def measure(run: Run, page: Page) -> None:
    for site in run.sites:
        for connections in CONNECTIONS:
            page.row(_beside_smtplib(site, page, run.some(PEOPLE), connections))


def _beside_smtplib(site: Site, page: Page, people: int, connections: int) -> Row:
    plural = "s" * (connections > 1)
    with site.ground(quick=False, CAMPAIGN_CONNECTIONS=str(connections), LOG_LEVEL="WARNING") as here:
        _open_sink(here)
        ours = _campaign(here, people)
        bare = float(here.learn("benchmarks.peers.bare_smtp", here.settings.smtp_url, people, connections))
    page.say(f"{site.pair:9} {connections:3} connection{plural}: {ours:6.0f} recipients/s, smtplib {bare:6.0f}")
    measure = f"campaign, {site.pair}, {connections} connection{plural}, recipients/s"
    return Row(measure, ours, f"smtplib loop, {connections} connection{plural}", bare)


def _open_sink(here: Ground) -> None:
    sink = processes.sink(here.settings)
    here.start(sink.name, sink.argv)
    here.wait(lambda: answers(str(sink.url)), "the sink", seconds=30)


def _campaign(here: Ground, people: int) -> float:
    id = here.learn("benchmarks.acts.start_campaign", people)
    [worker] = [each for each in processes.workers(here.settings) if each.node == "campaigns"]
    here.start(worker.name, worker.argv)
    frozen = f"(SELECT frozen_at FROM campaign_runs WHERE id = '{id}')"
    here.wait(lambda: here.ask(f"SELECT {frozen} IS NOT NULL") and not here.ask(LEFT), f"{people} mails", pause=0.2)
    return people / _took(here, frozen, people)


def _took(here: Ground, frozen: str, people: int) -> float:
    sent = here.ask("SELECT count(*) FROM campaign_recipients WHERE state = 'sent'")
    assert sent == people, f"{sent} of {people} were sent"
    first, last = (seconds(m, sqlite=here.settings.on_sqlite) for m in (frozen, "max(updated_at)"))
    return float(here.ask(f"SELECT {last} - {first} FROM campaign_recipients"))
