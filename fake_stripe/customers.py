"""Customers (https://docs.stripe.com/api/customers)."""

from fake_stripe.calls import Call, endpoint
from fake_stripe.errors import Object, malformed, refused
from fake_stripe.events import emit
from fake_stripe.listing import belonging, page
from fake_stripe.parameters import (
    ADDRESS,
    CURSOR,
    PAGE,
    Kind,
    array,
    boolean,
    choice,
    hash_of,
    integer,
    known,
    merged,
    metadata,
    text,
)
from fake_stripe.payment_methods import TYPES, attach, usable
from fake_stripe.state import new_id


def email(value: object, param: str) -> str | None:
    """Take an e-mail address; an empty one unsets."""
    address: str | None = text(512, clearable=True)(value, param)
    if address and ("@" not in address[1:-1] or " " in address):
        raise malformed(f"Invalid email address: {address}", param=param, code="email_invalid")
    return address


SHIPPING: dict[str, Kind] = {
    "address": hash_of(ADDRESS),
    "name": text(),
    "phone": text(20, clearable=True),
    "carrier": text(clearable=True),
    "tracking_number": text(clearable=True),
}
_invoice_settings = {
    "default_payment_method": text(clearable=True),
    "footer": text(clearable=True),
    **known("custom_fields rendering_options"),
}
FIELDS: dict[str, Kind] = {
    "address": hash_of(ADDRESS, clearable=True),
    "balance": integer(),
    "business_name": text(150, clearable=True),
    "description": text(clearable=True),
    "email": email,
    "individual_name": text(150, clearable=True),
    "invoice_prefix": text(12),
    "invoice_settings": hash_of(_invoice_settings),
    "metadata": metadata,
    "name": text(256, clearable=True),
    "next_invoice_sequence": integer(1),
    "phone": text(20, clearable=True),
    "preferred_locales": array(text()),
    "shipping": hash_of(SHIPPING, required=("address", "name"), clearable=True),
    "tax_exempt": choice("none", "exempt", "reverse", clearable=True),
    "validate": boolean,
    **known("cash_balance source tax"),
}
CREATE = {**FIELDS, "payment_method": text(), **known("tax_id_data test_clock")}
UPDATE = {**FIELDS, **known("default_source")}
PLAIN = ("balance", "business_name", "description", "email", "individual_name", "invoice_prefix", "name")
MORE_PLAIN = ("next_invoice_sequence", "phone", "preferred_locales", "tax_exempt")


@endpoint("POST", "customers", CREATE)
def create(call: Call) -> Object:
    """Create a customer, with a card where one is given."""
    customer = call.new(
        "cus",
        "customer",
        **dict.fromkeys(("address", "currency", "customer_account", "default_source", "description", "discount")),
        **dict.fromkeys(("email", "name", "phone", "shipping", "test_clock")),
        balance=0,
        delinquent=False,
        invoice_prefix=new_id("x", 8)[2:].upper(),
        invoice_settings=dict.fromkeys(("custom_fields", "default_payment_method", "footer", "rendering_options")),
        metadata={},
        next_invoice_sequence=1,
        preferred_locales=[],
        tax_exempt="none",
    )
    customer["id"] = new_id("cus", 14)
    call.state.insert(customer)
    if "payment_method" in call.params:
        attach(call, usable(call, "payment_method"), customer["id"])
    _change(call, customer)
    emit(call, "customer.created", customer)
    return customer


def _change(call: Call, customer: Object) -> None:
    given = call.params
    customer |= {name: given[name] for name in (*PLAIN, *MORE_PLAIN) if name in given}
    customer["tax_exempt"] = customer["tax_exempt"] or "none"
    customer["metadata"] = merged(customer["metadata"], given.get("metadata", {}))
    for name, blank in (("address", ADDRESS), ("shipping", ("address", "name", "phone"))):
        if name in given:
            customer[name] = given[name] and {**dict.fromkeys(blank), **given[name]}
    settings = given.get("invoice_settings", {})
    _check_default(call, customer, settings.get("default_payment_method"))
    customer["invoice_settings"] |= settings
    call.state.save(customer)


def _check_default(call: Call, customer: Object, method_id: str | None) -> None:
    method = call.state.find("payment_method", method_id) if method_id else None
    if method_id and (method is None or method["customer"] != customer["id"]):
        raise refused(
            f"The customer does not have a payment method with the ID {method_id}. "
            "The payment method must be attached to the customer.",
            param="invoice_settings[default_payment_method]",
            code="resource_missing",
        )


@endpoint("GET", "customers", {**PAGE, "email": text(512), **known("test_clock")})
def index(call: Call) -> Object:
    """List customers, by e-mail too (which Stripe compares exactly)."""
    where = [*belonging(call, "email"), ("json_extract(body, '$.deleted') IS NULL AND ?", 1)]
    return page(call, "customer", where, url="/v1/customers")


@endpoint("GET", "customers/{id}")
def retrieve(call: Call) -> Object:
    """Give a customer; of a deleted one, that it is."""
    found = call.state.find("customer", call.path["id"])
    return _stone(found) if found and found.get("deleted") else call.get("customer")


def _stone(customer: Object) -> Object:
    return {"id": customer["id"], "object": "customer", "deleted": True}


@endpoint("POST", "customers/{id}", UPDATE)
def update(call: Call) -> Object:
    """Change a customer."""
    customer = call.get("customer")
    _change(call, customer)
    emit(call, "customer.updated", customer, previous={})
    return customer


@endpoint("DELETE", "customers/{id}")
def delete(call: Call) -> Object:
    """Delete a customer: the cards are detached, the payments stay."""
    customer = call.get("customer")
    for method in call.state.belonging("payment_method", "customer", customer["id"]):
        call.state.save({**method, "customer": None, "_spent": True})
    call.state.save({**customer, "deleted": True})
    emit(call, "customer.deleted", customer)
    return _stone(customer)


_methods = {**CURSOR, "type": choice(*TYPES), **known("allow_redisplay")}


@endpoint("GET", "customers/{id}/payment_methods", _methods)
def payment_methods(call: Call) -> Object:
    """List a customer's cards."""
    customer = call.get("customer")
    where = [("customer = ?", customer["id"]), *belonging(call, "type")]
    return page(call, "payment_method", where, url=f"/v1/customers/{customer['id']}/payment_methods")


@endpoint("GET", "customers/{id}/payment_methods/{payment_method}")
def payment_method(call: Call) -> Object:
    """Give one of a customer's cards."""
    customer = call.get("customer")
    call.path = {"id": call.path["payment_method"]}
    method = call.get("payment_method")
    if method["customer"] != customer["id"]:
        raise refused(f"The payment method {method['id']} does not belong to the customer {customer['id']}.")
    return method
