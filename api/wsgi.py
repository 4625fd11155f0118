"""The WSGI app: `python -m server api.wsgi:app`. Any other server needs a proxy in front that reads bodies whole."""

from api.app import create_app

app = create_app()
