"""Run a campaign, send its batches, and send a trial of it."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.campaigns import sending, trials

send_campaign = Workflow(
    "send_campaign",
    Step("freeze_audience", do=sending.freeze_audience),
    Step("send_out", do=sending.send_out),
    on_failed=sending.stop_run,
)

send_campaign_batch = Workflow(
    "send_campaign_batch",
    Step("send_mails", do=sending.send_batch),
    on_failed=sending.give_up_batch,
)

send_campaign_trial = Workflow(
    "send_campaign_trial",
    Step("send_mail", do=trials.send_trial),
    deadline=3600.0,
)
