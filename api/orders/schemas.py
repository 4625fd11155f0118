"""Schemas of orders, and of the request to place one."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from api.http.fields import Boolean, Email, Integer, Line, Moment, Shown, VatId
from api.http.money import Amount, BreakdownSchema, PriceSchema, SignedMoneySchema, TaxSchema
from api.http.schemas import AddressSchema, ErrorSchema, JobSchema, MoneySchema, PageQuery, Schema, accepted_with
from shop.orders.states import FulfilmentStatus, PaymentStatus, Status


class PayWithSchema(Schema):
    method = Line(required=True, most=20, metadata={"example": "card"})
    token = Line(
        most=255, load_only=True, metadata={"example": "tok_ok", "description": "of a card, from the provider"}
    )


class PlaceOrderSchema(Schema):
    cart = Line(required=True, most=64, metadata={"example": "me"})
    shipping_address = fields.Nested(AddressSchema)
    shipping_address_id = fields.UUID(
        metadata={"description": "one from the address book; without either, its default for shipping"}
    )
    billing_address = fields.Nested(AddressSchema)
    billing_address_id = fields.UUID(
        metadata={
            "description": "one from the address book; without either, its default for billing, or the shipping address"
        }
    )
    vat_id = VatId(metadata={"description": "the buyer's, for the invoice; checked by its form"})
    shipping_method = Line(most=40, metadata={"example": "standard", "description": "default: the cart's"})
    payment = fields.Nested(PayWithSchema, required=True)
    email = Email(metadata={"description": "of guests; default: the account's"})
    expected_total = fields.Nested(
        PriceSchema,
        metadata={"description": "what the shopper has seen: an order that comes to anything else is refused"},
    )

    accept_problems = Boolean(
        load_default=False,
        metadata={"description": "order although the cart's problems say that there is not enough (otherwise 409)"},
    )

    @validates_schema
    def _one_address(self, wish: dict[str, Any], **_: Any) -> None:
        for name in ("shipping_address", "billing_address"):
            if name in wish and f"{name}_id" in wish:
                raise ValidationError(f"Either {name} or {name}_id.", name)


class OrdersQuery(PageQuery):
    customer = fields.UUID(load_default=None, metadata={"description": "for staff: whose orders"})
    status = fields.Enum(Status, by_value=True, load_default=None)
    payment_status = fields.Enum(PaymentStatus, by_value=True, load_default=None)
    fulfilment_status = fields.Enum(FulfilmentStatus, by_value=True, load_default=None)
    email = Line(most=254, load_default=None)
    q = Line(most=100, load_default=None, metadata={"description": "begins an order's number, or is in its e-mail"})


class OrderLineSchema(Schema):
    sku = fields.String()
    name = fields.String()
    quantity = Integer()
    unit_price = fields.Nested(MoneySchema)
    total = fields.Nested(MoneySchema)
    discount = fields.Nested(MoneySchema)
    tax = fields.Nested(MoneySchema)
    backordered = Integer(metadata={"description": "of these, so many are sent when they have come in"})


class OrderSchema(Schema):
    """`job` is the newest one about this order."""

    id = fields.String()
    number = fields.String()
    status = fields.String(metadata={"enum": [*Status]})
    payment_status = fields.String(metadata={"enum": [*PaymentStatus]})
    fulfilment_status = fields.String(metadata={"enum": [*FulfilmentStatus]})
    customer_id = fields.String(allow_none=True)
    email = Shown()
    currency = fields.String()
    lines = fields.List(fields.Nested(OrderLineSchema))
    subtotal = Amount()
    discount = Amount()
    shipping = Amount()
    tax = Amount()
    tax_included = fields.Boolean()
    taxes = fields.List(fields.Nested(TaxSchema), metadata={"description": "by rate; of older orders not known"})
    total = Amount()
    refunded = Amount(metadata={"description": "what went back of what was paid, by whatever way"})
    coupon_code = fields.String(allow_none=True)
    breakdown = fields.List(fields.Nested(BreakdownSchema), metadata={"description": "adds up to total"})
    shipping_method = fields.String()
    shipping_address = fields.Nested(AddressSchema)
    billing_address = fields.Nested(AddressSchema)
    vat_id = fields.String(allow_none=True, metadata={"description": "the buyer's"})
    job = fields.Nested(JobSchema, allow_none=True)
    created_at = Moment()
    updated_at = Moment()


class PlacedSchema(accepted_with(order=OrderSchema)):  # type: ignore[misc]
    """`order_token`: what a guest sends from now on as `X-Order-Token`. The confirmation mail holds it too."""

    order_token = fields.String(metadata={"description": "of guests only"})


class MomentSchema(Schema):
    """Something that happened to an order: a change of its status, a step of one of its jobs, a parcel on its way."""

    at = Moment()
    kind = fields.String(metadata={"enum": ["status", "step", "waiting", "operator", "fulfilment", "return"]})
    status = fields.String()
    reason = fields.String()
    job_id = fields.String()
    workflow = fields.String()
    step = fields.String()
    direction = fields.String()
    attempts = Integer()
    finished_at = Moment(allow_none=True)
    waiting_for = fields.String(metadata={"example": "payment_provider"})
    detail = fields.String(metadata={"example": "waiting for the payment provider"})
    by = fields.String(metadata={"description": "the operator's account; for staff alone"})
    note = fields.String(allow_none=True, metadata={"description": "of an operator; for staff alone"})
    error = fields.Nested(ErrorSchema, allow_none=True)
    fulfilment_id = fields.String()
    return_id = fields.String()
    share = fields.Nested(MoneySchema, metadata={"description": "of a return that is over: see its own page"})
    kept_back = fields.Nested(SignedMoneySchema)
    given_before = fields.Nested(MoneySchema)
    refund = fields.Nested(MoneySchema)
