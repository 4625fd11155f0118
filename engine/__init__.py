"""The machine: durable sagas on Celery. It knows no order and no money.

`Workflow`, `Step`, `local_step`, `remote_step`, `on_failed` and `on_attention` are what a workflow is written with;
`start`, `start_all`, `wake`, `cancel`, `retry`, `skip` and `give_back` are what can be asked of a run; `jobs` reads.
"""

from engine import jobs
from engine.attention import on_attention
from engine.authoring import local_step, on_failed, remote_step
from engine.claim import Run
from engine.commands import (
    NotPossible,
    RunRequest,
    Started,
    busy,
    cancel,
    give_back,
    input_of,
    live_inputs,
    live_runs,
    retry,
    skip,
    standing,
    start,
    start_all,
    turning_back,
    wake,
    wake_about,
)
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
