"""For servers: `python -m server api.wsgi:app`. Another one needs a proxy in front that reads bodies whole."""

from api.app import create_app

app = create_app()
