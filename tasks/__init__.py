"""The Celery step tasks, one file a noun, do and undo side by side. Rules live in `shop/`."""
