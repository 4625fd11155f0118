"""Steps of campaigns, cart reminders and stock alerts. A worker that imports `tasks.campaigns` knows them all."""

from tasks.campaigns import cart_reminder_mail, sending, stock_alerts, trials

__all__ = ["cart_reminder_mail", "sending", "stock_alerts", "trials"]
