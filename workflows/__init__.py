"""The workflows: one file a command, one tuple of steps a workflow."""

from workflows.account_mail import send_account_mail
from workflows.ask_return import ask_return
from workflows.campaigns import send_campaign, send_campaign_batch, send_campaign_trial
from workflows.cancel_order import cancel_order
from workflows.deliver_webhook import deliver_webhook
from workflows.import_catalogue import import_catalogue
from workflows.order_link import send_order_link
from workflows.pay_order import pay_order
from workflows.payments import capture_payment, refund_payment, verify_payment, void_payment
from workflows.place_order import place_order
from workflows.receive_transfers import receive_transfers
from workflows.reconcile_payments import reconcile_payments
from workflows.reject_return import reject_return
from workflows.remind_of_cart import remind_of_cart
from workflows.return_order import return_order
from workflows.run_periodic_task import run_periodic_task
from workflows.send_notification import remind_of_payment, send_notification
from workflows.stock_alerts import send_stock_alert, tell_of_stock
from workflows.tell_operators import tell_operators

__all__ = [
    "ask_return",
    "cancel_order",
    "capture_payment",
    "deliver_webhook",
    "import_catalogue",
    "pay_order",
    "place_order",
    "receive_transfers",
    "reconcile_payments",
    "refund_payment",
    "reject_return",
    "remind_of_cart",
    "remind_of_payment",
    "return_order",
    "run_periodic_task",
    "send_account_mail",
    "send_campaign",
    "send_campaign_batch",
    "send_campaign_trial",
    "send_notification",
    "send_order_link",
    "send_stock_alert",
    "tell_of_stock",
    "tell_operators",
    "verify_payment",
    "void_payment",
]
