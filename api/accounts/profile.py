"""Schemas of accounts and of the tokens of a session."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.http.access_tokens import access_token
from api.http.fields import Boolean, Email, Few, Moment, PersonName, Shown
from api.http.languages import language
from api.http.schemas import AddressSchema, Schema
from config import settings
from shop.accounts import tags as user_tags
from shop.accounts.passwords import LONGEST, SHORTEST
from shop.accounts.sessions import Opened
from shop.accounts.users import Role
from shop.kernel.errors import Forbidden


class WrongPassword(Forbidden):
    code, title = "wrong_password", "That is not your password"


def password(**kwargs: Any) -> fields.String:
    """Make a field for a new password, taken as it is typed and never given out."""
    return fields.String(load_only=True, validate=validate.Length(SHORTEST, LONGEST), required=True, **kwargs)


def secret(**kwargs: Any) -> fields.String:
    """Make a field for a password to be compared with the stored one: shorter than a new one may be, too."""
    return fields.String(load_only=True, validate=validate.Length(1, LONGEST), **kwargs)


class UserSchema(Schema):
    id = fields.String()
    email = Shown()
    name = fields.String()
    role = fields.String(metadata={"enum": [str(role) for role in Role]})
    language = fields.String(metadata={"description": "of the mails: de, or de-AT"})
    email_verified = fields.Function(lambda row: row.email_verified_at is not None, metadata={"type": "boolean"})
    created_at = Moment()


class RegisterSchema(Schema):
    email = Email(required=True)
    password = password()
    name = PersonName(required=True, most=100)


class ChangeSchema(Schema):
    """Another e-mail address needs the password, and waits to be verified."""

    name = PersonName(most=100)
    language = language()
    email = Email()
    current_password = secret()


class BookedAddressSchema(AddressSchema):
    """An address in the address book."""

    id = fields.String(dump_only=True)
    default_shipping = Boolean()
    default_billing = Boolean()


class AdministeredSchema(UserSchema):
    """An account as an admin sees it."""

    tags = fields.List(fields.String(), metadata={"description": "for campaigns"})


class AdministerSchema(Schema):
    """`tags` replaces all tags of the account."""

    role = fields.String(validate=validate.OneOf([str(role) for role in Role]))
    tags = Few(fields.String(), most=user_tags.MOST, metadata={"example": ["vip"]})


class LoginSchema(Schema):
    email = fields.String(required=True, validate=validate.Length(1, 320))
    password = secret(required=True)


class TokensSchema(Schema):
    access_token = fields.String()
    refresh_token = fields.String()
    token_type = fields.String(metadata={"example": "Bearer"})
    expires_in = fields.Integer(metadata={"description": "seconds"})


def tokens(opened: Opened) -> dict[str, Any]:
    """Return the tokens that a client gets for a session just opened or rotated; `expires_in` is in seconds."""
    return {
        "access_token": access_token(opened),
        "refresh_token": opened.refresh_token,
        "token_type": "Bearer",
        "expires_in": 60 * settings().access_minutes,
    }
