"""A saga engine on Celery: it takes durable runs through the steps of a workflow. It knows no order and no money.

Write a workflow with `Workflow`, `Step`, `local_step`, `remote_step`, `on_failed` and `on_attention`; a step raises
the outcomes of `engine.outcomes`. Call `check_names` once all workflows are imported.

`start`, `start_all`, `wake`, `wake_about`, `cancel`, `retry`, `skip` and `give_back` change runs. They write in the
transaction of the caller's session and do not commit it, so that the run and what the caller wrote are one commit; a
message to a worker leaves after that commit, and none after a rollback. All but `start` and `start_all` lock the rows
of the runs until the transaction ends. `cancel`, `retry`, `skip`, `give_back` and `standing` raise NotPossible, which
leaves the transaction usable, with the code "not_found" where there is no such run. `wake` and `wake_about` pass over
what does not wait. A workflow that is `Named` raises UnknownWorkflow if it is not imported.

`live_runs`, `live_inputs`, `input_of`, `turning_back` and `jobs` read without a lock; `standing` locks; `busy` is a
SELECT for the caller's own statement. A subject is a pair of type and id, an id of a run is a UUID as text.
"""

from engine import jobs
from engine.attention import on_attention
from engine.authoring import local_step, on_failed, remote_step
from engine.claim import Run
from engine.commands import (
    NotPossible,
    RunRequest,
    Started,
    cancel,
    give_back,
    retry,
    skip,
    standing,
    start,
    start_all,
    wake,
    wake_about,
)
from engine.live_runs import busy, input_of, live_inputs, live_runs, turning_back
from engine.plan import Named, Step, UnknownWorkflow, Workflow, check_names, workflows
from engine.states import ENDED, FINAL, Direction, Hold, Mark, State
from engine.steps import DAYS, Answer, Done, Result, Retry

__all__ = [
    "DAYS",
    "ENDED",
    "FINAL",
    "Answer",
    "Direction",
    "Done",
    "Hold",
    "Mark",
    "Named",
    "NotPossible",
    "Result",
    "Retry",
    "Run",
    "RunRequest",
    "Started",
    "State",
    "Step",
    "UnknownWorkflow",
    "Workflow",
    "busy",
    "cancel",
    "check_names",
    "give_back",
    "input_of",
    "jobs",
    "live_inputs",
    "live_runs",
    "local_step",
    "on_attention",
    "on_failed",
    "remote_step",
    "retry",
    "skip",
    "standing",
    "start",
    "start_all",
    "turning_back",
    "wake",
    "wake_about",
    "workflows",
]
