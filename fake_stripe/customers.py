"""Customers (https://docs.stripe.com/api/customers)."""

from fake_stripe.endpoints import RequestContext, endpoint
from fake_stripe.errors import JsonObject, invalid_parameter, invalid_request
from fake_stripe.events import emit
from fake_stripe.pagination import filters, list_page
from fake_stripe.parameters import (
    ADDRESS,
    CURSOR,
    PAGE,
    Parser,
    array,
    boolean,
    choice,
    integer,
    metadata,
    nested,
    not_simulated,
    text,
    words,
)
from fake_stripe.payment_methods import TYPES, attach, find_payment_method
from fake_stripe.store import new_id, random_text


def email(value: object, param: str) -> str | None:
    address: str | None = text(512, clearable=True)(value, param)
    if address and ("@" not in address[1:-1] or " " in address):
        raise invalid_parameter(f"Invalid email address: {address}", param=param, code="email_invalid")
    return address


SHIPPING: dict[str, Parser] = {
    "address": nested(ADDRESS),
    "name": text(),
    "phone": text(20, clearable=True),
    "carrier": text(clearable=True),
    "tracking_number": text(clearable=True),
}
_invoice_settings = {
    "default_payment_method": text(clearable=True),
    "footer": text(clearable=True),
    **not_simulated("custom_fields rendering_options"),
}
FIELDS: dict[str, Parser] = {
    "address": nested(ADDRESS, clearable=True),
    "balance": integer(),
    "business_name": text(150, clearable=True),
    "description": text(clearable=True),
    "email": email,
    "individual_name": text(150, clearable=True),
    "invoice_prefix": text(12),
    "invoice_settings": nested(_invoice_settings),
    "metadata": metadata,
    "name": text(256, clearable=True),
    "next_invoice_sequence": integer(1),
    "phone": text(20, clearable=True),
    "preferred_locales": array(text()),
    "shipping": nested(SHIPPING, required=("address", "name"), clearable=True),
    "tax_exempt": choice("none", "exempt", "reverse", clearable=True),
    "validate": boolean,
    **not_simulated("cash_balance source tax"),
}
CREATE = {**FIELDS, "payment_method": text(), **not_simulated("tax_id_data test_clock")}
UPDATE = {**FIELDS, **not_simulated("default_source")}
COPIED_FIELDS = words(
    "balance business_name description email individual_name invoice_prefix name next_invoice_sequence phone "
    "preferred_locales tax_exempt"
)


@endpoint("POST", "customers", CREATE)
def create(context: RequestContext) -> JsonObject:
    customer = context.new_object(
        "cus",
        "customer",
        **dict.fromkeys(("address", "currency", "customer_account", "default_source", "description", "discount")),
        **dict.fromkeys(("email", "name", "phone", "shipping", "test_clock")),
        balance=0,
        delinquent=False,
        invoice_prefix=random_text(8).upper(),
        invoice_settings=dict.fromkeys(("custom_fields", "default_payment_method", "footer", "rendering_options")),
        metadata={},
        next_invoice_sequence=1,
        preferred_locales=[],
        tax_exempt="none",
    )
    customer["id"] = new_id("cus", 14)
    context.store.insert(customer)
    if "payment_method" in context.params:
        attach(context, find_payment_method(context, "payment_method"), customer["id"])
    _update_fields(context, customer)
    emit(context, "customer.created", customer)
    return customer


def _update_fields(context: RequestContext, customer: JsonObject) -> None:
    params = context.params
    customer |= context.sent(*COPIED_FIELDS)
    customer["tax_exempt"] = customer["tax_exempt"] or "none"
    context.update_metadata(customer)
    for name, blank in (("address", ADDRESS), ("shipping", ("address", "name", "phone"))):
        if name in params:
            customer[name] = params[name] and {**dict.fromkeys(blank), **params[name]}
    settings = params.get("invoice_settings", {})
    _check_default(context, customer, settings.get("default_payment_method"))
    customer["invoice_settings"] |= settings
    context.store.save(customer)


def _check_default(context: RequestContext, customer: JsonObject, method_id: str | None) -> None:
    method = context.store.find("payment_method", method_id) if method_id else None
    if method_id and (method is None or method["customer"] != customer["id"]):
        raise invalid_request(
            f"The customer does not have a payment method with the ID {method_id}. "
            "The payment method must be attached to the customer.",
            param="invoice_settings[default_payment_method]",
            code="resource_missing",
        )


@endpoint("GET", "customers", {**PAGE, "email": text(512), **not_simulated("test_clock")})
def index(context: RequestContext) -> JsonObject:
    where = [*filters(context, "email"), ("json_extract(body, '$.deleted') IS NULL AND ?", 1)]
    return list_page(context, "customer", where, url="/v1/customers")


@endpoint("GET", "customers/{id}")
def retrieve(context: RequestContext) -> JsonObject:
    found = context.store.find("customer", context.path["id"])
    return _deleted(found) if found and found.get("deleted") else context.get("customer")


def _deleted(customer: JsonObject) -> JsonObject:
    return {"id": customer["id"], "object": "customer", "deleted": True}


@endpoint("POST", "customers/{id}", UPDATE)
def update(context: RequestContext) -> JsonObject:
    customer = context.get("customer")
    _update_fields(context, customer)
    emit(context, "customer.updated", customer, previous={})
    return customer


@endpoint("DELETE", "customers/{id}")
def delete(context: RequestContext) -> JsonObject:
    customer = context.get("customer")
    for method in context.store.filter_by("payment_method", "customer", customer["id"]):
        context.store.save({**method, "customer": None, "_spent": True})
    context.store.save({**customer, "deleted": True})
    emit(context, "customer.deleted", customer)
    return _deleted(customer)


_methods = {**CURSOR, "type": choice(*TYPES), **not_simulated("allow_redisplay")}


@endpoint("GET", "customers/{id}/payment_methods", _methods)
def payment_methods(context: RequestContext) -> JsonObject:
    customer = context.get("customer")
    where = [("customer = ?", customer["id"]), *filters(context, "type")]
    return list_page(context, "payment_method", where, url=f"/v1/customers/{customer['id']}/payment_methods")


@endpoint("GET", "customers/{id}/payment_methods/{payment_method}")
def payment_method(context: RequestContext) -> JsonObject:
    customer = context.get("customer")
    context.path = {"id": context.path["payment_method"]}
    method = context.get("payment_method")
    if method["customer"] != customer["id"]:
        raise invalid_request(f"The payment method {method['id']} does not belong to the customer {customer['id']}.")
    return method
