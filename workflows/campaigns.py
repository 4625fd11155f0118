"""A campaign's run, the batches it lets go, and a trial of it."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.campaigns import sending as campaigns

send_campaign = Workflow(
    "send_campaign",
    Step("freeze_audience", do=campaigns.freeze_audience),
    Step("send_out", do=campaigns.send_out),
    on_failed=campaigns.stop_run,
)

send_campaign_batch = Workflow(
    "send_campaign_batch",
    Step("send_mails", do=campaigns.send_batch),
    on_failed=campaigns.give_up_batch,
)

send_campaign_trial = Workflow(
    "send_campaign_trial",
    Step("send_mail", do=campaigns.send_trial),
    deadline=3600.0,
)
