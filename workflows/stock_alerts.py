"""Tell customers that a SKU is back in stock: one run for all of them, and one for each mail."""

from __future__ import annotations

from engine import Step, Workflow
from tasks.campaigns import stock_alerts

tell_of_stock = Workflow("tell_of_stock", Step("let_go", do=stock_alerts.let_go))
send_stock_alert = Workflow(
    "send_stock_alert",
    Step("send", do=stock_alerts.send),
    on_failed=stock_alerts.wait_again,
    deadline=24 * 3600.0,  # by then it may well be sold out again
)
